package gossip

import (
	"log"
	"log/slog"
	"strings"
)

// newLogger returns a logger for memberlist. Whatever it calls what it has to say, that are the network's ordinary accidents, and many
// lines each second where machines are slow: they are for whoever looks for a fault.
func newLogger(l *slog.Logger) *log.Logger { return log.New(lines{l}, "", 0) }

// lines takes "[LEVEL] memberlist: text".
type lines struct{ log *slog.Logger }

func (w lines) Write(line []byte) (int, error) {
	_, text, _ := strings.Cut(strings.TrimSpace(string(line)), "] ")
	w.log.Debug("gossip: " + strings.TrimPrefix(text, "memberlist: "))
	return len(line), nil
}
