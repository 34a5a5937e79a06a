package roster

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
)

// Bounds of what is kept of a machine, in bytes and numbers.
const (
	maxText     = 300
	maxFact     = 100
	maxOutput   = 4 << 10
	maxSteps    = 1000
	maxStepText = 128 << 10 // of all steps together
	maxStages   = 16
	maxWarnings = 8
	maxFacts    = 64 // disks, interfaces, graphics
)

// clean returns s without control characters, cut to max bytes: it will stand on an operator's terminal.
func clean(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > max {
		s = strings.ToValidUTF8(s[:max], "")
	}
	return s
}

// cleanMAC returns a MAC address in the form of spec.Machine.
func cleanMAC(s string) (string, error) {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 {
		return "", fmt.Errorf("roster: %.40q is no MAC address such as 52:54:00:12:34:56", s)
	}
	return mac.String(), nil
}

// cleanAddress returns an IP address, or "" for what is none.
func cleanAddress(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	return a.Unmap().String()
}

func cleanFirmware(s string) string {
	if s == "bios" || s == "uefi" {
		return s
	}
	return ""
}

// cleanWarnings returns the first few of them; nil if there is none.
func cleanWarnings(warnings []string) (all []string) {
	for _, w := range warnings[:min(len(warnings), maxWarnings)] {
		all = append(all, clean(w, maxText))
	}
	return all
}

func cleanStep(s spec.StepResult) spec.StepResult {
	s.ID, s.Diff, s.Output = clean(s.ID, maxText), clean(s.Diff, maxText), clean(s.Output, maxOutput)
	s.Status = spec.StepStatus(clean(string(s.Status), 32))
	return s
}

// validName is a host name as RFC 1123 section 2.1 has it: labels of letters, digits and hyphens.
var validName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

// cleanNode checks what an operator wants of a node.
func cleanNode(n spec.NodeSpec) (spec.NodeSpec, error) {
	if len(n.Name) > 64 || !validName.MatchString(n.Name) {
		return n, fmt.Errorf("roster: %.80q is no name for a node: want a host name of letters, digits, hyphens and dots, 64 at most", n.Name)
	}
	if n.MAC != "" {
		mac, err := cleanMAC(n.MAC)
		if err != nil {
			return n, fmt.Errorf("node %s: %w", n.Name, err)
		}
		n.MAC = mac
	}
	switch n.Admission {
	case "", spec.AdmitAuto, spec.AdmitApprove, spec.AdmitListed:
	default:
		return n, fmt.Errorf("roster: node %s: there is no admission %.40q", n.Name, n.Admission)
	}
	if _, err := n.Image.Hex(); n.Image != "" && err != nil {
		return n, fmt.Errorf("roster: node %s: %w", n.Name, err)
	}
	return n, nil
}

var validBootID = regexp.MustCompile(`^[0-9a-fA-F-]{8,64}$`)

// cleanJoin checks what a machine says of itself.
func cleanJoin(q spec.JoinRequest) (spec.JoinRequest, error) {
	var err error
	if q.MAC, err = cleanMAC(q.MAC); err != nil {
		return q, fmt.Errorf("join: %w", err)
	}
	if !validBootID.MatchString(q.BootID) {
		return q, fmt.Errorf("roster: join: machine %s: %.80q is no boot ID", q.MAC, q.BootID)
	}
	if _, err := q.Image.Hex(); err != nil {
		return q, fmt.Errorf("roster: join: machine %s: %w", q.MAC, err)
	}
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(q.HostKey))
	if err != nil || len(rest) > 0 {
		return q, fmt.Errorf("roster: join: machine %s: its host key is not one line in the form of authorized_keys", q.MAC)
	}
	q.HostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	if q.PublicKey != nil {
		if _, err := passport.PublicKey(q.PublicKey); err != nil {
			return q, fmt.Errorf("roster: join: machine %s: %w", q.MAC, err)
		}
	}
	q.Address, q.Firmware = cleanAddress(q.Address), cleanFirmware(q.Firmware)
	q.Facts = cleanFacts(q.Facts)
	return q, nil
}

// cleanFacts cleans every string and bounds every list.
func cleanFacts(f spec.Facts) spec.Facts {
	for _, s := range []*string{&f.Architecture, &f.Kernel, &f.CPU, &f.Vendor, &f.Product, &f.Serial, &f.UUID} {
		*s = clean(*s, maxFact)
	}
	f.Disks = append([]spec.Disk(nil), f.Disks[:min(len(f.Disks), maxFacts)]...)
	for i, d := range f.Disks {
		f.Disks[i].Name, f.Disks[i].Model = clean(d.Name, maxFact), clean(d.Model, maxFact)
	}
	f.Interfaces = append([]spec.Interface(nil), f.Interfaces[:min(len(f.Interfaces), maxFacts)]...)
	for i, d := range f.Interfaces {
		f.Interfaces[i].Name, f.Interfaces[i].MAC, f.Interfaces[i].Driver = clean(d.Name, maxFact), clean(d.MAC, maxFact), clean(d.Driver, maxFact)
	}
	f.Graphics = append([]string(nil), f.Graphics[:min(len(f.Graphics), maxFacts)]...)
	for i, s := range f.Graphics {
		f.Graphics[i] = clean(s, maxFact)
	}
	return f
}
