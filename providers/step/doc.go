// Package step is the blocks "step": it turns members of a batch into one session with the machine's agent. File, directory and their
// like are scripts of pacs/step, which the agent runs; "unit" and "image" are requests of their own, the latter only for servers.
//
// What is in place on a node is told to its server after each session, so that the node takes it again at its next boot.
package step
