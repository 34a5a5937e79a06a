# What every run begins with. Set before: mode (check, apply, undo), state (folder in which steps remember what was there before
# them), offline (1: a tree, not a running system: no service is started, nothing is remembered), plain (1: answers are for people,
# and the first failure ends with 1).
set +e
set -u
umask 022
PATH=${PATH:-}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
DEBIAN_FRONTEND=noninteractive
export PATH LC_ALL DEBIAN_FRONTEND

clean() {
	[ -n "$scratch" ] || return
	while IFS= read -r leftover; do rm -rf "$leftover"; done <"$scratch/drop"
	rm -rf "$scratch"
}

# cut_off: whoever ends the run learns how far the step was.
cut_off() {
	[ -z "$scratch" ] || tail -c 2048 "$scratch/out" >&2
	exit 143
}

# The traps come first: a run can be cut off as soon as the folder is there.
scratch=
trap 'clean' EXIT
trap 'cut_off' HUP INT TERM
scratch=$(umask 077 && mktemp -d "${TMPDIR:-/tmp}/viver-steps.XXXXXX") || exit 70
: >"$scratch/drop"

# drop PATH: it goes away when the run ends, however it ends.
drop() { printf '%s\n' "$1" >>"$scratch/drop"; }

# differs TEXT: what the check found.
differs() {
	if [ -s "$diff" ]; then printf ', ' >>"$diff"; fi
	printf '%s' "$1" >>"$diff"
}

# maybe TEXT: the check cannot tell.
maybe() {
	if [ -s "$unsure" ]; then printf ', ' >>"$unsure"; fi
	printf '%s' "$1" >>"$unsure"
}

fail() {
	printf '%s\n' "$1"
	exit 1
}

# present PATH: something is there, were it a link to nothing.
present() { [ -e "$1" ] || [ -L "$1" ]; }

# remember: makes the folder $home for what undo needs.
remember() {
	if [ ! -d "$home" ]; then (umask 077 && mkdir -p "$home"); fi
}

# forget: nothing is left to undo.
forget() { rm -rf "$home"; }

# holds SCRIPT: it ends with 0.
holds() { (set +eu && eval "$1"); }

# clock: $now is the number of seconds since the machine has started.
clock() {
	read -r now _ </proc/uptime
	now=${now%.*}
}

# encode FILE BYTES: the end of a file in base64. Most are empty, and a fork is dear on a machine that has just booted.
encode() {
	if [ -s "$1" ]; then tail -c "$2" "$1" | base64 | tr -d '\n'; fi
}

# answer STATUS [BYTES]: one line of JSON for the Runner, with so much of what was printed.
answer() {
	if [ -n "$plain" ]; then
		answer_plain "$1"
	elif [ "$1" = failed ] || [ -n "${2:-}" ]; then
		printf '{"n":%d,"status":"%s","diff":"%s","output":"%s"}\n' "$number" "$1" "$(encode "$first" 1024)" "$(encode "$scratch/out" "${2:-4096}")" >&3
	else
		printf '{"n":%d,"status":"%s","diff":"%s"}\n' "$number" "$1" "$(encode "$first" 1024)" >&3
	fi
}

answer_plain() {
	if [ "$1" = failed ]; then
		tail -c 4096 "$scratch/out" >&3
		printf '%s failed\n' "$label" >&3
		exit 1
	fi
	printf '%s: %s %s\n' "$label" "$1" "$(cat "$first")" >&3
}

# attempt FUNCTION: runs it on its own, up to its first failing command. The outcome is in $outcome. It must never stand in a
# condition: a shell forgets `set -e` there. A function may set a trap on EXIT that takes back what it began: it is called when the run is cut
# off, too.
attempt() {
	(
		trap 'exit 143' HUP INT TERM
		set -e
		arguments
		"$1"
	) >>"$scratch/out" 2>&1 3>&-
	outcome=$?
}

# step NUMBER TYPE KEY LABEL: does one step; `arguments` sets its variables.
step() {
	number=$1
	type=$2
	home=$state/$3
	label=$4
	if [ -n "$offline" ]; then home=$scratch/home.$1; fi
	first=$scratch/diff
	diff=$first
	unsure=$scratch/unsure
	: >"$diff"
	: >"$unsure"
	: >"$scratch/out"
	: >"$scratch/errors"
	verify=
	"mode_$mode"
}

mode_check() {
	attempt "${type}_check"
	if [ "$outcome" != 0 ]; then
		answer_failed
	elif [ "$type" = fact ]; then
		answer same 65537
	elif [ -s "$diff" ]; then
		answer differs
	elif [ -s "$unsure" ]; then
		first=$unsure
		answer maybe
	else
		answer same
	fi
}

mode_apply() {
	attempt "${type}_check"
	stop_on_failure
	if [ "$type" = fact ]; then
		answer same 65537
		return
	fi
	if [ ! -s "$diff" ]; then
		if [ ! -s "$unsure" ]; then
			answer same
			return
		fi
		first=$unsure
	fi
	attempt "${type}_apply"
	stop_on_failure
	if [ "$type" = wait_for ]; then
		answer same
		return
	fi
	verify=1
	diff=$scratch/verify
	: >"$diff"
	attempt "${type}_check"
	stop_on_failure
	if [ -s "$diff" ]; then
		printf 'it was applied, and still differs: %s\n' "$(cat "$diff")" >>"$scratch/out"
		outcome=1
		stop_on_failure
	fi
	answer changed
}

mode_undo() {
	attempt "${type}_undo"
	stop_on_failure
	answer undone
}

stop_on_failure() {
	if [ "$outcome" != 0 ]; then
		answer_failed
		exit 0
	fi
}

answer_failed() {
	if [ -s "$scratch/errors" ]; then cat "$scratch/errors" >>"$scratch/out"; fi
	if [ ! -s "$scratch/out" ]; then echo "it ended with $outcome and said nothing" >>"$scratch/out"; fi
	answer failed
}
