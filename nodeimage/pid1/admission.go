package pid1

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"viver/nodeimage/facts"
	"viver/nodeimage/passport"
	"viver/nodeimage/pid1/join"
	"viver/nodeimage/pid1/network"
	"viver/nodeimage/spec"
)

const (
	// clockTolerance is how far the machine's clock may be off before it is set.
	clockTolerance = 30 * time.Second
	// reportTime bounds a report: the boot goes on without.
	reportTime = 3 * time.Second
)

// admitted is what a machine has of its cluster, once it was let in.
type admitted struct {
	client   *join.Client
	response *spec.JoinResponse
	mac      string
	hostKey  string         // private, PEM
	passport *spec.Passport // nil: the server is of an earlier version
	// passportKey is private, PEM; publicKey is the other half, as the request has it.
	passportKey string
	publicKey   []byte
	request     spec.JoinRequest
}

// join asks the cluster's servers, those of the bundle and those that are found, until one lets the machine in. lease is the one
// that the machine has at the moment.
func (m *machine) join(ctx context.Context, lease func() *network.Lease) error {
	public, private, err := newHostKey()
	if err != nil {
		return err
	}
	m.hostKey, m.mac = private, lease().MAC
	if m.publicKey, m.passportKey, err = passport.NewKey(); err != nil {
		return err
	}
	servers := join.NewServers(join.Hints(&m.cluster.bundle)...)
	if m.client, err = join.New(&m.cluster.bundle, servers.List); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer cancel()
	looking.Go(func() { m.discover(ctx, m.cluster.bundle.Cluster, servers.Add) })
	ask := func() spec.JoinRequest {
		m.request = m.describe(lease(), public)
		return m.request
	}
	m.response, err = m.client.Join(ctx, ask, func(reason string) { m.log.Info("waiting: " + reason) })
	if err != nil {
		return err
	}
	m.passport, m.response.Passport = m.response.Passport, nil
	m.setClock(m.response.Time)
	m.log.Info("joined as " + m.response.Node.Name)
	return nil
}

// describe says what this machine is. Its stages have the times of its own clock, which may be wrong still; they are reported
// again when it is right.
func (m *machine) describe(lease *network.Lease, hostKey string) spec.JoinRequest {
	root := os.DirFS("/")
	return spec.JoinRequest{
		Cluster: m.cluster.bundle.Cluster, MAC: lease.MAC, Address: lease.Address.Addr().String(),
		Firmware: facts.Firmware(root), BootID: facts.BootID(root), Image: m.cluster.bundle.Image,
		HostKey: hostKey, PublicKey: m.publicKey, Facts: facts.Collect(root), Boot: m.stages.times(time.Now(), network.Now()),
	}
}

// setClock sets the clock to the server's if it is far off, and reports the stages again, which had wrong times then.
func (m *machine) setClock(server time.Time) {
	off := time.Until(server)
	if server.IsZero() || off.Abs() <= clockTolerance {
		m.stages = nil // reported with the request
		return
	}
	tv := unix.NsecToTimeval(server.UnixNano())
	if err := unix.Settimeofday(&tv); err != nil {
		m.log.Warn(fmt.Sprintf("set the clock: %v", err))
		return
	}
	m.log.Info(fmt.Sprintf("clock set by %v", off.Round(time.Second)))
	m.request.Boot = m.stages.times(time.Now(), network.Now())
	m.tell(context.Background(), "")
}

// tell reports the stages that were not reported yet, and what the machine waits for. It takes seconds at most and
// cannot fail a boot.
func (m *machine) tell(ctx context.Context, waiting string) {
	if m.response == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	report := spec.Report{MAC: m.mac, Token: m.response.Token, Boot: m.stages.times(time.Now(), network.Now()), Waiting: waiting}
	if _, err := m.client.Report(ctx, report); err != nil {
		m.log.Warn(err.Error())
		return
	}
	m.stages = nil
}

// takeName gives the kernel the machine's name.
func (m *machine) takeName() {
	if err := unix.Sethostname([]byte(m.response.Node.Name)); err != nil {
		m.log.Warn(fmt.Sprintf("host name %q: %v", m.response.Node.Name, err))
	}
}

// newHostKey makes an SSH host key: the public half as a line of authorized_keys, the private one as PEM.
func newHostKey() (public, private string, err error) {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", "", fmt.Errorf("make a host key: %w", err)
	}
	sshKey, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", "", fmt.Errorf("make a host key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return "", "", fmt.Errorf("make a host key: %w", err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(sshKey))), string(pem.EncodeToMemory(block)), nil
}
