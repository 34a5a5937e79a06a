# wait_for: host and port, or path, or command (a script). It changes nothing.

wait_for_check() {
	if [ -n "$offline" ]; then fail "nothing runs in an image: let the step act on the machines"; fi
	if ! wait_for_holds >/dev/null 2>&1; then differs "$(wait_for_lacks)"; fi
}

wait_for_lacks() {
	if [ -n "$path" ]; then
		echo "there is no $path"
	elif [ -n "$command" ]; then
		echo "the command fails"
	else
		echo "nothing answers at $host port $port"
	fi
}

wait_for_holds() {
	if [ -n "$path" ]; then
		present "$path"
	elif [ -n "$command" ]; then
		holds "$command"
	else
		answers
	fi
}

# answers: bash and busybox can connect. The nc of OpenBSD knows -z, that of busybox -e.
answers() {
	if command -v bash >/dev/null; then
		timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port"
	elif command -v nc >/dev/null; then
		nc -z -w 3 "$host" "$port" 2>/dev/null || nc -w 3 "$host" "$port" -e true
	else
		fail "found none of bash, nc: cannot see whether a server answers"
	fi
}

wait_for_apply() {
	clock
	begin=$now
	until wait_for_holds >"$scratch/said" 2>&1; do
		clock
		if [ $((now - begin)) -ge $((patience - 2)) ]; then
			cat "$scratch/said"
			fail "waited for $((now - begin)) s: $(wait_for_lacks)"
		fi
		sleep 1
	done
}

wait_for_undo() { :; }
