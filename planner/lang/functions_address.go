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
				return cty.NilVal, function.NewArgErrorf(0, "%q is no prefix; write one like 10.20.0.0/16 or fd00::/64", args[0].AsString())
			}
			s, err := f(p.Masked(), args[1:])
			return cty.StringVal(s), err
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
