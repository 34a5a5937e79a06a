package crowd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/field"
)

// Process is a seed or a member on its host. It is safe for concurrent use; what it is told to do, it does one after the other.
type Process struct {
	Name string
	log  string // file
	path string // of the socket on which it exports the image

	cmd *exec.Cmd

	mu      sync.Mutex
	in      io.WriteCloser
	orders  *json.Encoder
	replies *json.Decoder
}

func (c *Crowd) start(ctx context.Context, host string, as role) (*Process, error) {
	b, err := c.birth(host, as)
	if err != nil {
		return nil, fmt.Errorf("crowd: %s: %w", host, err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{Name: host, log: filepath.Join(c.dir, host+".log"), path: filepath.Join(c.dir, host+".sock"), cmd: c.room.Command(ctx, host, self, word)}
	if err := p.begin(b); err != nil {
		return nil, fmt.Errorf("crowd: start %s: %w: %s", host, err, p.Log(5))
	}
	return p, nil
}

func (p *Process) begin(b birth) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	p.orders, p.replies = json.NewEncoder(p.in), json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return err
	}
	if _, err := p.tell(b); err != nil {
		_ = p.Kill()
		return err
	}
	return nil
}

// tell sends something and waits for the reply.
func (p *Process) tell(what any) (r reply, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.orders.Encode(what); err != nil {
		return r, fmt.Errorf("%s: %w", p.Name, err)
	}
	if err := p.replies.Decode(&r); err != nil {
		return r, fmt.Errorf("%s has ended: %w", p.Name, err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("%s: %s", p.Name, r.Error)
	}
	return r, nil
}

// Open has a member take the image in: it begins to fetch its share.
func (p *Process) Open() error {
	_, err := p.tell(order{Do: "open"})
	return err
}

// Read has a member read the image through, once; it opens it first if need be.
func (p *Process) Read() (Tally, error) { return p.tallied(order{Do: "read"}) }

// Boot has an idle process, or a member, do what a machine does that boots: become a member, or connect to a server if there is one, and read
// these spans in their order, so many at once.
func (p *Process) Boot(s *Server, spans []Span, atOnce int) (Tally, error) {
	return p.tallied(order{Do: "boot", Server: s, Spans: spans, AtOnce: atOnce})
}

// Connect has an idle process read from this server from now on.
func (p *Process) Connect(s Server) error {
	_, err := p.tell(order{Do: "connect", Server: &s})
	return err
}

// Replay reads spans in their order, so many at once: from the server to which the process is connected, or else through its member.
func (p *Process) Replay(spans []Span, atOnce int) (Tally, error) {
	return p.tallied(order{Do: "replay", Spans: spans, AtOnce: atOnce})
}

// Export has a member export the image on a Unix socket, in the clear, to programs of this computer; it opens the image first if need be.
func (p *Process) Export() (Server, error) {
	_, err := p.tell(order{Do: "export", Socket: p.path})
	return Server{Address: p.path}, err
}

// Watch has a member read at random from now on, as many chunks at once as the options say, with a pause after each. A read that takes
// longer than the limit counts as failed.
func (p *Process) Watch(limit, pause time.Duration) error {
	_, err := p.tell(order{Do: "watch", Limit: limit, Pause: pause})
	return err
}

// Tally returns what a watching member has seen since this was called last.
func (p *Process) Tally() (Tally, error) { return p.tallied(order{Do: "tally"}) }

func (p *Process) tallied(o order) (Tally, error) {
	r, err := p.tell(o)
	if err != nil || r.Tally == nil {
		return Tally{}, errors.Join(err)
	}
	return *r.Tally, nil
}

// Status returns what a member knows.
func (p *Process) Status() (field.Status, error) {
	r, err := p.tell(order{Do: "status"})
	if err != nil || r.Status == nil {
		return field.Status{}, errors.Join(err)
	}
	return *r.Status, nil
}

// Leave has a member hand over its share and go; the process stays until Stop.
func (p *Process) Leave() error {
	_, err := p.tell(order{Do: "leave"})
	return err
}

// SetFault says what a false member does from now on.
func (p *Process) SetFault(f Fault) error {
	_, err := p.tell(order{Do: "fault", Fault: f})
	return err
}

// Kill ends the process as a power failure does, but that its connections are reset.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
	return err
}

// Stop ends the process without a word to the others.
func (p *Process) Stop() error {
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", p.Name, err, p.Log(5))
	}
	return nil
}

// PID is the process's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns the last lines that the process has logged.
func (p *Process) Log(lines int) string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// All does something with all processes at once.
func All(list []*Process, do func(*Process) error) error {
	var all errgroup.Group
	for _, p := range list {
		all.Go(func() error { return do(p) })
	}
	return all.Wait()
}

// Until looks again and again until what is asked is true of a status of each member.
func Until(ctx context.Context, list []*Process, what func(field.Status) bool) error {
	for _, p := range list {
		for {
			s, err := p.Status()
			if err != nil {
				return err
			}
			if what(s) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("crowd: %s does not get there: %w: %s", p.Name, ctx.Err(), p.Log(5))
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// Connected reports whether a member knows so many others, seeds included, and has a connection to as many as it wants.
func Connected(others int) func(field.Status) bool {
	return func(s field.Status) bool {
		connected := 0
		for _, m := range s.Members {
			if m.Connected {
				connected++
			}
		}
		return len(s.Members) == others && connected >= min(others, 17)
	}
}

// HasShare reports whether a member has all that it is to hold, of the image that it has opened.
func HasShare(s field.Status) bool { return len(s.Images) > 0 && s.Images[0].Missing == 0 }
