package door

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// maxRequest bounds what is sent to a member but for manifests, in bytes: pins are the longest.
const maxRequest = 1 << 20

// The statuses of what fails.
const (
	statusLast   = http.StatusConflict            // field.ErrLast
	statusClosed = http.StatusServiceUnavailable  // field.ErrClosed
	statusFailed = http.StatusUnprocessableEntity // anything else that the member says
)

func handler(m Member) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		s, err := m.Status()
		answer(w, s, err)
	})
	mux.HandleFunc("GET /map", func(w http.ResponseWriter, r *http.Request) {
		ranges, err := m.Map(spec.Digest(r.URL.Query().Get("image")))
		answer(w, ranges, err)
	})
	mux.Handle("POST /drain", told(func(_ context.Context, a drain) error { return m.Drain(a.Name, a.On) }))
	mux.Handle("POST /prefer", told(func(_ context.Context, a prefer) error { return m.Prefer(a.Name, a.Factor) }))
	mux.Handle("POST /pin", told(func(_ context.Context, a []spec.Pin) error { return m.Pin(a) }))
	mux.HandleFunc("POST /hold", func(w http.ResponseWriter, r *http.Request) {
		if manifest, ok := body(w, r, spec.MaxManifest); ok {
			answer(w, struct{}{}, m.Hold(manifest))
		}
	})
	mux.Handle("POST /drop", told(func(_ context.Context, a drop) error { return m.Drop(a.Image) }))
	mux.Handle("POST /leave", told(func(ctx context.Context, a leave) error { return m.Leave(ctx, a.Force) }))
	return mux
}

// told makes a handler of a function that is told something. Its context ends when who has asked goes away.
func told[A any](f func(context.Context, A) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var a A
		data, ok := body(w, r, maxRequest)
		if !ok {
			return
		}
		if err := spec.Decode(data, &a); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, struct{}{}, f(r.Context(), a))
	}
}

// body reads what is sent, or refuses it and returns false.
func body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, bool) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return data, err == nil
}

// answer sends a document, or why there is none.
func answer(w http.ResponseWriter, doc any, err error) {
	var data []byte
	if err == nil {
		data, err = json.Marshal(doc)
	}
	if err != nil {
		http.Error(w, err.Error(), status(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data) // fails with the connection
}

func status(err error) int {
	switch {
	case errors.Is(err, field.ErrLast):
		return statusLast
	case errors.Is(err, field.ErrClosed):
		return statusClosed
	}
	return statusFailed
}
