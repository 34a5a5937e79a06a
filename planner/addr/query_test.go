package addr_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/planner/addr"
)

// room is what there is, each with its machine's name after a space.
var room = strings.Split(strings.TrimSpace(`
image.desk
server.seed seed
node.pc[0] pc01
node.pc[1] pc02
node.pc[2] pc10
node.lab["a"] b
node.lab["b"] a
node.lab["it's, 1]"] odd
node.one pc.dotted
node.twin twin
server.twin twin
step.file.motd[0] pc01
step.file.motd[1] pc02
step.file.motd["seed"] seed
pac.boot.step.unit.dhcp
pac.room["x"].node.pc[0] x01
pac.room["y"].node.pc[0] y01
`), "\n")

func known(t testing.TB) []addr.Known {
	var all []addr.Known
	for _, line := range room {
		at, name := line, ""
		if i := strings.LastIndex(line, " "); i >= 0 && !strings.HasSuffix(line, `"]`) {
			at, name = line[:i], line[i+1:]
		}
		a, err := addr.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, addr.Known{Addr: a, Name: name, Step: strings.HasPrefix(a.Type, addr.StepPrefix)})
	}
	return all
}

func TestFind(t *testing.T) {
	all := known(t)
	for query, want := range map[string]string{
		"image.desk":            "image.desk",
		"node.pc":               "node.pc[0] node.pc[1] node.pc[2]",
		"node.pc[1]":            "node.pc[1]",
		`node.pc["1"]`:          `nothing has the address or the name node.pc["1"]`,
		"node.pc[pc02]":         "node.pc[1]",
		`node.pc["pc02"]`:       "node.pc[1]",
		"node.pc[0..1]":         "node.pc[0] node.pc[1]",
		"node.pc[pc02..pc10]":   "node.pc[1] node.pc[2]",
		"node.pc[pc1..pc10]":    "node.pc[2]",
		"node.pc[pc01..pc2]":    "node.pc[0] node.pc[1]",
		"node.pc[pc*]":          "node.pc[0] node.pc[1] node.pc[2]",
		"node.pc[*1*, pc02]":    "node.pc[1]", // 1 is a key: keys come before names
		"node.pc[*c0*]":         "node.pc[0] node.pc[1]",
		`node.pc[pc01, "pc10"]`: "node.pc[0] node.pc[2]",
		"node.lab[a]":           `node.lab["a"]`,
		`node.lab["it's, 1]"]`:  `node.lab["it's, 1]"]`,
		"pc01":                  "node.pc[0]",
		"a":                     `node.lab["b"]`,
		"pc.dotted":             "node.one",
		"seed":                  "server.seed",
		"twin":                  "twin is the name of node.twin and of server.twin: say which by its address",
		"step.file.motd[pc01]":  "step.file.motd[0]",
		"step.file.motd[seed]":  `step.file.motd["seed"]`,
		"step.file":             `step.file.motd[0] step.file.motd[1] step.file.motd["seed"]`,
		"server":                "server.seed server.twin",
		"pac.boot":              "pac.boot.step.unit.dhcp",
		"pac.room":              `pac.room["x"].node.pc[0] pac.room["y"].node.pc[0]`,
		"pac.room[x]":           `pac.room["x"].node.pc[0]`,
		"pac.room[*].node.pc":   `pac.room["x"].node.pc[0] pac.room["y"].node.pc[0]`,
		"pac.room.node.pc[y01]": `pac.room["y"].node.pc[0]`,
		"pc99":                  "nothing has the address or the name pc99",
		"node.p":                "nothing has the address or the name node.p",
		"node.pc[]":             `address "node.pc[]": want a key between [ and ]`,
		"node.pc[3":             `address "node.pc[3": want ] after the key`,
		"node.pc[pc01..lab02]":  `address "node.pc[pc01..lab02]": pc01..lab02 is no run of keys: write one like 0..3 or pc01..pc40`,
		"node.pc[2..1]":         `address "node.pc[2..1]": 2..1 is no run of keys: write one like 0..3 or pc01..pc40`,
		"node.pc[1]x":           `address "node.pc[1]x": want a dot and a name before "x"`,
		"":                      `address "": "" is not a name`,
		"node. pc":              `address "node. pc": " pc" is not a name`,
	} {
		var got []string
		found, err := addr.Find(query, all)
		if err != nil {
			got = append(got, err.Error())
		}
		for _, i := range found {
			got = append(got, all[i].Addr.String())
		}
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s: -want +got\n%s", query, d)
		}
	}
}

func TestCanonical(t *testing.T) {
	for given, want := range map[string]string{
		"node.pc[pc01]":          `node.pc["pc01"]`,
		"node.pc[3]":             "node.pc[3]",
		`pac.room[x].node.pc[0]`: `pac.room["x"].node.pc[0]`,
		"node.pc[007]":           `node.pc["007"]`,
		"node.pc":                "node.pc",
		"node.pc[0..3]":          "node.pc[0..3]",
		"01-pc":                  "01-pc",
		"node.pc[":               "node.pc[",
	} {
		if got := addr.Canonical(given); got != want {
			t.Errorf("%s: %s, not %s", given, got, want)
		}
	}
}

// FuzzFind looks for texts that are understood otherwise than they were written: an address means at least what is there.
func FuzzFind(f *testing.F) {
	for _, line := range room {
		f.Add(line)
	}
	f.Add("node.pc[0..3, pc*]")
	all := known(f)
	f.Fuzz(func(t *testing.T, s string) {
		found, err := addr.Find(s, all)
		if (err == nil) != (len(found) > 0) {
			t.Fatalf("%q: %v, %v", s, found, err)
		}
		for i, k := range all {
			if k.Addr.String() == s && (len(found) != 1 || found[0] != i) {
				t.Errorf("%q means %v", s, found)
			}
		}
		if c := addr.Canonical(s); addr.Canonical(c) != c {
			t.Errorf("%q becomes %q and then %q", s, c, addr.Canonical(c))
		}
	})
}
