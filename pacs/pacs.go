// Package pacs holds the Pacs that come with viver: one folder each, with the module in HCL, its README and, where the Pac has a
// built-in unit, the unit's package. It owns nothing but the list.
package pacs

import "embed"

// FS has NAME/pac.viver.hcl for each Pac: the module that `source = "builtin/NAME"` means; and what that reads, in NAME/files.
//
//go:embed */pac.viver.hcl */files
var FS embed.FS
