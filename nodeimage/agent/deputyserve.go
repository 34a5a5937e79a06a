package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"

	"viver/nodeimage/spec"
)

// entrance is where others ask a deputy.
type entrance struct {
	close func()        // returns when nobody is served any more
	ended chan struct{} // closed then, also if that came by itself
}

// open lets others ask, once there is something to answer with. A port that is taken is tried again in each round.
func (d *deputy) open(ctx context.Context) {
	if d.desk() == nil || d.isOpen() {
		return
	}
	listener, err := d.listen()
	if err != nil {
		d.complain(err)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := serveJoin(ctx, listener, d.show, d, d.log); err != nil {
			d.log.Error("machines cannot ask this deputy any more", "error", err)
		}
	}()
	d.entrance = &entrance{ended: ended, close: func() { cancel(); listener.Close(); <-ended }}
	d.mu.Lock()
	d.port = portOf(listener)
	d.mu.Unlock()
}

// isOpen reports whether others can ask.
func (d *deputy) isOpen() bool {
	if d.entrance == nil {
		return false
	}
	select {
	case <-d.entrance.ended:
		d.close()
		return false
	default:
		return true
	}
}

func (d *deputy) close() {
	if d.entrance != nil {
		d.entrance.close()
		d.entrance = nil
	}
}

// show returns the certificate of the kit: that of a server.
func (d *deputy) show(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	o := d.desk()
	if o == nil {
		return nil, errors.New("agent: this machine is no deputy any more")
	}
	return &o.cert, nil
}

// ServeHTTP answers as a server does while machines are admitted here. Else it says only who this is, and machines ask the next one: none may
// take that for the word of a server that does not know it.
func (d *deputy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, o := d.presence(), d.desk()
	switch {
	case r.Method == http.MethodGet && r.URL.Path == spec.PathPresence:
		write(w, http.StatusOK, p)
	case !p.Admits || o == nil:
		http.Error(w, "agent: "+p.Name+" is a deputy and admits machines only while no server answers: ask a server", http.StatusServiceUnavailable)
	default:
		(&registrar{roster: d.roster, issuer: o.issuer, keys: o.keys, log: d.log}).handler().ServeHTTP(w, r)
	}
}

// services returns what is announced: that machines can join here, while they can.
func (d *deputy) services() []spec.Service {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.admits {
		return nil
	}
	return []spec.Service{{Type: spec.ServiceJoin, Port: d.port}}
}
