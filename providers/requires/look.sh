# Set before: kind (image: a tree, not a running system).
id=linux
for file in /etc/os-release /usr/lib/os-release; do
	if [ -r "$file" ]; then
		# shellcheck disable=SC1090
		id=$(unset ID && . "$file" && echo "${ID:-linux}")
		break
	fi
done

distribution() { # " ONE OTHER " WORDS ADVICE
	case $1 in
	*" $id "*) ;;
	*) echo "$2 $id$3" ;;
	esac
}

has_package() {
	if command -v dpkg-query >/dev/null; then
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
	elif command -v apk >/dev/null; then
		apk info -e "$1" >/dev/null 2>&1
	else
		rpm -q --quiet --whatprovides "$1" 2>/dev/null
	fi
}

package() { # NAME WORDS
	has_package "$1" || echo "$2"
}

# A tree has no running kernel: there each one counts.
release='*'
if [ "$kind" != image ]; then release=$(uname -r); fi

has_module() {
	for list in /lib/modules/$release/modules.dep /lib/modules/$release/modules.builtin; do
		if [ -r "$list" ] && grep -q "/$1\.ko[^/ ]*\(:\|\$\)" "$list"; then return 0; fi
	done
	if [ "$kind" = image ]; then return 1; fi
	for loaded in /sys/module/*; do
		if printf '%s\n' "${loaded##*/}" | grep -qx "$1"; then return 0; fi
	done
	return 1
}

module() { # PATTERN WORDS
	has_module "$1" || echo "$2"
}

