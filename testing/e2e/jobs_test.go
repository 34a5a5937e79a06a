package e2e_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"viver/testing/bench/reportfile"
)

// encode is the job: it encodes the file with its number, and gives the result its name when it is whole.
const encode = `#!/bin/sh
set -e
n=$SLURM_ARRAY_TASK_ID
echo "$(hostname) takes $n for time ${SLURM_RESTART_COUNT:-0}" >>"$1.log"
lame --quiet -r -s 44.1 -m m "$n.raw" "$1.$n.$$"
mv "$1.$n.$$" "$1.$n.mp3"
`

// as runs a command as anna, in her folder, which all machines have.
func (l *library) as(ctx context.Context, t *testing.T, node, command string) string {
	t.Helper()
	return on(ctx, t, l.Room, node, "cd /srv/jobs/anna && runuser -u anna -- sh -ec '"+command+"'")
}

func (l *library) checkMPI(ctx context.Context, t *testing.T) {
	if got := l.as(ctx, t, "pc02", "srun --nodes 3 --ntasks 6 --overcommit --time 2 ring 2>&1"); !strings.Contains(got, "6 processes on 3 machines, sum 15") {
		t.Errorf("srun says\n%s", got)
	}
}

// farm is a run of the nine files on so many machines, beside what the old article on such a farm had.
type farm struct {
	Machines   int     `json:"machines"`
	Seconds    float64 `json:"seconds"`
	Times      float64 `json:"times_as_fast_as_one"`
	OldSeconds float64 `json:"seconds_in_the_article"`
	OldTimes   float64 `json:"times_as_fast_in_the_article"`
}

// article is how many seconds it took there on one, two and three machines.
var article = []float64{46*60 + 54, 25*60 + 13, 18*60 + 35}

// checkFarm encodes nine files as one array of jobs, each time on more machines. Its figures go to out/bench/farm.json.
func (l *library) checkFarm(ctx context.Context, t *testing.T) {
	on(ctx, t, l.Room, "pc01", "cat >/srv/jobs/anna/encode.sh <<'EOF'\n"+encode+"EOF")
	l.as(ctx, t, "pc01", "for n in 1 2 3 4 5 6 7 8 9; do head -c 150000 /dev/urandom >$n.raw; done")
	var runs []farm
	for n, without := range []string{"--exclude=pc02,pc03", "--exclude=pc03", ""} {
		began, name := time.Now(), fmt.Sprintf("on%d", n+1)
		l.submit(ctx, t, name, without)
		l.finish(ctx, t, name)
		r := farm{Machines: n + 1, Seconds: time.Since(began).Seconds(), OldSeconds: article[n], OldTimes: article[0] / article[n]}
		runs = append(runs, r)
		runs[n].Times = runs[0].Seconds / r.Seconds
		t.Logf("%d machines: %.1f s, %.2f times as fast as one; in the old article %.2f times", n+1, r.Seconds, runs[n].Times, r.OldTimes)
	}
	if err := reportfile.Save("../../out/bench/farm.json", runs); err != nil {
		t.Error(err)
	}
	if runs[1].Seconds >= runs[0].Seconds || runs[2].Seconds >= runs[1].Seconds {
		t.Error("more machines are not faster")
	}
}

// submit queues the nine files. Each job takes a whole machine.
func (l *library) submit(ctx context.Context, t *testing.T, name, options string) {
	t.Helper()
	l.as(ctx, t, "pc02", fmt.Sprintf("sbatch --quiet --job-name %s --array 1-9 --exclusive --output %s.out --open-mode append %s encode.sh %s", name, name, options, name))
}

// finish waits until no job is left, and checks that nine files are there, which are those that the first run made.
func (l *library) finish(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	waitFor(ctx, t, name+" is through", func() bool { return on(ctx, t, l.Room, "pc01", "squeue --noheader") == "" })
	const compare = "ls %[1]s.*.mp3 | wc -l; for n in 1 2 3 4 5 6 7 8 9; do cmp on1.$n.mp3 %[1]s.$n.mp3; done"
	if got := l.as(ctx, t, "pc01", fmt.Sprintf(compare, name)); got != "9" {
		t.Errorf("%s has made\n%s\n%s", name, got, l.as(ctx, t, "pc01", fmt.Sprintf("cat %[1]s.log %[1]s.out", name)))
	}
}

// checkDeath pulls a node's plug while it encodes.
func (l *library) checkDeath(ctx context.Context, t *testing.T) {
	l.submit(ctx, t, "death", "")
	waitFor(ctx, t, "pc03 has taken a file", func() bool { return strings.Contains(l.as(ctx, t, "pc01", "cat death.log || :"), "pc03 takes") })
	vm := virtual(ctx, t, l.Room, "pc03")
	if err := l.Lab.PowerOff(ctx, vm.Name); err != nil {
		t.Fatal(err)
	}
	died := time.Now()
	waitFor(ctx, t, "the page shows that pc03 is dead", func() bool {
		return strings.Contains(l.page(ctx, t), "2 of 3 nodes are up") && strings.Contains(l.page(ctx, t), `<td class="dead" colspan="7">dead, was last seen`)
	})
	t.Logf("the page shows a dead node %s after it died", time.Since(died).Round(time.Second/10))
	if seen := time.Since(died); seen > 20*time.Second {
		t.Errorf("that was too late")
	}
	l.finish(ctx, t, "death")
	t.Logf("all files were encoded %s after the death", time.Since(died).Round(time.Second/10))
	log := l.as(ctx, t, "pc01", "cat death.log")
	t.Logf("who took what:\n%s", log)
	taken := regexp.MustCompile(`pc03 takes (\d) for time 0`).FindStringSubmatch(log)
	if taken == nil || !regexp.MustCompile(`pc0[12] takes `+taken[1]+` for time [1-9]`).MatchString(log) {
		t.Error("nobody has taken the file of pc03 again")
	}
}
