package step

import (
	"embed"
	"fmt"
	"strings"

	"viver/nodeimage/spec"
)

//go:embed sh/*.sh
var library embed.FS

// libraries names the pieces of shell that a type needs, besides the prelude.
func libraries(stepType string) []string {
	if stepType == "file" || stepType == "directory" {
		return []string{"path", stepType}
	}
	return []string{stepType}
}

// job is a step together with its decoded document.
type job struct {
	spec.Step
	config Config
}

// render returns one script for all jobs. The shell reads it whole before it does anything, as everything stands in functions
// which the last line calls: a command that reads standard input can then eat nothing of it.
func render(mode string, jobs []job, stateDir string, offline bool) []byte {
	var b strings.Builder
	flag := ""
	if offline {
		flag = "1"
	}
	fmt.Fprintf(&b, "mode=%s\nstate=%s\noffline=%s\n", quote(mode), quote(stateDir), quote(flag))
	include(&b, append([]string{"prelude"}, needed(jobs)...))
	b.WriteString("main() {\n")
	for i, j := range jobs {
		b.WriteString("arguments() {\n")
		for _, a := range j.config.arguments() {
			fmt.Fprintf(&b, "%s=%s\n", a.name, quote(a.value))
		}
		fmt.Fprintf(&b, "}\nstep %d %s %s\n", i, j.Type, shortDigest(j.ID))
	}
	b.WriteString("}\nmain </dev/null 3>&1 >/dev/null\nexit 0\n")
	return []byte(b.String())
}

func needed(jobs []job) []string {
	var names []string
	seen := map[string]bool{}
	for _, j := range jobs {
		for _, name := range libraries(j.Type) {
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
