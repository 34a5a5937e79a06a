package agent

import (
	"context"
	"log/slog"
	"net"
	"os/exec"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/field"
	"viver/nodeimage/overlay"
	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
)

// ServerConfig is what RunServer needs. Dir and Steps must be set.
type ServerConfig struct {
	Dir     string // the data folder: identity, images, units, roster.json
	Version string // of this binary
	Log     *slog.Logger
	Facts   *spec.Facts // of this machine; nil: not reported
	Steps   StepRunner
	// Unit makes the process of a unit; nil: this executable with the word "unit".
	Unit func() *exec.Cmd
	// SSH and Join listen; nil: on spec.PortSSH and spec.PortJoin of all addresses. RunServer closes them.
	SSH, Join net.Listener
	// Interfaces lists where services are announced by mDNS; nil: all that are up.
	Interfaces func() ([]net.Interface, error)
}

// NodeConfig is what early user space hands over to the agent of a diskless node. All fields without a remark must be set.
type NodeConfig struct {
	Version string
	Log     *slog.Logger
	Dir     string // a folder in RAM that outlives the agent's process, but not the boot
	Root    string // the distribution's root as the agent sees it: "/proc/1/root"
	// Changes looks after what is written to that root; nil: nobody does.
	Changes *overlay.Watch
	Bundle  *spec.Bundle
	HostKey ssh.Signer
	// Client talks to the servers; Request says what the machine joined with, Joined what it was told.
	Client  *join.Client
	Request spec.JoinRequest
	Joined  spec.JoinResponse
	Steps   StepRunner
	// Init tells when the distribution's init is there and when it has come up; nil: that of Root (see NewInit).
	Init Init
	// State calls changed with what the root disk's process says of the machine, now and whenever that changes, until ctx ends; nil:
	// nothing ever changes.
	State func(ctx context.Context, changed func(handover.State)) error
	// Renamed is called when the machine was given another name than in Joined; nil: nobody is told.
	Renamed func(name string) error
	// CameUp is called when the machine has come up, its steps are taken; nil: nobody is told.
	CameUp func()
	// Passport is what the machine got when it joined, nil if that was none. KeepPassport is called with each that takes its place, from
	// several goroutines; nil: the machine wants none.
	Passport     *spec.Passport
	KeepPassport func(spec.Passport) error
	// Field is the machine as a member of V-FIELD; nil: it never is one. What it answers may wrap door.ErrNoMember.
	Field Field
	// BytesRead counts root blocks fetched over the network since boot; nil: not counted.
	BytesRead func() int64
	// Leaving is closed when the machine goes down: RunNode tells the servers that it left, and returns; nil: never.
	Leaving <-chan struct{}
	// Spawned is called with the process ID of each session that somebody opened over SSH; nil: nobody is told.
	Spawned func(pid int)
	// Unit, SSH, Join and Interfaces are as in ServerConfig; Join is for a node that is a deputy.
	Unit       func() *exec.Cmd
	SSH, Join  net.Listener
	Interfaces func() ([]net.Interface, error)
	// Metrics listens for those who watch the machine; nil: on spec.PortMetrics of all addresses. RunNode closes it.
	Metrics net.Listener
}

// Init is the distribution's init process, PID 1 after early user space. Both methods wait; their errors are for the log and
// for people, the agent goes on after them.
type Init interface {
	// Started waits until PID 1 is the distribution's.
	Started(ctx context.Context) error
	// Up waits until it has brought the system up, or a bounded time has passed.
	Up(ctx context.Context) error
}

// Field is what operators see of a member of V-FIELD, what they tell it, and how it learns of images. Its methods are those of door.Client, and called from several
// goroutines at once.
type Field interface {
	Status() (field.Status, error)
	Map(image spec.Digest) ([]field.Range, error)
	Drain(name string, on bool) error
	Prefer(name string, factor float64) error
	Hold(manifest []byte) error
	Drop(image spec.Digest) error
	Leave(ctx context.Context, force bool) error
}
