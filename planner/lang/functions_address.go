package lang

import (
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// addressFunctions calculate with IP prefixes (RFC 4632, RFC 4291).
func addressFunctions() map[string]function.Function {
	return map[string]function.Function{
		"cidrhost": prefixFunction([]function.Parameter{param("number", cty.Number)}, func(p netip.Prefix, args []cty.Value) (string, error) {
			n, err := integer(args[0])
			if err != nil {
				return "", err
			}
			a, err := host(p, n)
			return a.String(), err
		}),
		"cidrsubnet": prefixFunction([]function.Parameter{param("bits", cty.Number), param("number", cty.Number)}, func(p netip.Prefix, args []cty.Value) (string, error) {
			bits, err := integer(args[0])
			if err != nil {
				return "", err
			}
			n, err := integer(args[1])
			if err != nil {
				return "", err
			}
			return subnet(p, bits, n)
		}),
		"cidrsubnets":  subnetsFunction(),
		"cidrcontains": containsAddressFunction(),
		"cidrnetmask": prefixFunction(nil, func(p netip.Prefix, _ []cty.Value) (string, error) {
			if !p.Addr().Is4() {
				return "", errors.New("only IPv4 has netmasks")
			}
			return net.IP(net.CIDRMask(p.Bits(), 32)).String(), nil
		}),
	}
}

func prefixFunction(params []function.Parameter, f func(netip.Prefix, []cty.Value) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: append([]function.Parameter{param("prefix", cty.String)}, params...),
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := netip.ParsePrefix(args[0].AsString())
			if err != nil {
				return cty.NilVal, notPrefix(0, args[0].AsString())
			}
			s, err := f(p.Masked(), args[1:])
			return cty.StringVal(s), err
		},
	})
}

func notPrefix(arg int, s string) error {
	return function.NewArgErrorf(arg, "%q is no prefix; write one like 10.20.0.0/16 or fd00::/64", s)
}

// subnetsFunction is cidrsubnets(prefix, bits...): one prefix after the other, each so many bits longer.
func subnetsFunction() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{param("prefix", cty.String)},
		VarParam: &function.Parameter{Name: "bits", Type: cty.Number},
		Type:     function.StaticReturnType(cty.List(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := netip.ParsePrefix(args[0].AsString())
			if err != nil {
				return cty.NilVal, notPrefix(0, args[0].AsString())
			}
			p = p.Masked()
			size := uint(p.Addr().BitLen() - p.Bits())
			next := new(big.Int) // the number of the first free address in p
			var all []cty.Value
			for i, arg := range args[1:] {
				bits, err := integer(arg)
				if err != nil {
					return cty.NilVal, function.NewArgError(i+1, err)
				}
				if bits.Sign() <= 0 || bits.Cmp(big.NewInt(int64(size))) > 0 {
					return cty.NilVal, function.NewArgErrorf(i+1, "%s can be made from 1 to %d bits longer", p, size)
				}
				rest := size - uint(bits.Uint64())
				// A prefix begins at a multiple of its size.
				number := new(big.Int).Rsh(new(big.Int).Add(next, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), rest), big.NewInt(1))), rest)
				s, err := subnet(p, bits, number)
				if err != nil {
					return cty.NilVal, function.NewArgErrorf(i+1, "there is no room left in %s", p)
				}
				all = append(all, cty.StringVal(s))
				next.Lsh(number.Add(number, big.NewInt(1)), rest)
			}
			if len(all) == 0 {
				return cty.ListValEmpty(cty.String), nil
			}
			return cty.ListVal(all), nil
		},
	})
}

// containsAddressFunction is cidrcontains(prefix, x): whether all of x, an address or a prefix, is within prefix.
func containsAddressFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("prefix", cty.String), param("contained", cty.String)},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := netip.ParsePrefix(args[0].AsString())
			if err != nil {
				return cty.NilVal, notPrefix(0, args[0].AsString())
			}
			inner, err := netip.ParsePrefix(args[1].AsString())
			if err != nil {
				a, err := netip.ParseAddr(args[1].AsString())
				if err != nil {
					return cty.NilVal, function.NewArgErrorf(1, "%q is neither an address nor a prefix", args[1].AsString())
				}
				inner = netip.PrefixFrom(a, a.BitLen())
			}
			if p.Addr().Is4() != inner.Addr().Is4() {
				return cty.NilVal, fmt.Errorf("%s and %s are of different families, IPv4 and IPv6", args[0].AsString(), args[1].AsString())
			}
			return cty.BoolVal(inner.Bits() >= p.Bits() && p.Masked().Contains(inner.Addr())), nil
		},
	})
}

func integer(v cty.Value) (*big.Int, error) {
	n, accuracy := v.AsBigFloat().Int(nil)
	if n == nil || accuracy != big.Exact {
		return nil, errors.New("want a whole number")
	}
	return n, nil
}

// host returns the address with this number in p; a negative number counts from the end.
func host(p netip.Prefix, n *big.Int) (netip.Addr, error) {
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
	if n.Sign() < 0 {
		n = new(big.Int).Add(size, n)
	}
	if n.Sign() < 0 || n.Cmp(size) >= 0 {
		return netip.Addr{}, fmt.Errorf("%s has only %s addresses", p, size)
	}
	base := new(big.Int).SetBytes(p.Addr().AsSlice())
	a, _ := netip.AddrFromSlice(base.Add(base, n).FillBytes(make([]byte, p.Addr().BitLen()/8)))
	return a, nil
}

// subnet returns the prefix with this number among those that are bits longer than p.
func subnet(p netip.Prefix, bits, n *big.Int) (string, error) {
	free := p.Addr().BitLen() - p.Bits()
	if bits.Sign() < 0 || bits.Cmp(big.NewInt(int64(free))) > 0 {
		return "", fmt.Errorf("%s can be made from 0 to %d bits longer", p, free)
	}
	b := uint(bits.Uint64())
	if count := new(big.Int).Lsh(big.NewInt(1), b); n.Sign() < 0 || n.Cmp(count) >= 0 {
		return "", fmt.Errorf("%s has only %s parts that are %d bits longer", p, count, b)
	}
	a, err := host(p, new(big.Int).Lsh(n, uint(free)-b))
	return netip.PrefixFrom(a, p.Bits()+int(b)).String(), err
}
