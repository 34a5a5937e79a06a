package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/lang"
	"viver/planner/state"
	"viver/planner/state/etcdstate"
	"viver/planner/state/sshstate"
	"viver/providers/ssh"
)

// home is where the state is kept.
type home struct {
	state.Backend
	shared bool // with other operators: not in the folder beside the configuration
}

// home reads where the state of the project is kept. Errors have been shown when it returns errReported.
func (p *project) home() (home, error) {
	block, files, diags := lang.ReadStateHome(p.dir)
	if diags.HasErrors() {
		p.view.Diagnostics(diags, files)
		return home{}, errReported
	}
	if block == nil {
		return home{Backend: state.Dir(p.stateDir)}, nil
	}
	made, err := p.makeHome(block)
	if err != nil {
		at := block.Range
		var wrong *argumentError
		if errors.As(err, &wrong) && wrong.at != nil {
			at = *wrong.at
		}
		p.view.Diagnostics(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Unsuitable home of the state", Detail: err.Error() + ".", Subject: &at}}, files)
		return home{}, errReported
	}
	return home{Backend: made, shared: true}, nil
}

func (p *project) makeHome(block *lang.StateHome) (state.Backend, error) {
	switch block.Kind {
	case "ssh":
		return p.sshHome(&arguments{block: block})
	case "etcd":
		return p.etcdHome(&arguments{block: block})
	}
	return nil, fmt.Errorf("there is no state %q: it is kept by \"ssh\" or \"etcd\", or, without a state block, in the folder %s", block.Kind, state.Folder)
}

// sshHome keeps the state in a folder of a machine with an sshd.
func (p *project) sshHome(a *arguments) (state.Backend, error) {
	login := ssh.Login{
		Host: a.text("host", true), Port: a.number("port"), User: a.text("user", false),
		IdentityFile: p.beside(a.text("identity_file", false)), HostKey: a.text("host_key", false),
	}
	path := a.text("path", true)
	if err := a.end("host", "port", "user", "identity_file", "host_key", "path"); err != nil {
		return nil, err
	}
	target, err := login.Target()
	if err != nil {
		return nil, err
	}
	target.Once = true
	name := "ssh://" + login.Host + "/" + strings.TrimPrefix(path, "/")
	return state.NewBackend(&sshstate.Folder{Host: sshHost{target}, Path: path, Name: name}), nil
}

// etcdHome keeps the state below a prefix in etcd.
func (p *project) etcdHome(a *arguments) (state.Backend, error) {
	e := &etcdstate.Prefix{Endpoints: a.texts("endpoints"), Prefix: a.text("prefix", true), User: a.text("user", false)}
	files := tlsFiles{p.beside(a.text("ca_file", false)), p.beside(a.text("cert_file", false)), p.beside(a.text("key_file", false))}
	password := p.beside(a.text("password_file", false))
	if err := a.end("endpoints", "prefix", "user", "password_file", "ca_file", "cert_file", "key_file"); err != nil {
		return nil, err
	}
	for _, endpoint := range e.Endpoints {
		if err := checkEndpoint(endpoint); err != nil {
			return nil, err
		}
	}
	if !strings.HasSuffix(e.Prefix, "/") {
		e.Prefix += "/"
	}
	var err error
	if e.TLS, err = files.config(); err != nil {
		return nil, err
	}
	e.Password, err = secretFile(password)
	return e, err
}

// checkEndpoint refuses what would carry the state, and the password, through a network for all to read.
func checkEndpoint(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Port() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("the endpoint %q is not of the form https://HOST:PORT", text)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("the endpoint %s is not encrypted: write https, and have etcd use TLS (http is for this machine alone)", text)
	}
	return nil
}

// beside is a path that may be relative to the configuration.
func (p *project) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(p.dir, path)
}
