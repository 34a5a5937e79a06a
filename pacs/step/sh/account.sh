# What user and group share: the lines of /etc/passwd, shadow, group and gshadow (passwd(5), shadow(5), group(5)). They are edited here, one
# file at once or not at all, as every distribution's tools differ and busybox has none for most of it. The lock is that of the shadow
# tools, and nothing secret is ever a program's argument: all below is the shell's own.

# accounts_begin: locks the files and keeps copies; if the step ends before accounts_end, they come back.
accounts_begin() {
	accounts_lock /etc/passwd
	accounts_lock /etc/group
	trap 'accounts_restore; accounts_unlock' EXIT
	rm -rf "$scratch/accounts"
	mkdir -m 700 "$scratch/accounts"
	for file in passwd shadow group gshadow; do
		if [ -f "/etc/$file" ]; then cp -a "/etc/$file" "$scratch/accounts/"; fi
	done
}

accounts_restore() {
	for file in passwd shadow group gshadow; do
		if [ -f "$scratch/accounts/$file" ] && ! cmp -s "$scratch/accounts/$file" "/etc/$file"; then
			cp -a "$scratch/accounts/$file" "/etc/$file.viver"
			mv -f "/etc/$file.viver" "/etc/$file"
		fi
	done
}

accounts_end() {
	trap - EXIT
	accounts_unlock
}

# accounts_lock FILE: a file FILE.lock holds the ID of the process that has the lock.
accounts_lock() {
	printf %s $$ >"$1.$$"
	drop "$1.$$"
	tries=0
	until ln "$1.$$" "$1.lock" 2>/dev/null; do
		holder=$(cat "$1.lock" 2>/dev/null || :)
		if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
			rm -f "$1.lock"
		elif [ "$tries" -ge 15 ]; then
			fail "$1 is locked by process $holder: end that, or remove $1.lock"
		else
			tries=$((tries + 1))
			sleep 1
		fi
	done
	rm -f "$1.$$"
}

accounts_unlock() {
	for file in passwd group; do
		if [ "$(cat "/etc/$file.lock" 2>/dev/null)" = $$ ]; then rm -f "/etc/$file.lock"; fi
	done
}

# entry FILE NAME: the line is in $entry; false: there is none.
entry() {
	entry=''
	if [ ! -f "$1" ]; then return 1; fi
	while IFS= read -r entry || [ -n "$entry" ]; do
		case $entry in
		"$2":*) return 0 ;;
		esac
	done <"$1"
	entry=''
	return 1
}

# put FILE NAME LINE: the line takes the place of that of NAME, or is appended; empty: that of NAME goes.
put() {
	if [ ! -f "$1" ]; then (umask 077 && : >"$1"); fi
	drop "$1.viver"
	cp -a "$1" "$1.viver" # with owner, mode and label
	found=''
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		"$2":*)
			if [ -z "$found$3" ]; then continue; fi
			found=1
			if [ -n "$3" ]; then printf '%s\n' "$3"; fi
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$1" >"$1.viver"
	if [ -z "$found" ] && [ -n "$3" ]; then printf '%s\n' "$3" >>"$1.viver"; fi
	sync "$1.viver" 2>/dev/null || :
	mv -f "$1.viver" "$1"
}

# owner_of FILE NUMBER: prints the name that has the number in FILE; false: none has.
owner_of() {
	while IFS=: read -r who _ id _; do
		if [ "$id" = "$2" ]; then
			echo "$who"
			return 0
		fi
	done <"$1"
	return 1
}

# free_id FILE FIRST LAST: prints the first number between these that nobody has in FILE.
free_id() {
	used=' '
	while IFS=: read -r _ _ id _; do used="$used$id "; done <"$1"
	id=$2
	while [ "$id" -le "$3" ]; do
		case $used in
		*" $id "*) id=$((id + 1)) ;;
		*)
			echo "$id"
			return 0
			;;
		esac
	done
	fail "$1 has no number left between $2 and $3"
}

# new_id FILE WANTED: prints the number for a new line: the wanted one, if any.
new_id() {
	if [ -z "$2" ] && [ -n "$system" ]; then
		free_id "$1" 100 999
	elif [ -z "$2" ]; then
		free_id "$1" 1000 59999
	elif other=$(owner_of "$1" "$2"); then
		fail "number $2 is that of $other already: take another one"
	else
		echo "$2"
	fi
}

# gid_of GROUP: prints its number; false: there is no such group.
gid_of() {
	case $1 in
	*[!0-9]*) entry /etc/group "$1" || return 1 ;;
	*)
		echo "$1"
		return
		;;
	esac
	entry=${entry#*:*:}
	echo "${entry%%:*}"
}

# new_group NAME GID
new_group() {
	put /etc/group "$1" "$1:x:$2:"
	if [ -f /etc/gshadow ]; then put /etc/gshadow "$1" "$1:!::"; fi
}

remove_group() {
	put /etc/group "$1" ''
	if [ -f /etc/gshadow ]; then put /etc/gshadow "$1" ''; fi
}

# member GROUP: $name is in it.
member() {
	entry /etc/group "$1" || return 1
	case ",${entry##*:}," in
	*",$name,"*) ;;
	*) return 1 ;;
	esac
}

# join GROUP
join() {
	if ! entry /etc/group "$1"; then fail "there is no group $1 in /etc/group: make it with a step \"group\""; fi
	for file in /etc/group /etc/gshadow; do
		if ! entry "$file" "$1"; then continue; fi
		case $entry in
		*:) put "$file" "$1" "$entry$name" ;;
		*) put "$file" "$1" "$entry,$name" ;;
		esac
	done
}

# leave GROUP
leave() {
	for file in /etc/group /etc/gshadow; do
		if ! entry "$file" "$1"; then continue; fi
		others=''
		for who in $(printf %s "${entry##*:}" | tr , ' '); do
			if [ "$who" != "$name" ]; then others="$others${others:+,}$who"; fi
		done
		put "$file" "$1" "${entry%:*}:$others"
	done
}
