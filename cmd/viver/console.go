package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"viver/planner/console"
)

func (a *app) consoleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Try expressions with the values of the configuration and the state",
		Long: `console shows what expressions come to: with variables, locals, all that the configuration declares and what the last apply remembered. It
asks no machine, changes nothing, and needs neither root nor a lock. What only apply would find out is (known after apply), and
sensitive values are not shown.

` + console.Help + `
Standard input may be a file or a pipe, too: then each expression is answered in turn, also after one that is wrong, and the exit code is 1 if
any was. With --json each answer is one line: {"type": ..., "value": ...}.`,
		Example: `  viver console
  echo 'node.pc[*].address' | viver console
  viver console --json <questions`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			s, err := p.remembered(cmd.Context())
			if err != nil {
				return err
			}
			if _, err := p.evaluate(cmd.Context(), s); err != nil {
				return err
			}
			return p.console(cmd.InOrStdin())
		},
	}
	a.variableFlags(cmd)
	return cmd
}

func (p *project) console(in io.Reader) error {
	c := console.Console{Evaluator: p.evaluator, Out: p.out, Diagnostics: p.view.Diagnostics, JSON: p.json}
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) && !p.json {
		return interactive(c, file, p.out)
	}
	lines := bufio.NewReader(in)
	c.ReadLine = func(bool) (string, error) { return readLine(lines) }
	failed, err := c.Run()
	if err == nil && failed {
		err = errReported
	}
	return err
}

// maxConsoleLine is the length in bytes of the longest line that is read.
const maxConsoleLine = 1 << 20

func readLine(from *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, more, err := from.ReadLine()
		if err != nil {
			return "", err
		}
		if line = append(line, part...); len(line) > maxConsoleLine {
			return "", fmt.Errorf("console: a line has more than %d bytes", maxConsoleLine)
		}
		if !more {
			return string(line), nil
		}
	}
}

// interactive talks with somebody at a terminal, who can edit lines and take up earlier ones. The terminal is raw only while a line is typed.
func interactive(c console.Console, in *os.File, out io.Writer) error {
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, "")
	c.ReadLine = func(more bool) (line string, err error) {
		before, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return "", fmt.Errorf("console: this terminal: %w", err)
		}
		defer func() { err = errors.Join(err, term.Restore(int(in.Fd()), before)) }()
		if width, height, err := term.GetSize(int(in.Fd())); err == nil && width > 0 {
			_ = t.SetSize(width, height)
		}
		t.SetPrompt("> ")
		if more {
			t.SetPrompt(": ")
		}
		return t.ReadLine()
	}
	_, err := c.Run()
	fmt.Fprintln(out)
	return err
}
