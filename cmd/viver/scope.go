package main

import (
	"errors"

	"github.com/spf13/cobra"

	"viver/planner/plan"
	"viver/planner/planfile"
)

// addressHelp says how instances are named on command lines: by addr.Query.
const addressHelp = `An ADDRESS is that of an instance, node.pc[6], also by its machine's name, node.pc[pc07]; several, node.pc[pc01..pc08]; a block,
node.pc; a Pac with all in it, pac.boot; or just the name of a machine, pc07.`

// scope are the flags that say how far a plan reaches.
type scope struct {
	refresh     bool
	refreshOnly bool
	destroy     bool
	targets     []string
	exclude     []string
	replace     []string
}

// flags adds those that make sense for every plan.
func (s *scope) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.refresh, "refresh", true, "ask the machines how things are; false: trust what is remembered")
	cmd.Flags().StringArrayVar(&s.targets, "target", nil, "only what is at this `ADDRESS`, and what it needs (to destroy: what uses it); can be repeated")
	cmd.Flags().StringArrayVar(&s.exclude, "exclude", nil, "all but what is at this `ADDRESS`, and what needs it (to destroy: what it uses); can be repeated")
}

// planFlags adds those for plans from a configuration.
func (s *scope) planFlags(cmd *cobra.Command) {
	s.flags(cmd)
	cmd.Flags().BoolVar(&s.refreshOnly, "refresh-only", false, "do nothing but remember how things were found")
	cmd.Flags().StringArrayVar(&s.replace, "replace", nil, "make what is at this `ADDRESS` anew although nothing calls for it; can be repeated")
}

func (s *scope) check() error {
	switch {
	case s.refreshOnly && !s.refresh:
		return errors.New("--refresh-only asks how things are and --refresh=false does not: use one of them")
	case s.refreshOnly && s.destroy:
		return errors.New("--refresh-only does nothing and --destroy destroys: use one of them")
	case len(s.replace) > 0 && (s.destroy || s.refreshOnly):
		return errors.New("--replace makes things anew: it goes neither with --destroy nor with --refresh-only")
	}
	return nil
}

func (s *scope) options(o *plan.Options) {
	o.Refresh, o.RefreshOnly = s.refresh, s.refreshOnly
	o.Targets, o.Exclude, o.Replace = s.targets, s.exclude, s.replace
}

// arguments are the flags as they would be typed again.
func (s *scope) arguments() (words []string) {
	for _, list := range []struct {
		flag   string
		values []string
	}{{"--target", s.targets}, {"--exclude", s.exclude}, {"--replace", s.replace}} {
		for _, v := range list.values {
			words = append(words, list.flag, v)
		}
	}
	if s.refreshOnly {
		words = append(words, "--refresh-only")
	}
	if !s.refresh {
		words = append(words, "--refresh=false")
	}
	return words
}

func (s *scope) saved() planfile.Scope {
	return planfile.Scope{Destroy: s.destroy, RefreshOnly: s.refreshOnly, Targets: s.targets, Exclude: s.exclude, Replace: s.replace}
}

func scopeOf(f *planfile.File) scope {
	s := f.Scope
	return scope{refresh: true, destroy: s.Destroy, refreshOnly: s.RefreshOnly, targets: s.Targets, exclude: s.Exclude, replace: s.Replace}
}
