package join_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
)

var proof = join.Proof{MAC: "52:54:00:12:34:56", Token: "t"}

// proves fails the test unless a request has what proof says.
func proves(t *testing.T, r *http.Request, method, path string) {
	t.Helper()
	if r.Method != method || r.URL.Path != path || r.URL.Query().Get(spec.QueryMAC) != proof.MAC || r.Header.Get("Authorization") != "Bearer t" {
		t.Errorf("asked %s %s, %v", r.Method, r.URL, r.Header)
	}
}

func TestPresence(t *testing.T) {
	ca := newAuthority(t)
	want := spec.Presence{Name: "pc01", Deputy: true, Ready: true}
	there := ca.server(t, name, 2021, 2089, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != spec.PathPresence {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		reply(http.StatusOK, want)(w, r)
	})
	c := client(t, ca.bundle())
	got, err := c.Presence(t.Context(), there)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
	for what, address := range map[string]string{
		"an earlier version":  ca.server(t, name, 2021, 2089, http.NotFound),
		"another cluster":     newAuthority(t).server(t, name, 2021, 2089, reply(http.StatusOK, want)),
		"no presence":         ca.server(t, name, 2021, 2089, reply(http.StatusOK, "x")),
		"nobody":              "127.0.0.1:1",
		"nothing of an order": "x y",
	} {
		if p, err := c.Presence(t.Context(), address); err == nil {
			t.Errorf("%s: %+v", what, p)
		}
	}
}

func TestKit(t *testing.T) {
	ca := newAuthority(t)
	want := spec.Kit{Tag: "sha256:1", Keys: spec.ServerKeys{Server: "seed"}, Nodes: []spec.NodeSpec{{Name: "pc01"}}, Takes: [][]int{{}}, Machines: []spec.MachineRecord{}}
	giver := ca.server(t, name, 2021, 2089, func(w http.ResponseWriter, r *http.Request) {
		proves(t, r, http.MethodGet, spec.PathKit)
		if r.Header.Get("If-None-Match") == `"sha256:1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		reply(http.StatusOK, want)(w, r)
	})
	c := client(t, ca.bundle())
	got, err := c.Kit(t.Context(), giver, proof, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
	if same, err := c.Kit(t.Context(), giver, proof, want.Tag); same != nil || err != nil {
		t.Errorf("%+v, %v", same, err)
	}
	if _, err := c.Kit(t.Context(), ca.server(t, name, 2021, 2089, reply(http.StatusOK, map[string]int{"x": 1})), proof, ""); err == nil {
		t.Error("an unknown field was passed over")
	}
}

func TestHandOver(t *testing.T) {
	ca := newAuthority(t)
	want := spec.Handover{Machines: []spec.MachineRecord{{Machine: spec.Machine{MAC: "m", Node: "pc02"}, Token: "u"}}}
	taker := ca.server(t, name, 2021, 2089, func(w http.ResponseWriter, r *http.Request) {
		proves(t, r, http.MethodPost, spec.PathHandover)
		var got spec.Handover
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := client(t, ca.bundle()).HandOver(t.Context(), taker, proof, want); err != nil {
		t.Error(err)
	}
}

func TestRejectedDeputies(t *testing.T) {
	ca := newAuthority(t)
	c := client(t, ca.bundle())
	for status, want := range map[int]error{http.StatusUnauthorized: join.ErrRefused, http.StatusForbidden: join.ErrNoDeputy, http.StatusServiceUnavailable: nil} {
		s := ca.server(t, name, 2021, 2089, reply(status, "no"))
		_, err := c.Kit(t.Context(), s, proof, "")
		for _, err := range []error{err, c.HandOver(t.Context(), s, proof, spec.Handover{})} {
			if err == nil || want != nil && !errors.Is(err, want) || want == nil && (errors.Is(err, join.ErrRefused) || errors.Is(err, join.ErrNoDeputy)) {
				t.Errorf("%d: %v", status, err)
			}
		}
	}
}
