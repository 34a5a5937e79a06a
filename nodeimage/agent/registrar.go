package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"viver/nodeimage/passport"
	"viver/nodeimage/roster"
	"viver/nodeimage/spec"
)

// registrar lets machines in and hears how they are, for a server or for a deputy that admits machines.
type registrar struct {
	roster *roster.Roster
	issuer *passport.Issuer // nil: passports cannot be signed
	keys   spec.ServerKeys  // what deputies get
	// stock returns which images there are; nil: none ever, as with a deputy.
	stock func() (*spec.ReportResponse, error)
	log   *slog.Logger
}

func (g *registrar) handler() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+spec.PathJoin, g.join)
	mux.HandleFunc("POST "+spec.PathReport, g.report)
	mux.HandleFunc("POST "+spec.PathPassport, g.passport)
	mux.HandleFunc("GET "+spec.PathKit, g.deputies(g.kit))
	mux.HandleFunc("POST "+spec.PathHandover, g.deputies(g.handover))
	return mux
}

func (g *registrar) join(w http.ResponseWriter, r *http.Request) {
	var request spec.JoinRequest
	if !read(w, r, maxJoin, &request) {
		return
	}
	response, wait, err := g.roster.Join(request)
	switch {
	case err != nil:
		g.log.Warn("a machine was not let in", "from", r.RemoteAddr, "error", err)
		refuse(w, err)
	case wait != nil:
		write(w, http.StatusAccepted, wait)
	default:
		g.log.Info("a machine joined", "node", response.Node.Name, "mac", request.MAC, "address", request.Address)
		g.addPassport(response, request.PublicKey)
		write(w, http.StatusOK, response)
	}
}

func (g *registrar) report(w http.ResponseWriter, r *http.Request) {
	var report spec.Report
	if !read(w, r, maxReport, &report) {
		return
	}
	if err := g.roster.Report(report); err != nil {
		g.log.Info("a report was not taken", "from", r.RemoteAddr, "error", err)
		refuse(w, err)
		return
	}
	if g.stock != nil {
		list, err := g.stock()
		if err == nil {
			write(w, http.StatusOK, list)
			return
		}
		g.log.Error("machines are not told which images there are", "error", err)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (g *registrar) passport(w http.ResponseWriter, r *http.Request) {
	var request spec.PassportRequest
	if !read(w, r, maxPassport, &request) {
		return
	}
	p, err := g.renew(request)
	if err != nil {
		g.log.Info("a passport was not renewed", "from", r.RemoteAddr, "error", err)
		refuse(w, err)
		return
	}
	write(w, http.StatusOK, p)
}

// deputies lets only deputies through, before anything is read of what they send: it may be long.
func (g *registrar) deputies(next func(w http.ResponseWriter, r *http.Request, name string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		name, err := g.roster.Deputy(r.URL.Query().Get(spec.QueryMAC), token)
		if err == nil {
			next(w, r, name)
			return
		}
		g.log.Info("a machine asks for what only deputies get", "from", r.RemoteAddr, "error", err)
		status := http.StatusBadRequest
		switch {
		case errors.Is(err, roster.ErrNoDeputy):
			status = http.StatusForbidden
		case errors.Is(err, roster.ErrRefused):
			status = http.StatusUnauthorized
		}
		http.Error(w, err.Error(), status)
	}
}

func (g *registrar) kit(w http.ResponseWriter, r *http.Request, name string) {
	kit, data, err := sealKit(g.roster.Kit(), g.keys, spec.MaxKit)
	if err != nil {
		g.log.Error("a deputy got no kit", "node", name, "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	tag := `"` + kit.Tag + `"`
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	g.log.Debug("a deputy fetched what servers know", "node", name, "bytes", len(data))
	writeJSON(w, http.StatusOK, data)
}

func (g *registrar) handover(w http.ResponseWriter, r *http.Request, name string) {
	var h spec.Handover
	if !read(w, r, spec.MaxHandover, &h) {
		return
	}
	passed, err := g.roster.Merge(h.Machines)
	for _, why := range passed {
		g.log.Warn("a machine has to join again", "deputy", name, "error", why)
	}
	if err != nil {
		refuse(w, fmt.Errorf("agent: what deputy %s has noted: %w", name, err))
		return
	}
	g.log.Debug("a deputy told what it noted", "node", name, "machines", len(h.Machines))
	w.WriteHeader(http.StatusNoContent)
}
