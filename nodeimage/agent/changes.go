package agent

import "context"

// watchChanges warns of a root that is nearly full of changes until ctx ends: the servers each time that there is something new, the
// console once.
func (n *node) watchChanges(ctx context.Context) {
	if n.config.Changes == nil {
		return
	}
	warned := false
	n.config.Changes.Run(ctx, func(warning string) {
		switch {
		case warning == "":
			n.log.Info("there is room for changes to the root again")
		case !warned:
			n.log.Error(warning) // a quiet console shows errors only
		}
		warned = warning != ""
		n.reporter.warn(warning)
	})
}
