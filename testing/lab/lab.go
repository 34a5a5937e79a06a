// Package lab makes rooms of virtual machines on this one computer: a network namespace with a bridge, and QEMU machines
// with empty disks that boot from that bridge. It owns their making, watching and complete removal, also after a crash.
// It knows nothing of viver's other parts, nor they of it: what boots here would boot in a real room.
//
// A lab lives on when the process that made it ends: its description stands in a folder below Root, its machines are
// processes in its namespace. Everything that runs in the namespace belongs to the lab, and goes with it.
package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// Root is the folder that holds one folder for each lab. It is in RAM on any usual system: labs do not outlive a reboot.
const Root = "/run/viver-lab"

// namespacePrefix tells the labs' network namespaces from everybody else's.
const namespacePrefix = "viver-lab-"

// Bridge is the interface of the host in each lab; machines are plugged into it.
const Bridge = "br0"

// Lab is one room. Its methods may be called from several processes; they do not lock against each other.
type Lab struct {
	Name     string    `json:"name"`
	Address  string    `json:"address"` // of the host on the bridge, with the prefix length: "10.20.0.1/16"
	Machines []Machine `json:"machines"`
}

// ErrExists is wrapped by Up when there is a lab with that name.
var ErrExists = errors.New("lab exists")

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// Up makes the namespace, the bridge and the machines' plugs and folders. All machines are off. When Up fails, nothing is
// left of the lab. It needs root.
func Up(ctx context.Context, l Lab) (*Lab, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(Root, 0o755); err != nil {
		return nil, fmt.Errorf("lab %s: %w", l.Name, err)
	}
	if err := os.Mkdir(l.dir(), 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%w: %s; remove it with: viver lab down %s", ErrExists, l.Name, l.Name)
		}
		return nil, fmt.Errorf("lab %s: %w", l.Name, err)
	}
	if err := l.build(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("lab %s: %w", l.Name, err), l.Down(context.WithoutCancel(ctx)))
	}
	return &l, nil
}

func (l *Lab) build(ctx context.Context) error {
	if err := l.makeNetwork(ctx); err != nil {
		return err
	}
	for i := range l.Machines {
		if err := l.prepare(&l.Machines[i]); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(l.dir(), "lab.json"), data, 0o644)
}

// Open finds a lab that was made before, perhaps by another process.
func Open(name string) (*Lab, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("lab: %q is not a name of a lab", name)
	}
	data, err := os.ReadFile(filepath.Join(Root, name, "lab.json"))
	if err != nil {
		return nil, fmt.Errorf("lab %s: there is none (viver lab list shows them): %w", name, err)
	}
	l := new(Lab)
	if err := json.Unmarshal(data, l); err != nil {
		return nil, fmt.Errorf("lab %s: %w", name, err)
	}
	return l, nil
}

// List returns the names of all labs, and of what is left of crashed ones.
func List() ([]string, error) {
	var names []string
	for _, dir := range []string{Root, "/run/netns"} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("lab: list: %w", err)
		}
		for _, e := range entries {
			name, isLab := strings.CutPrefix(e.Name(), namespacePrefix)
			if dir == Root || isLab {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Remove takes down the lab with this name, whole or half made.
func Remove(ctx context.Context, name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("lab: %q is not a name of a lab", name)
	}
	l := &Lab{Name: name}
	return l.Down(ctx)
}

// Down ends every process in the lab's namespace, machines and servers alike, and removes namespace and folder. What is
// gone already is no error.
func (l *Lab) Down(ctx context.Context) error {
	return errors.Join(l.killAll(ctx), l.removeNetwork(ctx), os.RemoveAll(l.dir()))
}

// Machine returns the machine with this name.
func (l *Lab) Machine(name string) (*Machine, error) {
	for i := range l.Machines {
		if l.Machines[i].Name == name {
			return &l.Machines[i], nil
		}
	}
	return nil, fmt.Errorf("lab %s: has no machine %s; it has %s", l.Name, name, strings.Join(l.names(), ", "))
}

func (l *Lab) names() []string {
	var names []string
	for _, m := range l.Machines {
		names = append(names, m.Name)
	}
	return names
}

func (l *Lab) dir() string       { return filepath.Join(Root, l.Name) }
func (l *Lab) namespace() string { return namespacePrefix + l.Name }
