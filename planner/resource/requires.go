package resource

import "github.com/zclconf/go-cty/cty"

// Requirement is what a Pac expects of the images and machines on which its steps act, and those of the Pacs that it uses.
type Requirement struct {
	Pac           string   // its address, "pac.home"; empty: the configuration itself
	Distributions []string // one of these IDs of os-release(5), "debian"; empty: any
	Packages      []string
	KernelModules []string
}

// Outfitter is a Type that knows before it is applied what an instance will have of all that can be required.
type Outfitter interface {
	Type
	// Outfit is given the evaluated arguments; what is unknown or sensitive is unknown in it.
	Outfit(config cty.Value) Outfit
}

// Outfit is what an image or machine has. The zero Outfit says nothing.
type Outfit struct {
	// Like is the address of the instance which has all that this one has: the image that a node boots. Empty: itself.
	Like string
	// Distribution is an ID of os-release(5); empty: not known yet.
	Distribution string
	// Packages are those that one can count on, if Listed; what steps bring is not among them.
	Packages []string
	Listed   bool
}

// Supplier is a Type of steps that bring packages.
type Supplier interface {
	Type
	// Supplies names the packages; the arguments are as for Outfit.
	Supplies(config cty.Value) []string
}
