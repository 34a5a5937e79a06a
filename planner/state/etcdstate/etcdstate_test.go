package etcdstate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"viver/planner/state"
	"viver/planner/state/etcdstate/etcdtest"
	"viver/planner/state/statetest"
)

func TestPrefixIsABackend(t *testing.T) {
	server := etcdtest.Start(t, false)
	site := 0
	statetest.Run(t, func(t *testing.T) statetest.Site {
		site++
		prefix := fmt.Sprintf("/viver/%d/", site)
		return statetest.Site{
			Backend:   func() state.Backend { return &Prefix{Endpoints: []string{server.Endpoint}, Prefix: prefix} },
			Bytes:     func(t *testing.T) []byte { return bytesOf(t, server, prefix) },
			Stealable: true,
		}
	})
}

// bytesOf is every value that keys below a prefix ever had.
func bytesOf(t *testing.T, server *etcdtest.Server, prefix string) (all []byte) {
	t.Helper()
	client := connect(t, server)
	now, err := client.Get(t.Context(), prefix, clientv3.WithPrefix(), clientv3.WithLimit(1))
	if err != nil {
		t.Fatal(err)
	}
	for revision := int64(1); revision <= now.Header.Revision; revision++ {
		r, err := client.Get(t.Context(), prefix, clientv3.WithPrefix(), clientv3.WithRev(revision), clientv3.WithMinModRev(revision))
		if err != nil {
			t.Fatal(err)
		}
		for _, kv := range r.Kvs {
			all = append(append(all, kv.Key...), kv.Value...)
		}
	}
	return all
}

func connect(t *testing.T, server *etcdtest.Server) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{server.Endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// TestDeadWriterLosesTheLease: a writer whose process stands still keeps the lock for its lease at most, and writes nothing after that.
func TestDeadWriterLosesTheLease(t *testing.T) {
	server := etcdtest.Start(t, false)
	p := &Prefix{Endpoints: []string{server.Endpoint}, Prefix: "/v/", Lease: 2 * time.Second}
	first, err := p.Open(t.Context(), "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	dead := first.(*writer)
	dead.session.Orphan() // no sign of life any more
	var second state.Writer
	var locked *state.LockedError
	for start := time.Now(); second == nil; {
		if second, err = p.Open(t.Context(), "viver apply"); err != nil && !errors.As(err, &locked) {
			t.Fatal(err)
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("the lock outlives the lease: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if locked == nil {
		t.Error("nobody was locked out")
	}
	if err := first.Append(state.Change{Put: statetest.Instance(0, "pc")}); !errors.Is(err, errLost) {
		t.Errorf("the first writer: %v", err)
	}
	if err := second.Append(state.Change{Put: statetest.Instance(1, "pc")}); err != nil {
		t.Error(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	_ = first.Close()
}

// TestServerThatPauses: a change that is on its way while the servers do not answer is made when they do.
func TestServerThatPauses(t *testing.T) {
	server := etcdtest.Start(t, false)
	p := &Prefix{Endpoints: []string{server.Endpoint}, Prefix: "/v/"}
	w, err := p.Open(t.Context(), "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- w.Append(state.Change{Put: statetest.Instance(0, "pc")}) }()
	select {
	case err := <-done:
		t.Errorf("it was written to a server that stands still: %v", err)
	case <-time.After(askTimeout + time.Second): // longer than one try
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := p.Read(t.Context()); err != nil || s.Serial != 1 || len(s.Instances) != 1 {
		t.Errorf("serial %d, %v", s.Serial, err)
	}
}

// TestWriterThatDiesInARewrite: what it left of a new generation counts as nothing, and the next rewrite clears it.
func TestWriterThatDiesInARewrite(t *testing.T) {
	server := etcdtest.Start(t, false)
	p := &Prefix{Endpoints: []string{server.Endpoint}, Prefix: "/v/"}
	w, err := p.Open(t.Context(), "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Append(state.Change{Put: statetest.Instance(0, "pc")}); err != nil {
		t.Fatal(err)
	}
	if err := w.(*writer).some(clientv3.OpPut(p.piece(1, "instance/node.left", 0), "half")); err != nil {
		t.Fatal(err)
	}
	if s, err := p.Read(t.Context()); err != nil || len(s.Instances) != 1 {
		t.Fatalf("%v, %v", s, err)
	}
	if err := w.Replace(w.State()); err != nil {
		t.Fatal(err)
	}
	if s, err := p.Read(t.Context()); err != nil || len(s.Instances) != 1 || s.Serial != 2 {
		t.Errorf("%v, %v", s, err)
	}
	r, err := connect(t, server).Get(t.Context(), "/v/0", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil || len(r.Kvs) != 3 { // instance, outputs, origins
		t.Errorf("%d documents are kept, %v", len(r.Kvs), err)
	}
}

func TestNobodyThere(t *testing.T) {
	p := &Prefix{Endpoints: []string{"http://127.0.0.1:1"}, Prefix: "/v/"}
	if _, err := p.Open(t.Context(), "viver apply"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestKeysOfSomethingElse(t *testing.T) {
	server := etcdtest.Start(t, false)
	client := connect(t, server)
	for n, c := range []struct{ key, value, want string }{
		{"meta", "hello", "invalid character"},
		{"meta", `{"layout":99}`, "newer viver"},
		{"meta", `{"layout":1}`, "no lineage"},
		{"00000000/instance/a", "x", "not one of viver's"},
		{"00000000/instance/a\x00000001", "x", "one before it is missing"},
		{"00000000/instance/a\x00000000", "x", "invalid character"},
		{"00000000/instance/a\x00000000", `{"addr":"b","type":"b","status":"complete","inputs":{"value":1,"type":"number"}}`, "it is of b"},
		{"00000000/nothing\x00000000", "x", "has this name"},
	} {
		p := &Prefix{Endpoints: []string{server.Endpoint}, Prefix: fmt.Sprintf("/v/%d/", n)}
		m := meta{Layout: layoutVersion, Format: state.Format, Lineage: "L"}
		for key, value := range map[string]string{metaKey: m.text(), c.key: c.value} {
			if key == metaKey && c.key == metaKey {
				value = c.value
			}
			if _, err := client.Put(t.Context(), p.Prefix+key, value); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Read(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %q: %v, want %q", c.key, c.value, err, c.want)
		}
	}
}

func TestTLS(t *testing.T) {
	server := etcdtest.Start(t, true)
	ca, err := os.ReadFile(server.CA)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(server.Cert, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	p := &Prefix{Endpoints: []string{server.Endpoint}, Prefix: "/v/", TLS: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	w, err := p.Open(t.Context(), "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(state.Change{Put: statetest.Instance(0, "pc")}), w.Close()); err != nil {
		t.Fatal(err)
	}
	for want, config := range map[string]*tls.Config{
		"failed to verify certificate": nil, "signed by unknown authority": {RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{pair}},
		"accept our certificate": {RootCAs: roots},
	} {
		stranger := *p
		stranger.TLS = config
		if _, err := stranger.Read(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"layout":1,"format":2,"lineage":"L","serial":1,"generation":0}`), []byte(`{"addr":"a","type":"b","status":"complete","inputs":{"value":1,"type":"number"}}`), []byte(`{"x":{"sensitive":true}}`))
	f.Fuzz(func(t *testing.T, m, instance, outputs []byte) {
		head, err := parseMeta(m)
		if err != nil {
			return
		}
		s, err := decode(head, map[string]*bytes.Buffer{instancePrefix + "a": bytes.NewBuffer(instance), outputsDocument: bytes.NewBuffer(outputs)}, nil)
		if err != nil {
			return
		}
		if _, err := encode(s); err != nil {
			t.Fatal(err)
		}
	})
}
