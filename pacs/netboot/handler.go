package netboot

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strconv"
	"sync"
	"time"

	"viver/nodeimage/spec"
)

// A client that takes no byte of a piece for pieceTime is given up. UEFI's and iPXE's drivers can be as slow as 2 MB/s.
const (
	piece     = 1 << 20 // bytes
	pieceTime = time.Minute
)

// maxPath bounds a path, in bytes: what is not found stands in the log. The longest that is served has some 80.
const maxPath = 256

// handler answers requests as boot programs need it: no redirects (shim asks for "/sb//x"), the length always said (UEFI asks for
// it by HEAD first), nothing compressed, no ranges.
type handler struct {
	site *site
	log  *slog.Logger
	mu   sync.Mutex // guards emit
	emit func(spec.UnitEvent)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	clean := path.Clean("/" + r.URL.Path)
	extend(w)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if len(clean) > maxPath {
		refuse(w, http.StatusRequestURITooLong)
		return
	}
	b, err := h.site.open(clean)
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, fs.ErrNotExist) {
			status = http.StatusNotFound
		}
		h.log.Warn("cannot send", "path", clean, "to", r.RemoteAddr, "error", err)
		refuse(w, status)
		return
	}
	defer b.Close()
	w.Header().Set("Content-Length", strconv.FormatInt(b.size, 10))
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.Method == http.MethodHead {
		return
	}
	begin := time.Now()
	if err := send(w, b); err != nil {
		h.log.Warn("not sent to the end", "path", clean, "to", r.RemoteAddr, "error", err)
		return
	}
	h.log.Info("sent", "path", clean, "to", r.RemoteAddr, "seconds", time.Since(begin).Seconds())
	if clean == h.site.kernel {
		h.noteKernel(r)
	}
}

func refuse(w http.ResponseWriter, status int) {
	text := http.StatusText(status) + "\n"
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // an error: the client has gone
}

// send sends the body piece by piece, each with a deadline of its own: the whole may take long.
func send(w http.ResponseWriter, b *body) error {
	for left := b.size; left > 0; left -= piece {
		extend(w)
		if _, err := io.CopyN(w, b, min(left, piece)); err != nil {
			return err
		}
	}
	return nil
}

// extend gives the client time for the next piece. An error means that the connection is gone, which the next write finds out.
func extend(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(pieceTime))
}

// noteKernel says that a machine was sent its kernel, if the request says which.
func (h *handler) noteKernel(r *http.Request) {
	mac, err := net.ParseMAC(r.URL.Query().Get("mac"))
	if err != nil || len(mac) != 6 {
		return
	}
	firmware := map[string]string{"pcbios": "bios", "efi": "uefi"}[r.URL.Query().Get("platform")]
	e := &spec.MachineEvent{MAC: mac.String(), Stage: spec.StageKernel, Detail: "kernel sent", Firmware: firmware}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		e.Address = from.Addr().Unmap().String()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emit(spec.UnitEvent{Machine: e})
}
