# fact: run, a script whose output is the value.

fact_check() {
	exec 2>"$scratch/errors"
	set +u
	eval "$run"
}

fact_undo() { :; }
