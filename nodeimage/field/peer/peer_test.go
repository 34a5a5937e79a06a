package peer_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/field/peer"
	"viver/nodeimage/nbd"
	"viver/nodeimage/spec"
)

// machine is a member that runs in this process and is reached over loopback.
type machine struct {
	t       *testing.T
	field   *field.Field
	image   *field.Image
	member  field.Member
	cancel  context.CancelFunc
	serving sync.WaitGroup
}

// makeImage returns an image of so many chunks, the last one shorter.
func makeImage(chunks int) (id spec.Digest, root spec.Root, data []byte) {
	data = make([]byte, chunks*spec.ChunkSize-8192)
	random := rand.NewChaCha8([32]byte{7})
	_, _ = random.Read(data)
	root.Size = int64(len(data))
	for off := 0; off < len(data); off += spec.ChunkSize {
		root.Chunks = append(root.Chunks, spec.DigestOf(data[off:min(off+spec.ChunkSize, len(data))]))
	}
	return spec.DigestOf([]byte("image")), root, data
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// start starts a member that knows of others.
func start(t *testing.T, name string, tls peer.Identity, id spec.Digest, root spec.Root, known ...field.Member) *machine {
	t.Helper()
	return startAt(t, listen(t), listen(t), name, "1", tls, id, root, known...)
}

// startAt starts one of a machine's lives at addresses.
func startAt(t *testing.T, blocks, control net.Listener, name, life string, tls peer.Identity, id spec.Digest, root spec.Root, known ...field.Member) *machine {
	t.Helper()
	m := &machine{t: t}
	m.member = field.Member{
		ID: field.MemberID(name + "/" + life), Name: name, Blocks: blocks.Addr().String(), Control: control.Addr().String(), Share: 64 << 20,
	}
	var err error
	m.field, err = field.Open(field.Config{Self: m.member, Peers: &peer.Dialer{TLS: tls}, Settle: 50 * time.Millisecond, ShareRate: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if m.image, err = m.field.Add(id, root); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	s := &peer.Server{Field: m.field, TLS: tls}
	for l, serve := range map[net.Listener]func(context.Context, net.Listener) error{blocks: s.ServeBlocks, control: s.ServeControl} {
		m.serving.Go(func() {
			if err := serve(ctx, l); err != nil {
				t.Error(err)
			}
		})
	}
	for _, k := range known {
		m.field.Up(k)
	}
	return m
}

// stop ends a member without a word.
func (m *machine) stop() {
	m.cancel()
	m.serving.Wait()
	m.field.Close()
}

// startSeed starts an NBD server that has the image, as the unit nbd does.
func startSeed(t *testing.T, tls peer.Identity, id spec.Digest, data []byte) (member field.Member, stop func()) {
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		s := nbd.Server{Exports: map[string]nbd.Device{string(id): memory(data)}}
		if tls != nil {
			s.TLS, s.RequireTLS = tls.Server(), true
		}
		if err := s.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	return field.Member{ID: "seed/1", Name: "seed", Blocks: l.Addr().String(), Seed: true}, func() { cancel(); serving.Wait() }
}

type memory []byte

func (m memory) Size() int64 { return int64(len(m)) }

func (m memory) ReadAt(_ context.Context, p []byte, off int64) error {
	copy(p, m[off:])
	return nil
}

func (m *machine) readAll(ctx context.Context, data []byte) error {
	p := make([]byte, 1<<20)
	for off := 0; off < len(data); off += len(p) {
		p = p[:min(len(p), len(data)-off)]
		if err := m.image.ReadAt(ctx, p, int64(off)); err != nil {
			return err
		}
		if !bytes.Equal(p, data[off:off+len(p)]) {
			return fmt.Errorf("%s reads wrong bytes at %d", m.member.Name, off)
		}
	}
	return nil
}

// TestRoomOverLoopback goes the whole way: three machines get their shares from a seed, the seed goes, a fourth machine comes and reads
// all from the others, one of which dies meanwhile.
func TestRoomOverLoopback(t *testing.T) {
	id, root, data := makeImage(24)
	seed, stopSeed := startSeed(t, nil, id, data)
	var machines []*machine
	for i := range 3 {
		m := start(t, fmt.Sprintf("pc%d", i+1), nil, id, root, seed)
		for _, other := range machines {
			m.field.Up(other.member)
			other.field.Up(m.member)
		}
		machines = append(machines, m)
		defer m.stop()
	}
	deadline := time.Now().Add(20 * time.Second)
	for _, m := range machines {
		for s, _ := m.field.Status(); !s.SeedMayGo; s, _ = m.field.Status() {
			if time.Now().After(deadline) {
				t.Fatalf("%s says: %s", m.member.Name, s.SeedNeeded)
			}
			runtimePause(t)
		}
	}
	stopSeed()
	late := start(t, "pc4", nil, id, root, machines[0].member, machines[1].member, machines[2].member)
	defer late.stop()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	machines[1].stop()
	if err := late.readAll(ctx, data); err != nil {
		t.Error(err)
	}
	if s, _ := late.field.Status(); s.Reads.FromSeeds != 0 || s.Reads.FromNodes < int64(len(data)) {
		t.Errorf("pc4 has read %d bytes from machines and %d from the seed", s.Reads.FromNodes, s.Reads.FromSeeds)
	}
}

// runtimePause lets a moment pass until something is looked at again.
func runtimePause(t *testing.T) {
	select {
	case <-t.Context().Done():
	case <-time.After(10 * time.Millisecond):
	}
}

// TestForeignClient reads a member with libnbd's tools, as a machine without an agent would.
func TestForeignClient(t *testing.T) {
	nbdcopy, err := exec.LookPath("nbdcopy")
	if err != nil {
		t.Skip("nbdcopy is not installed")
	}
	id, root, data := makeImage(6)
	seed, stopSeed := startSeed(t, nil, id, data)
	defer stopSeed()
	m := start(t, "pc1", nil, id, root, seed)
	defer m.stop()
	out, err := exec.Command(nbdcopy, fmt.Sprintf("nbd://%s/%s", m.member.Blocks, id), "-").Output()
	if err != nil || !bytes.Equal(out, data) {
		t.Errorf("nbdcopy has read %d bytes, of %d: %v", len(out), len(data), err)
	}
	text, err := exec.Command("nbdinfo", "--map=viver:held", fmt.Sprintf("nbd://%s/%s", m.member.Blocks, id)).CombinedOutput()
	if err != nil || !strings.Contains(string(text), "1") {
		t.Errorf("nbdinfo says %v: %s", err, text)
	}
}

// TestRefusalKeepsTheLink asks a member for what it neither has nor is to have, and for an image that it does not know.
func TestRefusalKeepsTheLink(t *testing.T) {
	id, root, _ := makeImage(4)
	m := start(t, "pc1", nil, id, root)
	defer m.stop()
	link, err := (&peer.Dialer{}).Dial(t.Context(), m.member, func(field.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	p := make([]byte, spec.ChunkSize)
	for _, image := range []spec.Digest{id, "sha256:unknown"} {
		if err := link.Read(t.Context(), image, 1, p); err == nil || !strings.Contains(err.Error(), field.ErrRefused.Error()) {
			t.Errorf("image %s: the read ended with %v", image, err)
		}
	}
	if link.Err() != nil {
		t.Errorf("the link is lost: %v", link.Err())
	}
}

// TestAnotherLifeIsNotTheFormer starts a member anew at its address: nobody takes it for the one that is dead, which counts for nothing.
func TestAnotherLifeIsNotTheFormer(t *testing.T) {
	id, root, _ := makeImage(4)
	former := start(t, "pc1", nil, id, root)
	former.stop()
	var listeners []net.Listener
	for _, address := range []string{former.member.Blocks, former.member.Control} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
	}
	m := startAt(t, listeners[0], listeners[1], "pc1", "2", nil, id, root)
	defer m.stop()
	link, err := (&peer.Dialer{}).Dial(t.Context(), m.member, func(field.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	link.Close()
	if _, err := (&peer.Dialer{}).Dial(t.Context(), former.member, nil); err == nil || !strings.Contains(err.Error(), `"pc1/2" answers there now`) {
		t.Errorf("the former life is reached: %v", err)
	}
}
