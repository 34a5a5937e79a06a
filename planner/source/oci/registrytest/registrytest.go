// Package registrytest is an OCI registry in memory, for tests: as much of the distribution specification 1.1 as pushing and pulling by tag and digest needs.
package registrytest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Registry is a registry that forgets everything with its process. The zero Registry is empty. It is safe for concurrent use.
type Registry struct {
	mu        sync.Mutex
	blobs     map[string][]byte            // by digest; guarded by mu
	manifests map[string]map[string]string // digest by repository and tag or digest; guarded by mu
}

var route = regexp.MustCompile(`^/v2/(.+)/(blobs|manifests|tags)/(.+)$`)

// ServeHTTP implements http.Handler.
func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blobs == nil {
		r.blobs, r.manifests = map[string][]byte{}, map[string]map[string]string{}
	}
	parts := route.FindStringSubmatch(q.URL.Path)
	switch {
	case q.URL.Path == "/v2/":
	case parts == nil:
		fail(w, http.StatusNotFound, "NAME_UNKNOWN")
	case parts[2] == "tags":
		r.tags(w, parts[1])
	case parts[2] == "blobs" && strings.HasPrefix(parts[3], "uploads"):
		r.upload(w, q, parts[1])
	case parts[2] == "blobs":
		r.serve(w, q, parts[3], "application/octet-stream")
	case q.Method == http.MethodPut:
		r.putManifest(w, q, parts[1], parts[3])
	default:
		r.serve(w, q, r.manifests[parts[1]][parts[3]], "application/vnd.oci.image.manifest.v1+json")
	}
}

func fail(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"no such thing"}]}`, code)
}

func (r *Registry) tags(w http.ResponseWriter, repository string) {
	tags := []string{}
	for name := range r.manifests[repository] {
		if !strings.Contains(name, ":") {
			tags = append(tags, name)
		}
	}
	slices.Sort(tags)
	json.NewEncoder(w).Encode(map[string]any{"name": repository, "tags": tags}) //nolint:errcheck // the client has gone
}

// upload takes a blob in one request after the one that opens it.
func (r *Registry) upload(w http.ResponseWriter, q *http.Request, repository string) {
	if q.Method == http.MethodPost {
		w.Header().Set("Location", "/v2/"+repository+"/blobs/uploads/1")
		w.WriteHeader(http.StatusAccepted)
		return
	}
	data, digest, ok := body(w, q)
	if want := q.URL.Query().Get("digest"); ok && want != digest {
		fail(w, http.StatusBadRequest, "DIGEST_INVALID")
	} else if ok {
		r.blobs[digest] = data
		w.WriteHeader(http.StatusCreated)
	}
}

func body(w http.ResponseWriter, q *http.Request) (data []byte, digest string, ok bool) {
	data, err := io.ReadAll(q.Body)
	if err != nil {
		fail(w, http.StatusBadRequest, "SIZE_INVALID")
		return nil, "", false
	}
	return data, fmt.Sprintf("sha256:%x", sha256.Sum256(data)), true
}

func (r *Registry) putManifest(w http.ResponseWriter, q *http.Request, repository, ref string) {
	data, digest, ok := body(w, q)
	if !ok {
		return
	}
	if r.manifests[repository] == nil {
		r.manifests[repository] = map[string]string{}
	}
	r.blobs[digest] = data
	r.manifests[repository][ref], r.manifests[repository][digest] = digest, digest
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
}

func (r *Registry) serve(w http.ResponseWriter, q *http.Request, digest, kind string) {
	data, ok := r.blobs[digest]
	if !ok {
		fail(w, http.StatusNotFound, "MANIFEST_UNKNOWN")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	if q.Method != http.MethodHead {
		w.Write(data) //nolint:errcheck // the client has gone
	}
}
