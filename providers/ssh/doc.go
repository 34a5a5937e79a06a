// Package ssh carries requests to agents, and commands to machines that have an sshd of their own. It owns connections: how a
// host is checked, when dialling again makes sense, and that there is one connection to each host. It is transport only: what
// is asked, and of whom, is for its callers.
//
// There is no way to connect without a check of the host's key.
package ssh
