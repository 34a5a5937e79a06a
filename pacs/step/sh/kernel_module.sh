# kernel_module: name, options (NAME=VALUE, with spaces between), load and with (the files in modules-load.d and modprobe.d).

# loaded: the module is there. One that is built in need not be in /sys.
loaded() { [ -d "/sys/module/$name" ] || cat "/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null | tr - _ | grep -q "/$name\.ko"; }

# parameter OPTION: prints the value that is in force, as the option writes it; false: it cannot be read.
parameter() {
	file=/sys/module/$name/parameters/${1%%=*}
	in_force=$(cat "$file" 2>/dev/null) || return 1
	case ${1#*=}/$in_force in
	1/Y | 0/N | y/Y | n/N) echo "${1#*=}" ;;
	*) echo "$in_force" ;;
	esac
}

kernel_module_check() {
	if [ "$(cat "$load" 2>/dev/null)" != "$name" ]; then differs "write $load"; fi
	if [ "$(cat "$with" 2>/dev/null)" != "$(wanted_with)" ]; then differs "write $with"; fi
	if [ -n "$offline" ]; then return 0; fi
	if ! loaded; then
		differs "load"
		return
	fi
	for option in $options; do
		if ! in_force=$(parameter "$option"); then
			if ! applied; then maybe "${option%%=*} cannot be read"; fi
		elif [ "$in_force" != "${option#*=}" ]; then
			differs "${option%%=*} $in_force -> ${option#*=}"
		fi
	done
}

wanted_with() { if [ -n "$options" ]; then echo "options $name $options"; fi; }

# applied: this step has loaded the module with these options.
applied() { [ "$(cat "$home/options" 2>/dev/null)" = "$options" ]; }

kernel_module_apply() {
	if [ ! -d "$home" ]; then
		trap 'kernel_module_undo' EXIT
		remember
		kernel_module_keep
	fi
	write "$load" "$name"
	write "$with" "$(wanted_with)"
	if [ -z "$offline" ]; then kernel_module_load; fi
	trap - EXIT
}

# kernel_module_keep: what undo needs: whether it was loaded, and with which values.
kernel_module_keep() {
	path=$load
	parents "$home/parents-load"
	path=$with
	parents "$home/parents-with"
	if [ -n "$offline" ] || ! loaded; then return 0; fi
	for option in $options; do
		if in_force=$(parameter "$option"); then printf '%s=%s ' "${option%%=*}" "$in_force"; fi
	done >"$home/before"
}

# shellcheck disable=SC2086 # options are words
kernel_module_load() {
	if loaded && [ -n "$options" ] && ! in_effect; then
		if ! modprobe -r "$name"; then fail "$name is in use, and takes other options only when it is loaded: end what uses it"; fi
	fi
	if ! loaded; then
		modprobe "$name" $options
		: >"$home/loaded"
	fi
	printf '%s\n' "$options" >"$home/options"
}

# in_effect: all options are in force, as far as can be told.
in_effect() {
	for option in $options; do
		if in_force=$(parameter "$option"); then
			[ "$in_force" = "${option#*=}" ] || return 1
		elif ! applied; then
			return 1
		fi
	done
}

# write FILE LINE: no line, no file.
write() {
	if [ -z "$2" ]; then
		rm -f "$1"
		return
	fi
	drop "$1.viver"
	printf '%s\n' "$2" >"$1.viver"
	mv -f "$1.viver" "$1"
}

kernel_module_undo() {
	if [ ! -d "$home" ]; then return 0; fi
	rm -f "$load" "$with"
	parents_undo "$home/parents-load"
	parents_undo "$home/parents-with"
	if [ -e "$home/loaded" ] && loaded; then
		if ! modprobe -r "$name"; then
			differs "kept: something uses it"
		elif [ -f "$home/before" ]; then
			# shellcheck disable=SC2046 # options are words
			modprobe "$name" $(cat "$home/before")
		fi
	fi
	forget
}
