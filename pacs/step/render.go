package step

import (
	"embed"
	"fmt"
	"strings"
	"time"

	"viver/nodeimage/spec"
)

//go:embed sh/*.sh
var library embed.FS

// libraries names the pieces of shell that a type needs, besides the prelude.
func libraries(stepType string) []string {
	switch stepType {
	case "link":
		return []string{"path", "file", stepType}
	case "file", "directory", "mount", "sysctl", "kernel_module":
		return []string{"path", stepType}
	case "user":
		return []string{"path", "account", stepType}
	case "group":
		return []string{"account", stepType}
	}
	return []string{stepType}
}

// shellType is what the names of a type's shell functions begin with.
func shellType(stepType string) string {
	if stepType == "secret" {
		return "fact"
	}
	return stepType
}

// job is a step together with its decoded document.
type job struct {
	spec.Step
	config Config
}

// settings are what the shell's prelude needs to know.
type settings struct {
	mode     string
	stateDir string
	offline  bool
	plain    bool
}

// Script returns a script that applies steps, in this order, in the tree of an image in which it is run. It prints one line for each and
// ends with 1 at the first that fails. Equal steps make equal scripts. The error names the step that is wrong.
func Script(steps []spec.Step) (string, error) {
	jobs := make([]job, len(steps))
	for i, s := range steps {
		config, err := Decode(s)
		if err != nil {
			return "", err
		}
		jobs[i] = job{s, config}
	}
	return render(settings{mode: Apply, stateDir: StateDir, offline: true, plain: true}, jobs), nil
}

// render returns one script for all jobs. The shell reads it whole before it does anything, as everything stands in functions
// which the last line calls: a command that reads standard input can then eat nothing of it.
func render(s settings, jobs []job) string {
	var b strings.Builder
	fmt.Fprintf(&b, "mode=%s\nstate=%s\noffline=%s\nplain=%s\n", s.mode, quote(s.stateDir), flag(s.offline), flag(s.plain))
	include(&b, append([]string{"prelude"}, needed(jobs)...))
	b.WriteString("main() {\n")
	for i, j := range jobs {
		fmt.Fprintf(&b, "patience=%d\narguments() {\n", int(timeoutOf(j.Step)/time.Second))
		for _, a := range j.config.arguments() {
			fmt.Fprintf(&b, "%s=%s\n", a.name, quote(a.value))
		}
		fmt.Fprintf(&b, "}\nstep %d %s %s %s\n", i, shellType(j.Type), shortDigest(j.ID), quote(j.ID))
	}
	b.WriteString("}\nmain </dev/null 3>&1 >/dev/null\nexit 0\n")
	return b.String()
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "''"
}

func needed(jobs []job) []string {
	var names []string
	seen := map[string]bool{}
	for _, j := range jobs {
		for _, name := range libraries(shellType(j.Type)) {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

func include(b *strings.Builder, names []string) {
	for _, name := range names {
		data, err := library.ReadFile("sh/" + name + ".sh")
		if err != nil {
			panic(err) // it is embedded: every type has its file, as the tests show
		}
		b.Write(data)
	}
}

// quote makes one word of the shell of s.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
