package field

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/field/store"
	"viver/nodeimage/spec"
)

// deed is what core had done.
type deed struct {
	dials   []string
	fetches []*attempt
}

func (d *deed) dial(m *known, _ int) { d.dials = append(d.dials, m.Name) }
func (d *deed) fetch(a *attempt)     { d.fetches = append(d.fetches, a) }
func (d *deed) close(Link)           {}
func (d *deed) announce()            {}

// asked returns whom the last fetch asks.
func (d *deed) asked() string {
	if len(d.fetches) == 0 {
		return "nobody"
	}
	return d.fetches[len(d.fetches)-1].member.Name
}

// still is a Link that does nothing.
type still struct{ Link }

func (still) Received() int64 { return 0 }

const testChunks = 64

// world is a core without a network, and what it did.
type world struct {
	*core
	*deed
	t     *testing.T
	image *image
	pool  store.Pool
}

// newWorld knows the members that are named and is connected to them. Those called seed are seeds.
func newWorld(t *testing.T, names ...string) *world {
	w := &world{deed: &deed{}, t: t}
	config := Config{Self: Member{ID: "me/1", Name: "me", Share: 64 << 20}, ShareRate: 1}.withDefaults()
	w.core = newCore(config, w.deed, func(n int) int { return 0 }, time.Unix(1000, 0))
	root := spec.Root{Size: testChunks * spec.ChunkSize}
	for range testChunks {
		root.Chunks = append(root.Chunks, spec.DigestOf(nil))
	}
	var err error
	if w.image, err = w.add("sha256:image", root); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		w.up(Member{ID: MemberID(name + "/1"), Name: name, Share: 64 << 20, Seed: name == "seed"})
	}
	w.settle()
	for _, name := range names {
		w.dialed(w.of(name), w.of(name).generation, still{}, nil)
	}
	w.settle()
	return w
}

func (w *world) of(name string) *known { return w.members[MemberID(name+"/1")] }

// holds says that a member holds chunks.
func (w *world) holds(name string, chunks ...int) {
	b := NewBits(testChunks)
	for _, c := range chunks {
		b.Set(c, true)
	}
	w.told(w.of(name), w.of(name).generation, Message{Held: &Held{w.image.id, b}})
}

// read wants a chunk, for this machine.
func (w *world) read(chunk int) *waiter {
	wait := newWaiter(chunk, false)
	w.wanted(w.image, []*waiter{wait})
	w.settle()
	return wait
}

// end ends the last fetch.
func (w *world) end(err error) {
	w.t.Helper()
	a := w.fetches[len(w.fetches)-1]
	var chunk *store.Chunk
	if err == nil {
		if chunk, err = w.pool.New(spec.ChunkSize); err != nil {
			w.t.Fatal(err)
		}
	}
	w.landed(a, chunk, err)
	w.settle()
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(busyTick)
		w.tick()
		w.settle()
	}
}

// ownedBy returns a chunk whose first owner is this machine or another; "me" is this one.
func (w *world) ownedBy(name string) int {
	for index := range testChunks {
		first := w.nodes[w.owners(w.image, index)[0]]
		if first == nil && name == "me" || first != nil && first.Name == name {
			return index
		}
	}
	w.t.Fatalf("%s is the first owner of nothing", name)
	return -1
}

func TestHolderIsAskedBeforeOwnerBeforeSeed(t *testing.T) {
	w := newWorld(t, "a", "b", "seed")
	chunk := w.ownedBy("a")
	w.read(chunk)
	if w.asked() != "a" || !w.fetches[0].waits {
		t.Errorf("nobody has the chunk, and %s is asked, not its owner", w.asked())
	}
	w.end(ErrRefused)
	if w.asked() != "seed" {
		t.Errorf("the owner has refused, and %s is asked, not the seed", w.asked())
	}
	w.end(errors.New("reset"))
	w.holds("b", chunk)
	w.settle()
	if w.asked() != "b" {
		t.Errorf("b has got the chunk, and %s is asked", w.asked())
	}
	mine := w.ownedBy("me")
	w.dialed(w.of("seed"), w.of("seed").generation, still{}, nil)
	w.read(mine)
	if w.asked() != "seed" {
		t.Errorf("this machine is to get the chunk for all, and asks %s", w.asked())
	}
}

func TestOneFlightForManyReaders(t *testing.T) {
	w := newWorld(t, "seed")
	readers := []*waiter{w.read(3), w.read(3), w.read(3)}
	if len(w.fetches) != 1 {
		t.Errorf("%d fetches for one chunk", len(w.fetches))
	}
	readers[1].giveUp()
	w.end(nil)
	for i, r := range readers {
		select {
		case a := <-r.done:
			if i == 1 || a.err != nil || a.chunk == nil {
				t.Errorf("reader %d got %v", i, a)
			}
		default:
			if i != 1 {
				t.Errorf("reader %d got nothing", i)
			}
		}
	}
}

func TestStalledMemberIsPassedOver(t *testing.T) {
	w := newWorld(t, "a", "b", "seed")
	w.holds("a", 5)
	w.holds("b", 5)
	w.read(5)
	first := w.asked()
	w.hedges = 0
	w.pass(w.config.Stall - busyTick)
	if len(w.fetches) != 1 {
		t.Fatalf("%d are asked before the stall", len(w.fetches))
	}
	w.pass(2 * busyTick)
	if len(w.fetches) != 2 || w.asked() == first || w.asked() == "seed" {
		t.Errorf("%d are asked, the last is %s", len(w.fetches), w.asked())
	}
	if !w.of(first).suspect || w.reads.Stalls != 1 {
		t.Errorf("%s stalls, which is not noted", first)
	}
}

func TestHedgesAreFew(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.hedges = 0
	for i := range testChunks {
		w.holds("a", i)
		w.holds("b", i)
		if w.rank(w.image, i) == 0 {
			continue
		}
		w.read(i)
		w.pass(firstHedge + busyTick)
		for _, a := range w.fetches {
			if !a.flight.over {
				w.landed(a, must(w.pool.New(spec.ChunkSize)), nil)
			}
		}
		w.fetches = nil
	}
	if most := int64(testChunks / 20); w.reads.Hedges == 0 || w.reads.Hedges > most {
		t.Errorf("%d hedges; 1 to %d were expected", w.reads.Hedges, most)
	}
}

func must(c *store.Chunk, err error) *store.Chunk {
	if err != nil {
		panic(err)
	}
	return c
}

func TestOthersAreNotMadeToWaitForWhoWaits(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d")
	var far int // a chunk that is not this machine's
	for far = range testChunks {
		if w.rank(w.image, far) < 0 {
			break
		}
	}
	peer := newWaiter(far, true)
	w.wanted(w.image, []*waiter{peer})
	if a := <-peer.done; !errors.Is(a.err, ErrNowhere) {
		t.Errorf("a member asks for what this one is not to have, and gets %v", a.err)
	}
	mine := w.ownedBy("me")
	own := newWaiter(mine, true)
	w.wanted(w.image, []*waiter{own})
	w.settle()
	if len(w.fetches) != 0 {
		t.Errorf("the first owner asks %s, who could only ask him", w.asked())
	}
	w.pass(2 * refusal)
	if a := <-own.done; !errors.Is(a.err, ErrNowhere) {
		t.Errorf("nobody has the chunk, and the other member gets %v", a.err)
	}
}

func TestPick(t *testing.T) {
	zero, last := func(int) int { return 0 }, func(n int) int { return n - 1 }
	holder := func(cost float64, full bool) option { return option{tier: tierHolder, cost: cost, full: full} }
	for _, test := range []struct {
		name    string
		options []option
		random  func(int) int
		want    int
	}{
		{"nobody", nil, zero, -1},
		{"the better of two", []option{holder(3, false), holder(2, false)}, zero, 1},
		{"the better of two, drawn the other way", []option{holder(3, false), holder(2, false)}, last, 1},
		{"who is drawn, though a third is better", []option{holder(3, false), holder(2, false), holder(1, false)}, zero, 1},
		{"a holder before the seed", []option{{tier: tierSeed}, holder(9, false)}, zero, 1},
		{"waiting for a full holder rather than the seed", []option{{tier: tierSeed}, holder(9, true)}, zero, -1},
		{"who has room", []option{holder(1, true), holder(3, false)}, zero, 1},
		{"waiting for who is much better", []option{holder(1, true), holder(5, false)}, zero, -1},
	} {
		if got := pick(test.options, test.random); got != test.want {
			t.Errorf("%s: picked %d, want %d", test.name, got, test.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		name  string
		r     remains
		since time.Duration
		wait  bool
		err   string
	}{
		{"nothing is missing", remains{to: 3}, 0, false, ""},
		{"others are still fetching", remains{few: 3, to: 3}, time.Second, true, ""},
		{"others fetch for too long, but some have it", remains{few: 3, to: 3}, handOver, false, ""},
		{"only a seed has it", remains{few: 3}, 0, false, ""},
		{"nobody else is there", remains{few: 3, alone: 3}, 0, false, "no machine to hand them to"},
		{"others do not take it", remains{few: 3, alone: 1, to: 2}, handOver, false, "1 chunks would be lost"},
		{"others have not taken it yet", remains{few: 3, alone: 1, to: 2}, 0, true, ""},
	} {
		wait, err := test.r.verdict(test.since)
		if wait != test.wait || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, %v", test.name, wait, err)
		}
	}
}

func TestAhead(t *testing.T) {
	const c = spec.ChunkSize
	var a ahead
	type said struct {
		first, last int
		ok          bool
	}
	for i, step := range []struct {
		begin, end int64
		want       said
	}{
		{0, c, said{}},                     // alone
		{c, 2 * c, said{2, 2, true}},       // goes on
		{2 * c, 3 * c, said{3, 4, true}},   // and on
		{3 * c, 4 * c, said{5, 7, true}},   // what was said is not said again
		{100 * c, 101 * c, said{}},         // another row
		{4 * c, 5 * c, said{8, 12, true}},  // the first goes on, up to the most
		{6 * c, 7 * c, said{13, 14, true}}, // one was overtaken
		{5 * c, 6 * c, said{}},             // here it comes
		{101 * c, 102 * c, said{102, 102, true}},
	} {
		first, last, ok := a.read(step.begin, step.end, 8)
		if got := (said{first, last, ok}); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}

func TestBits(t *testing.T) {
	b := NewBits(70)
	for _, c := range []int{0, 63, 64, 69, -1, 1000} {
		b.Set(c, true)
	}
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var again Bits
	if err := json.Unmarshal(text, &again); err != nil || !slices.Equal(b, again) || again.Count() != 4 || again.Has(128) || again.Has(-1) {
		t.Errorf("%s becomes %v: %v", text, again, err)
	}
	if r := again.resize(65); r.Count() != 3 || r.Has(69) || !r.Has(64) {
		t.Errorf("cut to 65 chunks it is %v", r)
	}
	for _, bad := range []string{`"AAAA"`, `5`, `"` + strings.Repeat("A", maxBits/8*2) + `"`} {
		if json.Unmarshal([]byte(bad), &again) == nil {
			t.Errorf("%.20s is taken", bad)
		}
	}
}

func TestParseShare(t *testing.T) {
	for text, want := range map[string]int64{"25%": 250, "100": 100, "0": 0, " 0.5 KiB ": 512, "90%": 900} {
		if got, err := ParseShare(text, 1000); err != nil || got != want {
			t.Errorf("%q is %d (%v), not %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "-1", "95%", "1GiB", "NaN", "1e400", "ten"} {
		if got, err := ParseShare(text, 1000); err == nil {
			t.Errorf("%q is taken as %d", text, got)
		}
	}
}

func TestTimes(t *testing.T) {
	var times times
	if times.hedge() != firstHedge {
		t.Errorf("nothing is known, and the hedge comes after %v", times.hedge())
	}
	for i := range 100 {
		times.add(time.Duration(i) * 10 * time.Millisecond)
	}
	times.measure()
	if times.p50 != 500*time.Millisecond || times.hedge() != 950*time.Millisecond || times.p99 != 990*time.Millisecond {
		t.Errorf("p50 %v, p95 %v, p99 %v", times.p50, times.hedge(), times.p99)
	}
}

func TestFarMembersAreNotDialed(t *testing.T) {
	w := newWorld(t)
	w.config.MaxPeers = 8
	for i := range 40 {
		w.up(Member{ID: MemberID(string(rune('a'+i)) + "/1"), Name: string(rune('a' + i)), Share: 64 << 20})
	}
	w.up(Member{ID: "seed/1", Name: "seed", Seed: true})
	w.settle()
	if len(w.dials) != 9 || !slices.Contains(w.dials, "seed") {
		t.Errorf("%d are dialed: %v", len(w.dials), w.dials)
	}
}
