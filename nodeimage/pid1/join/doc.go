// Package join is a booting machine's side of the talk with the cluster's servers: it asks to join, and reports how its boot goes.
//
// It owns the HTTPS requests, the choice among servers and the check of their certificates. What the answers mean for the
// machine is for others. The server's side stands in package agent.
package join
