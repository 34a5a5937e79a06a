package agent

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"viver/nodeimage/roster"
	"viver/nodeimage/spec"
)

// Bounds of what machines may send, in bytes, and of how many may be connected. Anybody on the network can ask to join.
const (
	maxJoin        = 64 << 10
	maxReport      = 128 << 10
	maxPassport    = 4 << 10
	maxConnections = 1024
)

// certificates returns what the server shows to the next client.
type certificates func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// serveJoin serves machines that join, over TLS 1.3, until ctx ends.
func serveJoin(ctx context.Context, listener net.Listener, show certificates, handler http.Handler, log *slog.Logger) error {
	log = cmp.Or(log, slog.New(slog.DiscardHandler))
	h := &http.Server{
		Handler:           handler,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: show},
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { h.Close() })
	defer stop()
	err := h.ServeTLS(netutil.LimitListener(listener, maxConnections), "", "")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("agent: serve machines that join: %w", err)
}

// read decodes the body of r, or answers and returns false.
func read(w http.ResponseWriter, r *http.Request, limit int64, doc any) bool {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		err = spec.Decode(data, doc)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return err == nil
}

func write(w http.ResponseWriter, status int, doc any) {
	data, err := json.Marshal(doc)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, status, data)
}

func writeJSON(w http.ResponseWriter, status int, data []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // fails with the connection
}

// refuse answers with the status that fits an error of the roster.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, roster.ErrRefused):
		status = http.StatusForbidden
	case errors.Is(err, roster.ErrNotKept), errors.Is(err, errNoIssuer):
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}
