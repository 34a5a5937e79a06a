package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// nested evaluates all blocks of one type in the block's body.
func (n *blockNode) nested(name string, b *resource.Block, ctx *hcl.EvalContext) argument {
	if _, given := n.block.nested[name]; !given {
		return argument{value: absent(b), known: true, ok: true}
	}
	only := &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: name}}}
	content, _, diags := dynblock.Expand(n.block.body, ctx).PartialContent(only)
	if !n.accept(diags) {
		return argument{value: cty.DynamicVal}
	}
	n.unknownBlocks = false
	v, ok := n.blocks(content, name, b, ctx)
	if n.unknownBlocks { // what the blocks would have is not looked at, so its marks are not known either
		v = v.WithMarks(namedMarks(ctx, n.block.nested[name].names))
	}
	return n.settle(v, ok)
}

func (n *blockNode) accept(diags hcl.Diagnostics) bool {
	n.in.e.reportOnce(diags...)
	return !diags.HasErrors()
}

// absent is the value of a type of blocks of which there is none.
func absent(b *resource.Block) cty.Value {
	ty := objectType(&b.Schema)
	switch {
	case b.Single:
		return cty.NullVal(ty)
	case ty.HasDynamicTypes():
		return cty.EmptyTupleVal
	default:
		return cty.ListValEmpty(ty)
	}
}

// objectType is the type of a nested block's object.
func objectType(s *resource.Schema) cty.Type {
	attrs := map[string]cty.Type{}
	for name, a := range s.Attributes {
		if !a.Computed {
			attrs[name] = a.Type
		}
	}
	for name, b := range s.Blocks {
		switch ty := objectType(&b.Schema); {
		case b.Single:
			attrs[name] = ty
		case ty.HasDynamicTypes():
			attrs[name] = cty.DynamicPseudoType
		default:
			attrs[name] = cty.List(ty)
		}
	}
	return cty.Object(attrs)
}

// blocks makes the value of the blocks with this type in content: an object if it is Single, else a list of them, or a tuple where
// the type of references is in the way of a list.
func (n *blockNode) blocks(content *hcl.BodyContent, name string, b *resource.Block, ctx *hcl.EvalContext) (cty.Value, bool) {
	var objects []cty.Value
	var marks []cty.ValueMarks
	ok := true
	for _, raw := range content.Blocks {
		if raw.Type != name {
			continue
		}
		if m, is := raw.Body.(hcldec.MarkedBody); is {
			marks = append(marks, m.BodyValueMarks())
		}
		if u, is := raw.Body.(hcldec.UnknownBody); is && u.Unknown() {
			n.unknownBlocks = true
			return unknownBlocks(b).WithMarks(marks...), true
		}
		v, fine := n.object(raw, &b.Schema, ctx)
		ok = ok && fine
		objects = append(objects, v)
	}
	if !ok {
		return cty.DynamicVal, false
	}
	if b.Single && len(objects) > 1 {
		n.in.e.reportOnce(errorf(&content.Blocks[1].DefRange, "Block given twice", "There is at most one block %q here.", name))
		return cty.DynamicVal, false
	}
	if b.Required && len(objects) == 0 {
		n.in.e.reportOnce(errorf(content.MissingItemRange.Ptr(), "Missing block", "A block %q is required here, but the dynamic block makes none.", name))
		return cty.DynamicVal, false
	}
	return joinBlocks(b, objects).WithMarks(marks...), true
}

func joinBlocks(b *resource.Block, objects []cty.Value) cty.Value {
	switch {
	case len(objects) == 0:
		return absent(b)
	case b.Single:
		return objects[0]
	case objectType(&b.Schema).HasDynamicTypes():
		return cty.TupleVal(objects)
	default:
		return cty.ListVal(objects)
	}
}

func unknownBlocks(b *resource.Block) cty.Value {
	if ty := objectType(&b.Schema); b.Single {
		return cty.UnknownVal(ty)
	} else if !ty.HasDynamicTypes() {
		return cty.UnknownVal(cty.List(ty))
	}
	return cty.DynamicVal
}

// object evaluates the body of one nested block. Marks stay.
func (n *blockNode) object(raw *hcl.Block, s *resource.Schema, ctx *hcl.EvalContext) (cty.Value, bool) {
	content, diags := raw.Body.Content(bodySchema(s))
	if !n.accept(diags) {
		return cty.DynamicVal, false
	}
	attrs, ok := map[string]cty.Value{}, true
	for name, a := range s.Attributes {
		given, set := content.Attributes[name]
		switch {
		case a.Computed:
		case !set:
			attrs[name] = unset(a)
		default:
			v, fine := n.nestedAttribute(given, a, ctx)
			attrs[name], ok = v, ok && fine
		}
	}
	for name, b := range s.Blocks {
		v, fine := n.blocks(content, name, b, ctx)
		attrs[name], ok = v, ok && fine
	}
	return cty.ObjectVal(attrs), ok
}

func (n *blockNode) nestedAttribute(given *hcl.Attribute, s *resource.Attribute, ctx *hcl.EvalContext) (cty.Value, bool) {
	v, diags := nestedValue(given.Expr, ctx)
	if !n.accept(diags) {
		return cty.DynamicVal, false
	}
	v, err := fit(v, s)
	if err != nil {
		n.in.e.reportOnce(unsuitable(given.Expr, ctx, given.Name, err))
		return cty.DynamicVal, false
	}
	return v, true
}
