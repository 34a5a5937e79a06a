package console

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// Format writes a value as the language would, what is unknown or sensitive in it aside.
func Format(v cty.Value) string {
	var b strings.Builder
	write(&b, v, "")
	return b.String()
}

func write(b *strings.Builder, v cty.Value, indent string) {
	switch ty := v.Type(); {
	case v.IsMarked():
		b.WriteString("(sensitive value)")
	case !v.IsKnown():
		b.WriteString("(known after apply)")
	case v.IsNull():
		b.WriteString("null")
	case ty.IsCapsuleType():
		b.WriteString("(no value of the language)")
	case ty.IsObjectType() || ty.IsMapType():
		writeObject(b, v, indent)
	case ty.IsTupleType() || ty.IsListType():
		writeList(b, v, indent, "[", "]")
	case ty.IsSetType():
		writeList(b, v, indent, "toset([", "])")
	default:
		b.Write(hclwrite.TokensForValue(v).Bytes())
	}
}

func writeList(b *strings.Builder, v cty.Value, indent, open, end string) {
	if v.LengthInt() == 0 {
		b.WriteString(open + end)
		return
	}
	b.WriteString(open + "\n")
	for _, element := range v.AsValueSlice() {
		b.WriteString(indent + "  ")
		write(b, element, indent+"  ")
		b.WriteString(",\n")
	}
	b.WriteString(indent + end)
}

func writeObject(b *strings.Builder, v cty.Value, indent string) {
	if v.LengthInt() == 0 {
		b.WriteString("{}")
		return
	}
	b.WriteString("{\n")
	width := 0
	for it := v.ElementIterator(); it.Next(); {
		k, _ := it.Element()
		width = max(width, len(key(k)))
	}
	for it := v.ElementIterator(); it.Next(); {
		k, element := it.Element()
		fmt.Fprintf(b, "%s  %-*s = ", indent, width, key(k))
		write(b, element, indent+"  ")
		b.WriteByte('\n')
	}
	b.WriteString(indent + "}")
}

// key is the name of an attribute, in quotes where it needs some.
func key(k cty.Value) string {
	k, _ = k.Unmark()
	if s := k.AsString(); hclsyntax.ValidIdentifier(s) {
		return s
	}
	return string(hclwrite.TokensForValue(k).Bytes())
}
