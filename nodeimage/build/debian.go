package build

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// base is what a Debian root has beside the packages of priority "required": enough to boot, to be logged in to, and to have hardware
// found.
var base = []string{"dbus", "iproute2", "kmod", "libpam-systemd", "netbase", "procps", "systemd", "systemd-sysv", "udev"}

// initramfsMaker satisfies the kernel's dependency on a program that makes initramfs images. It is the smallest; none is ever
// run, since viver makes its own. A source that names one of the others gets that one.
const initramfsMaker = "tiny-initramfs"

var initramfsMakers = []string{initramfsMaker, "initramfs-tools", "dracut"}

// olderSuites have no archive area non-free-firmware, where the firmware of many network cards is.
var olderSuites = []string{"jessie", "stretch", "buster", "bullseye"}

// debian makes the tree of a Debian suite.
func (b *Builder) debian(ctx context.Context, src Source, tree string) error {
	packages := slices.Concat(base, []string{src.Kernel}, src.Packages)
	if !slices.ContainsFunc(src.Packages, func(p string) bool { return slices.Contains(initramfsMakers, p) }) {
		packages = append(packages, initramfsMaker)
	}
	components := "main,non-free-firmware"
	if slices.Contains(olderSuites, src.suite()) {
		components = "main"
	}
	args := []string{
		"mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", "--verbose",
		"--architectures=" + src.Architecture, "--components=" + components,
		"--aptopt=Acquire::Retries \"3\"", "--aptopt=Acquire::Languages \"none\"", // in a file that scrub removes
		"--include=" + strings.Join(packages, ","), src.suite(), tree,
	}
	if src.Mirror != "" {
		args = append(args, src.Mirror)
	}
	b.say("installing %s", src.From)
	p := &aptProgress{say: func(text string) { b.say("installing %s: %s", src.From, text) }}
	err := b.run(ctx, tool{
		name: "mmdebstrap", args: args, line: p.line,
		// INITRD=No keeps the kernel's package from having an initramfs made.
		env: []string{"INITRD=No", fmt.Sprintf("SOURCE_DATE_EPOCH=%d", epoch.Unix())},
	})
	if err != nil {
		return err
	}
	return os.Chmod(tree, 0o755)
}

// aptProgress turns the output of mmdebstrap, apt and dpkg into a few words now and then.
type aptProgress struct {
	say                     func(string)
	fetched, unpacked, done int
	last                    string
}

var (
	aptGet    = regexp.MustCompile(`^Get:\d+ \S+ \S+ \S+ (\S+) \S+ \S+ \[`) // not the indexes, which have two words less
	unpacking = regexp.MustCompile(`^Unpacking (\S+)`)
	settingUp = regexp.MustCompile(`^Setting up (\S+)`)
)

// every is how many packages pass between two words.
const every = 20

func (p *aptProgress) line(line string) {
	text := ""
	switch {
	case strings.HasPrefix(line, "I: running apt-get update"):
		text = "reading package lists"
	case aptGet.MatchString(line):
		text = count(&p.fetched, "fetched")
	case unpacking.MatchString(line):
		text = count(&p.unpacked, "unpacked")
	case settingUp.MatchString(line):
		text = count(&p.done, "set up")
	}
	if text != "" && text != p.last {
		p.last = text
		p.say(text)
	}
}

func count(n *int, what string) string {
	*n++
	if *n%every != 0 {
		return ""
	}
	return fmt.Sprintf("%d packages %s", *n, what)
}
