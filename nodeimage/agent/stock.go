package agent

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
)

// maxListed bounds how many images machines are told of, and take notice of: the newest. They hold fewer.
const maxListed = 64

// stock returns which images the server has.
func (s *server) stock() (*spec.ReportResponse, error) {
	ids, err := s.images.List()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(ids, func(a, b spec.Digest) int { return cmp.Or(s.added(b).Compare(s.added(a)), cmp.Compare(a, b)) })
	return &spec.ReportResponse{Server: s.self.Name, Images: append([]spec.Digest{}, ids[:min(len(ids), maxListed)]...)}, nil
}

func (s *server) serveStock(w http.ResponseWriter, _ *http.Request) {
	list, err := s.stock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	write(w, http.StatusOK, list)
}

func (s *server) serveManifest(w http.ResponseWriter, r *http.Request) {
	data, err := s.manifest(spec.Digest(r.URL.Query().Get(spec.QueryImage)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		writeJSON(w, http.StatusOK, data)
	}
}

// manifest returns the bytes that an image's ID is the digest of. The error wraps fs.ErrNotExist when the store does not have the image.
func (s *server) manifest(id spec.Digest) ([]byte, error) {
	path, err := s.images.Path(id, imagestore.FileManifest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, spec.MaxManifest+1))
	if err == nil && len(data) > spec.MaxManifest {
		err = fmt.Errorf("agent: the manifest of image %s is longer than %d bytes", id, spec.MaxManifest)
	}
	return data, err
}
