# command: run, creates, unless, onlyif, check, undo: scripts; digest of run, trigger: digest of rerun_on. A command without creates,
# unless and check is run once, and again when it was changed.

command_check() {
	if [ -n "$verify" ]; then
		if [ -n "$creates" ] && ! present "$creates"; then differs "there is still no $creates"; fi
		if [ -n "$check" ] && ! holds "$check"; then differs "its check still fails"; fi
		return 0
	fi
	ran='' before=''
	if [ -f "$home/ran" ]; then read -r ran before <"$home/ran"; fi
	if [ -n "$ran" ] && [ "$before" != "$trigger" ]; then
		differs "run again: rerun_on changed"
		return
	fi
	reason="run"
	if [ -n "$onlyif" ] && ! holds "$onlyif"; then return 0; fi
	if [ -n "$unless" ] && holds "$unless"; then return 0; fi
	if [ -n "$creates" ]; then
		if present "$creates"; then return 0; fi
		reason="run: there is no $creates"
	fi
	if [ -n "$check" ]; then
		if holds "$check"; then return 0; fi
		reason="run: its check fails"
	fi
	if [ -z "$creates$unless$check" ] && [ "$ran" = "$digest" ]; then return 0; fi
	differs "$reason"
}

command_apply() {
	(
		set +u
		eval "$run"
	)
	remember
	printf '%s %s\n' "$digest" "$trigger" >"$home/ran.new"
	mv "$home/ran.new" "$home/ran"
}

command_undo() {
	if [ ! -f "$home/ran" ]; then return 0; fi
	if [ -n "$undo" ]; then
		(
			set +u
			eval "$undo"
		)
	else
		differs "kept what it did: it has no undo"
	fi
	forget
}
