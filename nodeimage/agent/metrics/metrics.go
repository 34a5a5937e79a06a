// Package metrics is what a machine tells Prometheus, and others that read its text format: who it is, and how it does as a member of
// V-FIELD. It owns the names of the metrics, and the format. Where the figures come from is told to it.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

const (
	// maxClients bounds how many are connected at once.
	maxClients = 8
	// freshTime is how old an answer may be that is given again. To ask the field takes time that it could use for reads.
	freshTime = time.Second
)

// Source is where the figures come from. All fields must be set; the functions are not called at the same time.
type Source struct {
	Version string        // of the agent
	Node    func() string // name of the machine
	Image   spec.Digest   // that it runs
	Fetched func() int64  // bytes of root blocks that came over the network since boot
	// Field returns an error while the machine is no member.
	Field func() (field.Status, error)
}

// Serve answers GET /metrics until ctx ends, then returns nil. Anybody on the network can ask: it says nothing secret, and takes nothing.
func Serve(ctx context.Context, l net.Listener, s Source, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", &page{source: s})
	h := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { h.Close() })
	defer stop()
	err := h.Serve(netutil.LimitListener(l, maxClients))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("metrics: %w", err)
}

// page is the text, as fresh as it need be.
type page struct {
	source Source

	mu   sync.Mutex // guards the rest, and calls of the source
	text []byte
	made time.Time
}

// ServeHTTP implements http.Handler.
func (p *page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(p.fresh()) // fails with the connection
}

func (p *page) fresh() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text == nil || time.Since(p.made) > freshTime {
		p.text, p.made = p.source.text(), time.Now()
	}
	return p.text
}

// text is all that there is to say now.
func (s Source) text() []byte {
	e := new(exposition)
	e.write("viver_node_info", gauge, "Who this machine is, and what it runs.",
		sample{[]string{"node", s.Node(), "image", string(s.Image), "version", s.Version}, 1})
	e.write("viver_root_fetched_bytes_total", counter, "Blocks of the root that came over the network since boot.", one(s.Fetched()))
	status, err := s.Field()
	e.write("viver_field_member", gauge, "Whether this machine is a member of the shared root.", truth(err == nil))
	if err == nil {
		e.field(status)
	}
	return e.Bytes()
}
