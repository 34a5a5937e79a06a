package lang

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Bounds of what names makes: they guard against a slip of the pen, not against large networks.
const (
	maxNames     = 1 << 20
	maxNameBytes = 64 << 20
)

// rangeFunctions make many names or addresses of a short text. OpenTofu has no such functions.
func rangeFunctions() map[string]function.Function {
	return map[string]function.Function{
		"names":     listFunction([]function.Parameter{param("set", cty.String)}, func(args []cty.Value) ([]string, error) { return expandNames(args[0].AsString()) }),
		"cidrrange": listFunction([]function.Parameter{param("prefix", cty.String), param("first", cty.Number), param("last", cty.Number)}, addressRange),
	}
}

func listFunction(params []function.Parameter, f func([]cty.Value) ([]string, error)) function.Function {
	return function.New(&function.Spec{
		Params: params,
		Type:   function.StaticReturnType(cty.List(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			texts, err := f(args)
			if err != nil || len(texts) == 0 {
				return cty.ListValEmpty(cty.String), err
			}
			all := make([]cty.Value, len(texts))
			for i, s := range texts {
				all[i] = cty.StringVal(s)
			}
			return cty.ListVal(all), nil
		},
	})
}

// addressRange is cidrrange(prefix, first, last): the addresses with these numbers and all between them.
func addressRange(args []cty.Value) ([]string, error) {
	p, err := netip.ParsePrefix(args[0].AsString())
	if err != nil {
		return nil, notPrefix(0, args[0].AsString())
	}
	var ends [2]netip.Addr
	for i := range ends {
		n, err := integer(args[i+1])
		if err != nil {
			return nil, function.NewArgError(i+1, err)
		}
		if ends[i], err = host(p.Masked(), n); err != nil {
			return nil, function.NewArgError(i+1, err)
		}
	}
	if ends[1].Less(ends[0]) {
		return nil, function.NewArgErrorf(2, "%s comes before %s", ends[1], ends[0])
	}
	var all []string
	for a := ends[0]; ; a = a.Next() {
		if len(all) == maxRange {
			return nil, fmt.Errorf("these are more than %d addresses", maxRange)
		}
		all = append(all, a.String())
		if a == ends[1] {
			return all, nil
		}
	}
}

// expandNames expands a folded set of names as Slurm and ClusterShell write it: "n[001-128]", "r[1-2]n[01-16],login", "n[0-8/2,10]".
func expandNames(set string) ([]string, error) {
	var all []string
	bytes := 0
	for _, item := range splitOutside(set) {
		names, err := expandName(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			bytes += len(name)
		}
		if all = append(all, names...); len(all) > maxNames || bytes > maxNameBytes {
			return nil, errTooManyNames
		}
	}
	return all, nil
}

var errTooManyNames = fmt.Errorf("these are more than %d names", maxNames)

// splitOutside splits at the commas that stand outside of brackets.
func splitOutside(s string) []string {
	var items []string
	depth, from := 0, 0
	for at, c := range s {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == ',' && depth <= 0:
			items, from = append(items, s[from:at]), at+1
		}
	}
	return append(items, s[from:])
}

// expandName expands one name with any number of brackets; the last changes fastest.
func expandName(item string) ([]string, error) {
	if item == "" {
		return nil, errors.New("there is an empty name: names stand between commas")
	}
	names := []string{""}
	for rest := item; rest != ""; {
		before, after, bracket := strings.Cut(rest, "[")
		if strings.ContainsAny(before, "] \t\n") {
			return nil, fmt.Errorf("%q: a ] without [, or a space within a name", item)
		}
		inside, after, closed := strings.Cut(after, "]")
		if bracket && !closed {
			return nil, fmt.Errorf("%q: a [ without ]", item)
		}
		numbers := []string{""}
		if bracket {
			var err error
			if numbers, err = expandNumbers(inside); err != nil {
				return nil, fmt.Errorf("%q: %w", item, err)
			}
		}
		if len(names)*len(numbers) > maxNames || len(names)*len(numbers)*len(item) > maxNameBytes {
			return nil, errTooManyNames
		}
		names, rest = product(names, before, numbers), after
	}
	return names, nil
}

func product(names []string, between string, numbers []string) []string {
	all := make([]string, 0, len(names)*len(numbers))
	for _, name := range names {
		for _, n := range numbers {
			all = append(all, name+between+n)
		}
	}
	return all
}

// expandNumbers expands what stands in brackets: "001-128", "1,3,7-9", "0-8/2".
func expandNumbers(inside string) ([]string, error) {
	var all []string
	for _, part := range strings.Split(inside, ",") {
		from, to, step, width, err := numberRange(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if (to-from)/step >= maxNames-len(all) {
			return nil, errTooManyNames
		}
		for n := from; n <= to; n += step {
			all = append(all, fmt.Sprintf("%0*d", width, n))
		}
	}
	return all, nil
}

// numberRange reads "7", "001-128" or "0-8/2". The first number's zeros say how wide all are.
func numberRange(part string) (from, to, step, width int, err error) {
	span, stepText, stepped := strings.Cut(part, "/")
	first, last, ranged := strings.Cut(span, "-")
	if !ranged {
		last = first
	}
	if !stepped {
		stepText = "1"
	}
	for _, number := range []struct {
		text string
		into *int
	}{{first, &from}, {last, &to}, {stepText, &step}} {
		if *number.into, err = digits(number.text); err != nil {
			return 0, 0, 0, 0, err
		}
	}
	if step == 0 || to < from {
		return 0, 0, 0, 0, fmt.Errorf("%q leads nowhere: write FIRST-LAST or FIRST-LAST/STEP", part)
	}
	if len(first) > 1 && first[0] == '0' {
		width = len(first)
	}
	return from, to, step, width, nil
}

func digits(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || len(s) > 10 {
		return 0, fmt.Errorf("%q is no number from 0 to 2147483647", s)
	}
	return int(n), nil
}
