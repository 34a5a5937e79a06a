package agent

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/agent/sshd"
	"viver/nodeimage/discovery"
	"viver/nodeimage/imagestore"
	"viver/nodeimage/roster"
	"viver/nodeimage/spec"
	"viver/nodeimage/supervise"
)

// saveEvery is how often what machines reported is made durable.
const saveEvery = 10 * time.Second

// server is the agent of a machine that starts by itself and serves others.
type server struct {
	machine
	config    ServerConfig
	self      *credentials
	images    *imagestore.Store
	former    former
	roster    *roster.Roster
	announcer *discovery.Announcer
	quit      context.CancelFunc
	sshPort   int
	joinPort  int
}

// RunServer is the agent of a server until ctx ends or an operator says quit. Then it ends its units, keeps what it knows, and
// returns nil. An error means that it could not start, or that it lost one of its ports.
func RunServer(ctx context.Context, c ServerConfig) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := c.listen(); err != nil {
		return err
	}
	defer c.SSH.Close()
	defer c.Join.Close()
	s, err := newServer(c)
	if err != nil {
		return err
	}
	s.quit = cancel
	return s.run(ctx)
}

// listen opens the ports that the configuration does not bring.
func (c *ServerConfig) listen() (err error) {
	if c.SSH == nil {
		if c.SSH, err = listen(spec.PortSSH); err != nil {
			return err
		}
	}
	if c.Join == nil {
		if c.Join, err = listen(spec.PortJoin); err != nil {
			return errors.Join(err, c.SSH.Close())
		}
	}
	return nil
}

// listen opens a port on all addresses, of both families.
func listen(port int) (net.Listener, error) {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return nil, fmt.Errorf("agent: %w; does another agent run? `ss -ltnp sport = :%d` says who has the port", err, port)
	}
	return l, nil
}

func newServer(c ServerConfig) (*server, error) {
	self, err := loadCredentials(c.Dir)
	if err != nil {
		return nil, err
	}
	s := &server{config: c, self: self, sshPort: portOf(c.SSH), joinPort: portOf(c.Join)}
	if s.images, err = imagestore.Open(filepath.Join(c.Dir, "images")); err != nil {
		return nil, err
	}
	if s.roster, err = roster.Open(roster.Config{Path: filepath.Join(c.Dir, "roster.json"), Cluster: self.Cluster, Log: c.Log}); err != nil {
		return nil, err
	}
	s.announcer = &discovery.Announcer{Cluster: self.Cluster, Machine: self.Name, Interfaces: c.Interfaces, Log: c.Log}
	world := spec.UnitStart{Cluster: self.Cluster, Trust: self.Trust, Machine: self.Name, ImageDir: s.images.Dir()}
	if self.issuer != nil {
		if world.Passport, world.Key, err = self.issuer.Own(self.Name, time.Now()); err != nil {
			return nil, err
		}
	}
	u := unitConfig(c.Dir, world)
	u.Command, u.Machine, u.Changed, u.Log = c.Unit, s.roster.Observe, s.announce, c.Log
	units, err := supervise.New(u)
	if err != nil {
		return nil, err
	}
	s.machine = newMachine(units, c.Steps)
	return s, nil
}

// run lets the parts run until ctx ends or one of them fails.
func (s *server) run(ctx context.Context) error {
	parts, ctx := errgroup.WithContext(ctx)
	ssh := &sshd.Server{
		HostKey: s.self.hostKey, Authority: s.self.authority, Log: s.config.Log,
		Subsystems: map[string]sshd.Subsystem{spec.Subsystem: control(s.operations())},
	}
	s.announce()
	s.units.Start() // before operators can put units, which are started by that
	parts.Go(func() error { return ssh.Serve(ctx, s.config.SSH) })
	parts.Go(func() error {
		certificate := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &s.self.tls, nil }
		return serveJoin(ctx, s.config.Join, certificate, s.joinHandler(), s.config.Log)
	})
	parts.Go(func() error { s.announcer.Run(ctx); return nil })
	parts.Go(func() error { return s.save(ctx) })
	parts.Go(func() error { s.collectImages(ctx); return nil })
	err := parts.Wait()
	s.units.Stop() // after the operators' requests have ended, which could put more
	return errors.Join(err, s.roster.Save())
}

// joinHandler answers machines that join, and deputies.
func (s *server) joinHandler() http.Handler {
	log := cmp.Or(s.config.Log, slog.New(slog.DiscardHandler))
	mux := (&registrar{roster: s.roster, issuer: s.self.issuer, keys: s.self.keys, stock: s.stock, log: log}).handler()
	mux.HandleFunc("GET "+spec.PathImages, s.serveStock)
	mux.HandleFunc("GET "+spec.PathManifest, s.serveManifest)
	mux.HandleFunc("GET "+spec.PathPresence, func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, spec.Presence{Name: s.self.Name, Ready: true, Admits: true})
	})
	return mux
}

// save keeps what machines report, now and then. A disk that is full shows in the log, and in the next request that relies on it.
func (s *server) save(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := s.roster.Save(); err != nil && s.config.Log != nil {
				s.config.Log.Error("what machines report is not kept", "error", err)
			}
		}
	}
}

// announce tells the network what is served: by the agent, and by the units that are ready.
func (s *server) announce() {
	s.announcer.Set(append(readyServices(s.units),
		spec.Service{Type: spec.ServiceSSH, Port: s.sshPort}, spec.Service{Type: spec.ServiceJoin, Port: s.joinPort}))
}

func readyServices(units *supervise.Supervisor) []spec.Service {
	var all []spec.Service
	for _, u := range units.Status() {
		if u.State == spec.UnitReady {
			all = append(all, u.Services...)
		}
	}
	return all
}

func portOf(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}
