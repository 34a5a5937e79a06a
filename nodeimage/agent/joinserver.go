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

// serveJoin serves spec.PathJoin, spec.PathReport and spec.PathPassport over TLS 1.3 until ctx ends.
func (s *server) serveJoin(ctx context.Context, listener net.Listener) error {
	log := cmp.Or(s.config.Log, slog.New(slog.DiscardHandler))
	h := &http.Server{
		Handler:           s.joinHandler(log),
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{s.self.tls}},
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

func (s *server) joinHandler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+spec.PathJoin, func(w http.ResponseWriter, r *http.Request) {
		var request spec.JoinRequest
		if !read(w, r, maxJoin, &request) {
			return
		}
		response, wait, err := s.roster.Join(request)
		switch {
		case err != nil:
			log.Warn("a machine was not let in", "from", r.RemoteAddr, "error", err)
			refuse(w, err)
		case wait != nil:
			write(w, http.StatusAccepted, wait)
		default:
			log.Info("a machine joined", "node", response.Node.Name, "mac", request.MAC, "address", request.Address)
			s.addPassport(log, response, request.PublicKey)
			write(w, http.StatusOK, response)
		}
	})
	mux.HandleFunc("POST "+spec.PathPassport, func(w http.ResponseWriter, r *http.Request) {
		var request spec.PassportRequest
		if !read(w, r, maxPassport, &request) {
			return
		}
		p, err := s.renew(request)
		if err != nil {
			log.Info("a passport was not renewed", "from", r.RemoteAddr, "error", err)
			refuse(w, err)
			return
		}
		write(w, http.StatusOK, p)
	})
	mux.HandleFunc("POST "+spec.PathReport, func(w http.ResponseWriter, r *http.Request) {
		var report spec.Report
		if !read(w, r, maxReport, &report) {
			return
		}
		if err := s.roster.Report(report); err != nil {
			log.Info("a report was not taken", "from", r.RemoteAddr, "error", err)
			refuse(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
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
