package build

import "context"

// copyDir copies a tree with owners, times, hard links and extended attributes, as far as it lies on one file system. The source
// is only read.
func (b *Builder) copyDir(ctx context.Context, dir, tree string) error {
	b.say("copying %s", dir)
	return b.run(ctx, tool{
		name: "cp",
		args: []string{"cp", "--archive", "--one-file-system", "--reflink=auto", "--no-target-directory", "--", dir + "/", tree},
	})
}
