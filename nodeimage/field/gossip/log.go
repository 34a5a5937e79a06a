package gossip

import (
	"log"
	"log/slog"
	"strings"
)

// newLogger returns a logger for memberlist. What it calls errors are the network's ordinary accidents: nothing of it is more than a
// warning here.
func newLogger(l *slog.Logger) *log.Logger { return log.New(lines{l}, "", 0) }

// lines takes "[LEVEL] memberlist: text".
type lines struct{ log *slog.Logger }

func (w lines) Write(line []byte) (int, error) {
	level, text, _ := strings.Cut(strings.TrimSpace(string(line)), "] ")
	text = strings.TrimPrefix(text, "memberlist: ")
	switch level {
	case "[WARN", "[ERR":
		w.log.Warn("gossip: " + text)
	case "[INFO":
		w.log.Info("gossip: " + text)
	default:
		w.log.Debug("gossip: " + text)
	}
	return len(line), nil
}
