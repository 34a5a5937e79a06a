// Package step owns the types of steps: what a configuration can bring about on a machine that runs, or in the tree of an
// image. Each type is a struct of arguments and a piece of POSIX shell (folder sh) that checks, applies and undoes it; nothing
// else is needed on the machine. A Runner gives all steps of a machine to one shell, as one script on its standard input, and
// reads one line of JSON for each.
//
// How a machine is reached is not this package's affair, nor is the order of steps.
package step
