package sshstate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"viver/planner/state"
)

// answerTimeout is how long one request may take, the data that it moves included.
const answerTimeout = time.Minute

// What the other side may say before it is taken for something else.
const (
	maxLine     = 64 << 10
	maxGreeting = 1000 // lines of a shell's own greeting
)

// word begins the script's own lines where others may have written too.
const word = "viver-state "

// session is the script at work on the other side. One request at a time.
type session struct {
	place  string
	in     *io.PipeWriter
	out    *bufio.Reader
	errs   *tail
	cancel context.CancelFunc
	stop   func() bool   // forgets the context that it was started with
	ended  chan struct{} // closed when the command has ended
	err    error         // why; read after ended

	mu     sync.Mutex
	broken error // guarded by mu
}

// start runs the script and returns what it said first. A session to write outlives ctx, which then bounds the greeting alone.
func (f *Folder) start(ctx context.Context, mode string, holder state.Holder) (*session, string, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	s := &session{place: f.Name, in: in, out: bufio.NewReaderSize(out, maxLine), errs: &tail{}, cancel: cancel, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.err = f.Host.Run(life, f.command(mode, holder), stdin, stdout, s.errs)
		stdin.CloseWithError(errEnded)
		stdout.CloseWithError(errEnded)
	}()
	guard := time.AfterFunc(answerTimeout, cancel)
	greeting, err := s.greeting()
	guard.Stop()
	if err != nil {
		s.abort()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, "", fmt.Errorf("state: %s: %w", f.Name, err)
	}
	if mode == "write" && !stop() {
		s.abort()
		return nil, "", fmt.Errorf("state: %s: %w", f.Name, context.Cause(ctx))
	}
	return s, greeting, nil
}

var errEnded = errors.New("the session ended")

// greeting passes over what a shell says to everybody.
func (s *session) greeting() (string, error) {
	for range maxGreeting {
		line, err := s.line()
		if err != nil {
			return "", err
		}
		if text, ours := strings.CutPrefix(line, word); ours {
			return text, refusal(text)
		}
	}
	return "", errors.New("the shell there says too much: let its start files print nothing when it is not interactive")
}

// line reads one line, and says why there is none.
func (s *session) line() (string, error) {
	line, err := s.out.ReadSlice('\n')
	if err == nil {
		return strings.TrimSuffix(string(line), "\n"), nil
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errors.New("the answer is no line")
	}
	<-s.ended // the pipe ends with the command
	if text := s.errs.String(); text != "" {
		return "", fmt.Errorf("%w: %s", errEnded, text)
	}
	return "", fmt.Errorf("%w: %w", errEnded, cmpErr(s.err, io.ErrUnexpectedEOF))
}

func cmpErr(err, otherwise error) error {
	if err == nil {
		return otherwise
	}
	return err
}

// refusal is the error that an answer is, if it is one.
func refusal(answer string) error {
	text, no := strings.CutPrefix(answer, "no ")
	if !no {
		return nil
	}
	if strings.Contains(text, "No space left on device") {
		return fmt.Errorf("%s: %w", text, syscall.ENOSPC)
	}
	return errors.New(text)
}

// request asks for something and returns the answer's words and the data behind it. After an error the session is of no use any more.
func (s *session) request(line string, payload []byte) (answer string, data []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return "", nil, s.broken
	}
	guard := time.AfterFunc(answerTimeout, s.cancel)
	defer guard.Stop()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if _, err := io.WriteString(s.in, line+"\n"); err == nil {
			_, _ = s.in.Write(payload) // that it failed is said by the answer
		}
	}()
	if answer, data, err = s.answer(); err != nil {
		s.broken = err
		s.abort()
	}
	<-sent
	return answer, data, err
}

// lost says that the session ended by itself: it did not refuse anything.
func (s *session) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Is(s.broken, errEnded)
}

func (s *session) answer() (string, []byte, error) {
	line, err := s.line()
	if err != nil {
		return "", nil, err
	}
	if text, ours := strings.CutPrefix(line, word); ours {
		if err := refusal(text); err != nil {
			return "", nil, err
		}
	}
	size, is := strings.CutPrefix(line, "data ")
	if !is {
		return line, nil, nil
	}
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 || n > state.MaxFile {
		return "", nil, fmt.Errorf("the answer has a size of %q bytes", size)
	}
	var data bytes.Buffer
	if _, err := io.CopyN(&data, s.out, n); err != nil {
		return "", nil, fmt.Errorf("after %d of %d bytes: %w", data.Len(), n, errEnded)
	}
	return "data", append([]byte{}, data.Bytes()...), nil
}

// endTimeout is how long the other side may take to end after it was told to.
const endTimeout = 10 * time.Second

// end says that nothing more comes, and waits for the other side to end.
func (s *session) end() error {
	_ = s.in.Close()
	guard := time.AfterFunc(endTimeout, s.cancel)
	defer guard.Stop()
	_, _ = io.Copy(io.Discard, s.out)
	<-s.ended
	s.stop()
	s.cancel()
	return nil
}

// abort ends the session from this side.
func (s *session) abort() {
	s.stop()
	s.cancel()
	_ = s.in.CloseWithError(errEnded)
	_, _ = io.Copy(io.Discard, s.out)
	<-s.ended
}

// tail keeps the end of what is written to it. It is safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	data []byte // guarded by mu
}

const maxTail = 1024

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	t.data = t.data[max(0, len(t.data)-maxTail):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.Fields(string(t.data)), " ")
}
