package main

import "runtime/debug"

// version returns the version of this binary, as the Go tool recorded it; "devel" if it did not.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}
