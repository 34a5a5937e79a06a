// Package providers is the operator's hands: the types of things that a configuration can declare, each in a folder of its own. This
// package only lists them and gives them what they share.
package providers

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"viver/nodeimage/imagestore"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/image"
	"viver/providers/network"
	"viver/providers/node"
	"viver/providers/server"
	"viver/providers/ssh"
	"viver/providers/step"
)

// Options are what the types need of the program. CADir must be set.
type Options struct {
	// CADir is the folder of the cluster's certificate authority: "ca" beside the state. The first server that is applied makes it.
	CADir string
	// Pool keeps the connections; its owner closes it. nil: they last as long as the process.
	Pool *ssh.Pool
	// Cache is the folder for images; empty: $VIVER_CACHE, or viver in the user's cache folder.
	Cache string
	// NodeBinary is viver-node; empty: $VIVER_NODE, or the one beside this executable, or in PATH.
	NodeBinary string
	// Log gets what tools print, at debug level; nil: nothing.
	Log *slog.Logger
}

// All returns all types.
func All(o Options) []resource.Type {
	if o.Pool == nil {
		o.Pool = new(ssh.Pool)
	}
	a := &agents.Agents{Dir: o.CADir, Pool: o.Pool}
	types := []resource.Type{
		network.Type{},
		&image.Type{Cache: o.cache, NodeBinary: o.nodeBinary, Log: o.Log},
		&server.Type{Agents: a, NodeBinary: o.nodeBinary},
		&node.Type{Agents: a},
	}
	return append(types, step.Types(&step.Machines{Agents: a, Images: o.images})...)
}

func (o Options) cache() (string, error) {
	if o.Cache != "" {
		return filepath.Abs(o.Cache)
	}
	if dir := os.Getenv("VIVER_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for images (set VIVER_CACHE to one): %w", err)
	}
	return filepath.Join(dir, "viver"), nil
}

// Images opens the operator's store of images, where nobody names another one: all configurations on a machine share it.
func Images() (*imagestore.Store, error) { return Options{}.images() }

func (o Options) images() (*imagestore.Store, error) {
	cache, err := o.cache()
	if err != nil {
		return nil, err
	}
	return image.Store(cache)
}

// FindNode returns the path of viver-node, where nobody names another one.
func FindNode() (string, error) { return Options{}.nodeBinary() }

// nodeBinary finds viver-node.
func (o Options) nodeBinary() (string, error) {
	for _, name := range []string{o.NodeBinary, os.Getenv("VIVER_NODE")} {
		if name == "" {
			continue
		}
		if _, err := os.Stat(name); err != nil {
			return "", fmt.Errorf("find viver-node (VIVER_NODE names it): %w", err)
		}
		return filepath.Abs(name)
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "viver-node")
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	if name, err := exec.LookPath("viver-node"); err == nil {
		return filepath.Abs(name)
	}
	return "", errors.New("there is no viver-node beside viver: put it there (make build makes both), or set VIVER_NODE to its path")
}
