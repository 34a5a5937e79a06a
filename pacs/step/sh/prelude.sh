# What every run begins with. Set before: mode (check, apply, undo), state (folder in which steps remember what was there before them), offline (1: a
# tree, not a running system: no service is started, nothing is remembered), plain (1: answers are for people, and the first failure ends with 1).
set +e
set -u
umask 022
PATH=${PATH:-}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
DEBIAN_FRONTEND=noninteractive
export PATH LC_ALL DEBIAN_FRONTEND
scratch=$(umask 077 && mktemp -d "${TMPDIR:-/tmp}/viver-steps.XXXXXX") || exit 70
: >"$scratch/drop"
trap 'clean' EXIT
trap 'exit 143' HUP INT TERM

clean() {
	while IFS= read -r leftover; do rm -rf "$leftover"; done <"$scratch/drop"
	rm -rf "$scratch"
}

# drop PATH: it goes away when the run ends, however it ends.
drop() { printf '%s\n' "$1" >>"$scratch/drop"; }

# differs TEXT: what the check found.
differs() {
	if [ -s "$scratch/diff" ]; then printf ', ' >>"$scratch/diff"; fi
	printf '%s' "$1" >>"$scratch/diff"
}

# maybe TEXT: the check cannot tell.
maybe() {
	: >"$scratch/maybe"
	differs "$1"
}

fail() {
	printf '%s\n' "$1"
	exit 1
}

# present PATH: something is there, were it a link to nothing.
present() { [ -e "$1" ] || [ -L "$1" ]; }

# remember: makes the folder $home for what undo needs.
remember() { (umask 077 && mkdir -p "$home"); }

# forget: nothing is left to undo.
forget() { rm -rf "$home"; }

encode() { base64 | tr -d '\n'; }

answer() {
	if [ -n "$plain" ]; then
		answer_plain "$1"
		return
	fi
	printf '{"n":%d,"status":"%s","diff":"%s","output":"%s"}\n' "$number" "$1" \
		"$(head -c 1024 "$scratch/diff" | encode)" "$(tail -c "${2:-4096}" "$scratch/out" | encode)" >&3
}

answer_plain() {
	if [ "$1" = failed ]; then
		tail -c 4096 "$scratch/out" >&3
		printf '%s failed\n' "$label" >&3
		exit 1
	fi
	printf '%s: %s %s\n' "$label" "$1" "$(cat "$scratch/diff")" >&3
}

# attempt FUNCTION: runs it on its own, up to its first failing command. The outcome is in $outcome. It must never stand in a
# condition: a shell forgets `set -e` there.
attempt() {
	(
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
	: >"$scratch/diff"
	: >"$scratch/out"
	: >"$scratch/errors"
	rm -f "$scratch/maybe"
	verify=
	"mode_$mode"
}

mode_check() {
	attempt "${type}_check"
	if [ "$outcome" != 0 ]; then
		answer_failed
	elif [ "$type" = fact ]; then
		answer same 65537
	elif [ -e "$scratch/maybe" ]; then
		answer maybe
	elif [ -s "$scratch/diff" ]; then
		answer differs
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
	if [ ! -s "$scratch/diff" ]; then
		answer same
		return
	fi
	cp "$scratch/diff" "$scratch/diff.before"
	attempt "${type}_apply"
	stop_on_failure
	verify=1
	: >"$scratch/diff"
	attempt "${type}_check"
	stop_on_failure
	if [ -s "$scratch/diff" ] && [ ! -e "$scratch/maybe" ]; then
		printf 'it was applied, and still differs: %s\n' "$(cat "$scratch/diff")" >>"$scratch/out"
		outcome=1
		stop_on_failure
	fi
	cp "$scratch/diff.before" "$scratch/diff"
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
	cat "$scratch/errors" >>"$scratch/out"
	if [ ! -s "$scratch/out" ]; then echo "it ended with $outcome and said nothing" >>"$scratch/out"; fi
	answer failed
}
