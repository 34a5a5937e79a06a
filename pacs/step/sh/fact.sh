# fact: run, a script whose output is the value; hidden: 1 if that is secret, so that a script which fails shows nothing of it.

fact_check() {
	exec 2>"$scratch/errors"
	if [ -n "$hidden" ]; then exec 4>&1 >"$scratch/value"; fi
	set +u
	eval "$run"
	if [ -n "$hidden" ]; then cat "$scratch/value" >&4; fi
}

fact_undo() { :; }
