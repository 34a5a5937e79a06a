package sshstate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"viver/planner/state"
)

// work is one request, which may have to be made again.
type work interface {
	request() (line string, payload []byte)
	// again looks in a new session how far the work has come, and says whether it is done.
	again(s *session) (done bool, err error)
}

// plain is work that can be done twice.
type plain struct {
	line    string
	payload []byte
}

func (p *plain) request() (string, []byte)  { return p.line, p.payload }
func (*plain) again(*session) (bool, error) { return false, nil }

// extension is what is to stand at the end of a file.
type extension struct {
	name string
	at   int64
	data []byte
}

func (e *extension) request() (string, []byte) {
	return fmt.Sprintf("extend %s %d %d", e.name, e.at, len(e.data)), e.data
}

// again finds the file as it was, or with all of the data behind it. Where there is only a part of that, the part is taken away.
func (e *extension) again(s *session) (done bool, err error) {
	_, have, err := s.request("read "+e.name, nil)
	if err != nil {
		return false, err
	}
	if int64(len(have)) < e.at || !bytes.HasPrefix(e.data, have[e.at:]) {
		return false, fmt.Errorf("%s is not as it was left: somebody else has written it", e.name)
	}
	switch int64(len(have)) - e.at {
	case 0:
		return false, nil
	case int64(len(e.data)):
		return true, nil
	}
	_, _, err = s.request(fmt.Sprintf("replace %s %d", e.name, e.at), have[:e.at])
	return false, err
}

// ask carries out a request that can be made twice.
func (d *disk) ask(line string, payload []byte) (answer string, data []byte, err error) {
	return d.carryOut(&plain{line, payload})
}

// maxResumes is how often one piece of work is taken up again.
const maxResumes = 3

// carryOut does work in the session. Where the connection breaks, it goes on in a new one if that is safe. Once that was in vain nothing more is
// tried: whoever has many changes to write waits once.
func (d *disk) carryOut(w work) (answer string, data []byte, err error) {
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	if d.lost != nil {
		return "", nil, d.lost
	}
	line, payload := w.request()
	answer, data, err = d.session.request(line, payload)
	for range maxResumes {
		if err == nil || d.folder == nil || !d.session.lost() {
			break
		}
		if failure := d.resume(); failure != nil {
			d.lost = fmt.Errorf("%w; and it could not be taken up again: %w", err, failure)
			return "", nil, d.lost
		}
		var done bool
		if done, err = w.again(d.session); done {
			return "ok", nil, nil
		}
		if err == nil {
			answer, data, err = d.session.request(line, payload)
		}
	}
	return answer, data, err
}

// errTaken says that there was another writer.
var errTaken = errors.New("somebody else has had the lock in between: run the command again, which begins with what is remembered now")

// resume makes a new session in place of a broken one. It tries for two leases: as long as the other side may hold the lock for us, and no longer
// than until Close. The caller has the turn.
func (d *disk) resume() error {
	ctx, cancel := context.WithTimeout(d.life, 2*d.folder.lease())
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		s, fence, err := d.folder.lock(ctx, d.holder)
		var locked *state.LockedError
		switch {
		case err == nil && fence != d.fence+1:
			_ = s.end()
			return errTaken
		case err == nil:
			d.session, d.fence = s, fence
			return nil
		case errors.As(err, &locked) && string(locked.Holder.Text()) != string(d.holder.Text()):
			return fmt.Errorf("%w (%w)", errTaken, err)
		case errors.As(err, &locked): // our own session, whose end the other side has not noticed
			_ = d.folder.end(ctx, "drop", d.holder)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}
