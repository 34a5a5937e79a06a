# group: name, gid, system (1).

group_check() {
	if ! entry /etc/group "$name"; then
		differs "create"
		return
	fi
	has=$(gid_of "$name")
	if [ -n "$gid" ] && [ "$gid" != "$has" ]; then differs "gid $has -> $gid"; fi
}

group_apply() {
	accounts_begin
	if [ ! -f /etc/group ]; then : >/etc/group; fi
	id=$(new_id /etc/group "$gid") || fail "$id"
	first_time=''
	if [ ! -d "$home" ]; then
		remember
		first_time=1
	fi
	if ! entry /etc/group "$name"; then
		new_group "$name" "$id"
		if [ -n "$first_time" ]; then : >"$home/absent"; fi
	else
		if [ -n "$first_time" ]; then gid_of "$name" >"$home/gid"; fi
		group_number "$id"
	fi
	accounts_end
}

# group_number GID: gives it this number. Files that it owns keep the old one.
group_number() {
	entry /etc/group "$name"
	rest=${entry#*:*:*:}
	put /etc/group "$name" "$name:x:$1:$rest"
}

group_undo() {
	if [ ! -d "$home" ]; then return 0; fi
	accounts_begin
	if [ -f "$home/gid" ]; then
		if entry /etc/group "$name"; then group_number "$(cat "$home/gid")"; fi
	elif [ -e "$home/absent" ] && entry /etc/group "$name"; then
		has=$(gid_of "$name")
		if users=$(users_of "$has"); then
			differs "kept: it is the group of $users"
		else
			remove_group "$name"
		fi
	fi
	accounts_end
	forget
}

# users_of GID: prints who has it as the primary group; false: nobody has.
users_of() {
	while IFS=: read -r who _ _ its _; do
		if [ "$its" = "$1" ]; then
			echo "$who"
			return 0
		fi
	done </etc/passwd
	return 1
}
