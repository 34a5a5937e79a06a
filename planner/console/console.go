// Package console answers expressions that somebody types, one after the other. It owns when an expression is complete and how a value is shown; what it
// is comes from the evaluator.
package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"viver/planner/lang"
)

// Evaluator says what an expression is; *lang.Evaluator is one.
type Evaluator interface {
	Ask(x hcl.Expression, more map[string]cty.Value) (cty.Value, hcl.Diagnostics)
}

// Console is one conversation.
type Console struct {
	Evaluator Evaluator
	// ReadLine returns the next line, without its end; more says that it goes on with an expression that is not complete. io.EOF: there is none.
	ReadLine func(more bool) (string, error)
	Out      io.Writer
	// Diagnostics shows what is wrong with an expression, whose source is in files.
	Diagnostics func(diags hcl.Diagnostics, files map[string]*hcl.File)
	// JSON writes each value as an object in one line.
	JSON bool
}

// name is what the places in messages call an expression.
const name = "<console>"

// maxLines bounds the lines of one expression.
const maxLines = 10_000

// Help is what the word help says.
const Help = `Type an expression, and its value is shown: node.pc[0].address, cidrhost("10.20.0.0/16", 5).
type(x) shows the type of x. An expression with an open bracket goes on in the next line.
exit, or Ctrl-D, ends the console.
`

// Run answers until there are no more lines, or one says exit. failed says whether any expression had no value.
func (c *Console) Run() (failed bool, err error) {
	for {
		text, err := c.read()
		if errors.Is(err, io.EOF) && text == "" {
			return failed, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return failed, err
		}
		switch text {
		case "":
		case "exit", "quit":
			return failed, nil
		case "help":
			fmt.Fprint(c.Out, Help)
		default:
			failed = !c.answer(text) || failed
		}
	}
}

// read returns the lines of one expression; with io.EOF, those that there were.
func (c *Console) read() (string, error) {
	var lines []string
	for len(lines) < maxLines {
		line, err := c.ReadLine(len(lines) > 0)
		if err != nil {
			return strings.TrimSpace(strings.Join(lines, "\n")), err
		}
		lines = append(lines, line)
		if text := strings.Join(lines, "\n"); !open(text) {
			return strings.TrimSpace(text), nil
		}
	}
	return "", fmt.Errorf("console: an expression has more than %d lines", maxLines)
}

// open reports whether an expression needs more lines: it has brackets or a heredoc that are not closed.
func open(text string) bool {
	if lang.CheckText(name, []byte(text)) != nil {
		return false // answer says what is wrong
	}
	tokens, _ := hclsyntax.LexExpression([]byte(text+"\n"), name, hcl.InitialPos)
	depth, heredoc := 0, false
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenOHeredoc:
			heredoc = true
		case hclsyntax.TokenCHeredoc:
			heredoc = false
		}
	}
	return depth > 0 || heredoc
}

// answer shows the value of an expression, and reports whether it has one.
func (c *Console) answer(text string) bool {
	data := []byte(text + "\n")
	x, diags := parse(data)
	files := map[string]*hcl.File{name: {Bytes: data}}
	var v cty.Value
	asksType := false
	if !diags.HasErrors() {
		x, asksType = typeOf(x)
		var more hcl.Diagnostics
		v, more = c.Evaluator.Ask(x, nil)
		diags = append(diags, more...)
	}
	if len(diags) > 0 {
		c.Diagnostics(diags, files)
	}
	if diags.HasErrors() {
		return false
	}
	if asksType {
		v = cty.StringVal(typeexpr.TypeString(v.Type()))
	}
	c.show(v, asksType)
	return true
}

func parse(data []byte) (hclsyntax.Expression, hcl.Diagnostics) {
	if d := lang.CheckText(name, data); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	return hclsyntax.ParseExpression(data, name, hcl.InitialPos)
}

// typeOf returns what the type is asked of, of type(x).
func typeOf(x hclsyntax.Expression) (hclsyntax.Expression, bool) {
	call, ok := x.(*hclsyntax.FunctionCallExpr)
	if !ok || call.Name != "type" || len(call.Args) != 1 || call.ExpandFinal {
		return x, false
	}
	return call.Args[0], true
}

func (c *Console) show(v cty.Value, isType bool) {
	switch {
	case c.JSON:
		line, err := jsonLine(v)
		if err != nil {
			line, _ = json.Marshal(map[string]string{"error": err.Error()})
		}
		fmt.Fprintf(c.Out, "%s\n", line)
	case isType:
		fmt.Fprintln(c.Out, v.AsString())
	default:
		fmt.Fprintln(c.Out, Format(v))
	}
}

func jsonLine(v cty.Value) ([]byte, error) {
	line := map[string]any{"type": typeexpr.TypeString(v.Type())}
	switch {
	case v.ContainsMarked():
		line["sensitive"] = true
	case !v.IsWhollyKnown():
		line["unknown"] = true
	default:
		line["value"] = ctyjson.SimpleJSONValue{Value: v}
	}
	return json.Marshal(line)
}
