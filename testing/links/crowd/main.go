package crowd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// Main makes the program a process on a host, if it was started as one, and does not return then.
func Main() {
	if len(os.Args) != 2 || os.Args[1] != word {
		return
	}
	if err := live(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// live does what it is told until there is nobody any more to tell it something.
func live(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	orders := json.NewDecoder(bufio.NewReader(in))
	var b birth
	if err := orders.Decode(&b); err != nil {
		return fmt.Errorf("crowd: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	w, err := begin(ctx, b, log)
	replies := json.NewEncoder(out)
	if err := replies.Encode(replyOf(reply{}, err)); err != nil || w == nil {
		return err
	}
	defer func() { cancel(); w.end() }()
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("crowd: %s: %w", b.Name, err)
		}
		r, err := w.do(ctx, o)
		if err := replies.Encode(replyOf(r, err)); err != nil {
			return fmt.Errorf("crowd: %s: %w", b.Name, err)
		}
	}
}

func replyOf(r reply, err error) reply {
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// begin makes what the process is to be. Without an error there is a worker.
func begin(ctx context.Context, b birth, log *slog.Logger) (*worker, error) {
	w := &worker{birth: b, log: log}
	var err error
	switch b.Role {
	case seedRole:
		err = w.serveSeed(ctx, log)
	case memberRole:
		err = w.join(ctx, log)
	case falseRole:
		err = w.pretend(ctx, log)
	case idleRole:
	default:
		err = fmt.Errorf("crowd: there is no role %q", b.Role)
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}
