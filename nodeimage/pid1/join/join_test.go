package join_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  ed25519.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "viver"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func (a authority) bundle() *spec.Bundle {
	return &spec.Bundle{Cluster: "c0ffee", Trust: spec.Trust{
		TLS: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})),
	}}
}

// server starts an HTTPS server with a certificate for name that is valid in the given years.
func (a authority) server(t *testing.T, name string, from, to int, handler http.HandlerFunc) string {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(nil, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(to, 1, 1, 0, 0, 0, 0, time.UTC),
	}, a.cert, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func reply(status int, doc any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(doc)
	}
}

func client(t *testing.T, b *spec.Bundle, servers ...string) *join.Client {
	t.Helper()
	c, err := join.New(b, join.NewServers(servers...).List)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request() spec.JoinRequest { return spec.JoinRequest{MAC: "52:54:00:12:34:56"} }

const name = "server.c0ffee.viver"

var admitted = spec.JoinResponse{Node: spec.NodeSpec{Name: "pc01"}, Token: "t"}

func TestJoinWaitsAndGoesOn(t *testing.T) {
	ca := newAuthority(t)
	asked := 0
	good := ca.server(t, name, 2021, 2089, func(w http.ResponseWriter, r *http.Request) {
		var got spec.JoinRequest
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || got.MAC != request().MAC || r.URL.Path != spec.PathJoin {
			t.Errorf("asked %s %+v, %v", r.URL, got, err)
		}
		if asked++; asked < 3 {
			reply(http.StatusAccepted, spec.JoinWait{Reason: "no free name", RetrySeconds: 0.01})(w, r)
			return
		}
		reply(http.StatusOK, admitted)(w, r)
	})
	broken := ca.server(t, name, 2021, 2089, reply(http.StatusInternalServerError, "oh"))
	var reasons []string
	got, err := client(t, ca.bundle(), broken, good).Join(t.Context(), request, func(r string) { reasons = append(reasons, r) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&admitted, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"no free name"}, reasons); diff != "" {
		t.Errorf("each reason is said once: %s", diff)
	}
}

// A PC's clock may stand before or after the certificate's time.
func TestClockDoesNotMatter(t *testing.T) {
	ca := newAuthority(t)
	for _, years := range [][2]int{{2021, 2022}, {2080, 2081}} {
		s := ca.server(t, name, years[0], years[1], reply(http.StatusOK, admitted))
		if _, err := client(t, ca.bundle(), s).Join(t.Context(), request, func(r string) { t.Fatal(r) }); err != nil {
			t.Error(err)
		}
	}
}

func TestStrangersAreRefused(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	for want, s := range map[string]string{
		"signed by unknown authority": other.server(t, name, 2021, 2089, reply(http.StatusOK, admitted)),
		"valid for server.abc.viver":  ca.server(t, "server.abc.viver", 2021, 2089, reply(http.StatusOK, admitted)),
		"has expired or is not yet":   ca.server(t, name, 2010, 2011, reply(http.StatusOK, admitted)), // older than its CA
		"gives it no name":            ca.server(t, name, 2021, 2089, reply(http.StatusOK, spec.JoinResponse{})),
		"403 Forbidden":               ca.server(t, name, 2021, 2089, reply(http.StatusForbidden, "no")),
		"unknown field":               ca.server(t, name, 2021, 2089, reply(http.StatusOK, map[string]int{"x": 1})),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var reason string
		_, err := client(t, ca.bundle(), s).Join(ctx, request, func(r string) { reason = r; cancel() })
		if !errors.Is(err, context.Canceled) || !strings.Contains(reason, want) {
			t.Errorf("want %q, got %q (%v)", want, reason, err)
		}
		cancel()
	}
}

// A server of an earlier version refuses what it does not know.
func TestEarlierServersAreAskedWithoutAKey(t *testing.T) {
	ca := newAuthority(t)
	asked := 0
	s := ca.server(t, name, 2021, 2089, func(w http.ResponseWriter, r *http.Request) {
		var got map[string]any
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		asked++
		if _, has := got["public_key"]; has {
			http.Error(w, `json: unknown field "public_key"`, http.StatusBadRequest)
			return
		}
		reply(http.StatusOK, admitted)(w, r)
	})
	q := request()
	q.PublicKey = []byte("key")
	got, err := client(t, ca.bundle(), s).Join(t.Context(), func() spec.JoinRequest { return q }, func(r string) { t.Error(r) })
	if err != nil || got.Node.Name != "pc01" || asked != 2 {
		t.Errorf("%+v, %v after %d questions", got, err, asked)
	}
}

func TestPassport(t *testing.T) {
	ca := newAuthority(t)
	want := spec.Passport{Chain: "c", Root: "r", Gossip: []byte("g")}
	giver := ca.server(t, name, 2021, 2089, func(w http.ResponseWriter, r *http.Request) {
		var got spec.PassportRequest
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || got.Token != "t" || r.URL.Path != spec.PathPassport {
			t.Errorf("asked %s %+v, %v", r.URL, got, err)
		}
		reply(http.StatusOK, want)(w, r)
	})
	old := ca.server(t, name, 2021, 2089, http.NotFound)
	forgetful := ca.server(t, name, 2021, 2089, reply(http.StatusForbidden, "who?"))
	got, err := client(t, ca.bundle(), old, forgetful, giver).Passport(t.Context(), spec.PassportRequest{MAC: "m", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := client(t, ca.bundle(), old, forgetful).Passport(t.Context(), spec.PassportRequest{}); !errors.Is(err, join.ErrRefused) {
		t.Errorf("got %v", err)
	}
	if _, err := client(t, ca.bundle()).Passport(t.Context(), spec.PassportRequest{}); err == nil {
		t.Error("a passport of nobody was taken")
	}
}

func TestReport(t *testing.T) {
	ca := newAuthority(t)
	var got spec.Report
	taker := ca.server(t, name, 2021, 2089, func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || r.URL.Path != spec.PathReport {
			t.Errorf("%s: %v", r.URL, err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	stocked := ca.server(t, name, 2021, 2089, reply(http.StatusOK, spec.ReportResponse{Server: "seed", Images: []spec.Digest{"sha256:1"}}))
	ignorant := ca.server(t, name, 2021, 2089, reply(http.StatusForbidden, "who?"))
	want := spec.Report{MAC: "52:54:00:12:34:56", Token: "t", Waiting: "root"}
	if got, err := client(t, ca.bundle(), ignorant, taker).Report(t.Context(), want); err != nil || got != nil {
		t.Fatal(got, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := client(t, ca.bundle(), stocked, taker).Report(t.Context(), want); err != nil || got == nil || got.Server != "seed" || len(got.Images) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := client(t, ca.bundle(), ignorant).Report(t.Context(), want); err == nil || !strings.Contains(err.Error(), "who?") {
		t.Errorf("got %v", err)
	}
}

func TestNoServers(t *testing.T) {
	ca := newAuthority(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := client(t, ca.bundle()).Join(ctx, request, func(string) { cancel() })
	if err == nil || !strings.Contains(err.Error(), "no server is known yet") {
		t.Errorf("got %v", err)
	}
	if _, err := client(t, ca.bundle()).Report(t.Context(), spec.Report{}); err == nil {
		t.Error("a report to nobody was taken")
	}
	if _, err := join.New(&spec.Bundle{}, nil); err == nil {
		t.Error("a bundle without a CA was taken")
	}
}

func TestServers(t *testing.T) {
	s := join.NewServers("", "a:1")
	for _, a := range []string{"b:1", "c:1", "b:1", "a:1"} {
		s.Add(a)
	}
	if diff := cmp.Diff([]string{"a:1", "b:1", "c:1"}, s.List()); diff != "" {
		t.Error(diff)
	}
	for i := range 100 {
		s.Add(strings.Repeat("x", i+1) + ":1")
	}
	if n := len(s.List()); n > 40 {
		t.Errorf("%d servers are remembered", n)
	}
}
