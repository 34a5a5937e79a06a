package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	tofuVersion = "v1.10.6"
	tofuModule  = "github.com/opentofu/opentofu"
)

// buildTofu builds OpenTofu, or finds it built in the user's cache. `go install` refuses it, as its go.mod replaces a module: a small main
// module that requires it and repeats the replacement builds it.
func buildTofu(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "viver-bench", "opentofu-"+tofuVersion)
	program := filepath.Join(dir, "tofu")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	replaced, err := replacements(ctx, dir)
	if err != nil {
		return "", err
	}
	mod := fmt.Sprintf("module peer\n\ngo 1.24\n\nrequire %s %s\n\n%s\n", tofuModule, tofuVersion, replaced)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
		return "", err
	}
	fmt.Fprintln(os.Stderr, "building OpenTofu, which takes minutes the first time")
	if _, err := goCommand(ctx, dir, "build", "-mod=mod", "-o", "tofu.new", tofuModule+"/cmd/tofu"); err != nil {
		return "", err
	}
	return program, os.Rename(filepath.Join(dir, "tofu.new"), program)
}

// replacements are the replace lines of OpenTofu's go.mod.
func replacements(ctx context.Context, dir string) (string, error) {
	answer, err := goCommand(ctx, dir, "mod", "download", "-json", tofuModule+"@"+tofuVersion)
	if err != nil {
		return "", err
	}
	var module struct{ GoMod string }
	if err := json.Unmarshal(answer, &module); err != nil {
		return "", err
	}
	text, err := os.ReadFile(module.GoMod)
	if err != nil {
		return "", err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "replace ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n"), nil
}

func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		err = fmt.Errorf("go %s: %w: %.500s", args[0], err, exit.Stderr)
	}
	return out, err
}
