package agent

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"viver/nodeimage/passport"
	"viver/nodeimage/pid1/join"
	"viver/nodeimage/roster"
	"viver/nodeimage/spec"
)

func TestOnlyDeputiesGetTheKit(t *testing.T) {
	w, _, d := roomWithDeputy(t)
	b := w.machine(t, testMACOf(2))
	b.join(t)
	proof := join.Proof{MAC: testMACOf(2), Token: b.config.Joined.Token}
	client := b.config.Client
	if k, err := client.Kit(t.Context(), w.joinAddr, proof, ""); k != nil || !errors.Is(err, join.ErrNoDeputy) || !strings.Contains(err.Error(), "403") {
		t.Errorf("a node that is no deputy: %v", err)
	}
	if err := client.HandOver(t.Context(), w.joinAddr, proof, spec.Handover{}); !errors.Is(err, join.ErrNoDeputy) {
		t.Errorf("a node that is no deputy: %v", err)
	}
	for _, token := range []string{"", "x", proof.Token} {
		if k, err := client.Kit(t.Context(), w.joinAddr, join.Proof{MAC: testMACOf(1), Token: token}, ""); k != nil || !errors.Is(err, join.ErrRefused) {
			t.Errorf("a deputy with the token %q: %v", token, err)
		}
	}
	proof = join.Proof{MAC: testMACOf(1), Token: d.machine.config.Joined.Token}
	k, err := client.Kit(t.Context(), w.joinAddr, proof, "")
	if err != nil || len(k.Machines) != 2 {
		t.Fatalf("%+v, %v", k, err)
	}
	if err := b.report(t); err != nil { // changes nothing that a deputy needs
		t.Fatal(err)
	}
	if same, err := client.Kit(t.Context(), w.joinAddr, proof, k.Tag); same != nil || err != nil {
		t.Errorf("it was sent again: %v", err)
	}
	w.put(t, spec.NodeSpec{Name: "pc06"})
	if other, err := client.Kit(t.Context(), w.joinAddr, proof, k.Tag); err != nil || len(other.Nodes) != 6 {
		t.Errorf("%+v, %v", other, err)
	}
}

func TestEarlierServersKitSignsNoPassports(t *testing.T) {
	k := &spec.Kit{}
	a := newAuthority()
	dir := t.TempDir()
	a.identify(t, dir)
	self, err := loadCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	k.Keys = self.keys
	if o, err := newOffice(a.cluster(), k); err != nil || o.issuer == nil {
		t.Errorf("%+v, %v", o, err)
	}
	k.Keys.Passport = ""
	if o, err := newOffice(a.cluster(), k); err != nil || o.issuer != nil {
		t.Errorf("%+v, %v", o, err)
	}
	k.Keys.TLS = ""
	if _, err := newOffice(a.cluster(), k); err == nil {
		t.Error("a kit without a certificate was taken")
	}
	k.Keys = self.keys
	k.Keys.Gossip = make([]byte, passport.GossipKeySize-1)
	if _, err := newOffice(a.cluster(), k); err == nil {
		t.Error("a kit with a short key was taken")
	}
}

func TestKitIsBounded(t *testing.T) {
	long := spec.Kit{Nodes: []spec.NodeSpec{{Name: strings.Repeat("x", 1000)}}}
	if _, _, err := sealKit(&long, spec.ServerKeys{}, 1000); err == nil || !strings.Contains(err.Error(), "large files") {
		t.Errorf("%v", err)
	}
	if k, data, err := sealKit(&long, spec.ServerKeys{}, 2000); err != nil || k.Tag == "" || !bytes.Contains(data, []byte(k.Tag)) {
		t.Errorf("%+v, %v", k, err)
	}
}

// FuzzRegistrar sends what anybody on the network could send.
func FuzzRegistrar(f *testing.F) {
	r, err := roster.Open(roster.Config{Path: filepath.Join(f.TempDir(), "roster.json"), Cluster: "c0ffee"})
	if err != nil {
		f.Fatal(err)
	}
	h := (&registrar{roster: r, log: slog.New(slog.DiscardHandler)}).handler()
	for _, path := range []string{spec.PathJoin, spec.PathReport, spec.PathPassport, spec.PathHandover, spec.PathKit} {
		f.Add(path, testMAC, "Bearer x", []byte(`{"mac":"`+testMAC+`"}`))
	}
	f.Fuzz(func(t *testing.T, path, mac, authorization string, body []byte) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			request := httptest.NewRequest(method, "/", bytes.NewReader(body))
			request.URL = &url.URL{Path: path, RawQuery: url.Values{spec.QueryMAC: {mac}}.Encode()}
			request.Header.Set("Authorization", authorization)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request)
			if w.Code/100 == 2 && w.Code != http.StatusAccepted {
				t.Errorf("%s %q: %d %s", method, path, w.Code, w.Body)
			}
		}
	})
}
