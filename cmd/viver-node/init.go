package main

import (
	"context"

	"viver/nodeimage/discovery"
	"viver/nodeimage/pid1"
	"viver/nodeimage/spec"
)

// initialize boots the machine; it does not return.
func initialize() { pid1.Init(discoverServers) }

// supervise runs the disk's process and the agent for as long as the machine lives.
func supervise() error { return pid1.Supervise() }

// discoverServers finds servers of the cluster that can be asked to join.
func discoverServers(ctx context.Context, cluster string, found func(address string)) {
	browse(ctx, spec.ServiceJoin, cluster, func(discovery.Found) bool { return true }, found)
}

// browse calls found with each address of the cluster's services that match, until ctx ends.
func browse(ctx context.Context, service, cluster string, match func(discovery.Found) bool, found func(address string)) {
	// Its only error is a service type that is none.
	_ = discovery.Browse(ctx, service, cluster, func(f discovery.Found) {
		for _, a := range f.Addresses {
			if match(f) {
				found(a.String())
			}
		}
	})
}
