package state

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"time"
)

// Holder is who has the right to change a state.
type Holder struct {
	PID     int       `json:"pid,omitempty"`
	Host    string    `json:"host,omitempty"`
	User    string    `json:"user,omitempty"`
	Command string    `json:"command,omitempty"` // "viver apply"
	Since   time.Time `json:"since,omitzero"`
	// ID tells apart what one process does, where that matters; else empty.
	ID string `json:"id,omitempty"`
}

// Self is this process as a Holder.
func Self(command string) Holder {
	h := Holder{PID: os.Getpid(), Command: command, Since: time.Now().UTC().Truncate(time.Second)}
	h.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	return h
}

// ParseHolder reads what Text wrote. What cannot be read is a holder of whom nothing is known.
func ParseHolder(text []byte) Holder {
	var h Holder
	if json.Unmarshal(text, &h) != nil {
		return Holder{}
	}
	return h
}

// Text is one line of JSON, with its newline.
func (h Holder) Text() []byte {
	data, err := json.Marshal(h)
	if err != nil { // a time of no calendar
		return []byte("{}\n")
	}
	return append(data, '\n')
}

// String says it in words: "process 12 on pc1 (viver apply by ann, since 2026-11-21 13:40:00 UTC)".
func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d on %s (%s by %s, since %s)", h.PID, h.Host, h.Command, h.User, h.Since.UTC().Format("2006-01-02 15:04:05 MST"))
}

// here says whether the process is, or was, one of this machine.
func (h Holder) here() bool {
	host, err := os.Hostname()
	return err == nil && host == h.Host
}

// LockedError says that somebody else is changing the state.
type LockedError struct {
	Place  string
	Holder Holder
	Advice string // what can be done, after "try again when it has ended"
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("state: %s is locked by %s: try again when it has ended%s", e.Place, e.Holder, e.Advice)
}
