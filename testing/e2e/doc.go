// Package e2e holds the tests that need real machines: rooms of virtual machines that boot over the network, looked at and treated as
// a person would, by viver's command line and by foreign programs. It has no code of its own.
package e2e
