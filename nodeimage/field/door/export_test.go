package door

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Handler is what Serve serves.
var Handler = handler

// Start is Serve, but returns when there is a socket.
func Start(ctx context.Context, path string, m Member) (wait func() error, err error) {
	l, err := listen(ctx, path)
	ended := make(chan error, 1)
	if err == nil {
		go func() { ended <- serve(ctx, l, m, slog.New(slog.DiscardHandler)) }()
	}
	return func() error { return <-ended }, err
}

// TryRequest has a request handled, if it is one, and fails where the answer is neither a document nor a refusal.
func TryRequest(t *testing.T, h http.Handler, in io.Reader) {
	r, err := http.ReadRequest(bufio.NewReader(in))
	if err != nil {
		return
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= http.StatusInternalServerError {
		t.Errorf("%s %s: %d: %s", r.Method, r.URL, w.Code, w.Body)
	}
}
