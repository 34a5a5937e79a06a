# package: names, separated by spaces.

# packager: which program installs here.
packager() {
	for program in apt-get apk dnf; do
		if command -v "$program" >/dev/null; then
			echo "$program"
			return
		fi
	done
	fail "found none of apt-get, apk, dnf: cannot install packages here"
}

installed() { # PACKAGER NAME
	case $1 in
	apt-get) [ "$(dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null)" = installed ] ;;
	apk) apk info -e "$2" >/dev/null 2>&1 ;;
	dnf) rpm -q --quiet "$2" ;;
	esac
}

# package_look: sets $with to the packager, $missing to the names that are to be installed, $surplus to those that this step
# installed and that it no longer names.
package_look() {
	with=$(packager) || {
		echo "$with"
		return 1
	}
	missing='' surplus='' ours=''
	for name in $names; do
		if ! installed "$with" "$name"; then missing="$missing $name"; fi
	done
	if [ -f "$home/installed" ]; then read -r ours <"$home/installed"; fi
	for name in $ours; do
		case " $names " in
		*" $name "*) ;;
		*) surplus="$surplus $name" ;;
		esac
	done
}

package_check() {
	package_look
	if [ -n "$missing" ]; then differs "install$missing"; fi
	if [ -n "$surplus" ]; then differs "remove$surplus"; fi
}

# The names count as ours before they are installed: a run that is cut off must not forget them.
package_apply() {
	package_look
	remember
	ours="$ours$missing"
	echo "$ours" >"$home/installed"
	if [ -n "$offline" ]; then no_daemons; fi
	if [ -n "$missing" ]; then package_install; fi
	if [ -n "$surplus" ]; then package_remove "$surplus"; fi
	kept=''
	for name in $ours; do
		case " $surplus " in
		*" $name "*) ;;
		*) kept="$kept $name" ;;
		esac
	done
	echo "$kept" >"$home/installed"
}

# shellcheck disable=SC2086 # the names are words
package_install() {
	case $with in
	apt-get) apt_install $missing || { apt-get -q update && apt_install $missing; } ;;
	apk) apk add $missing || { apk update && apk add $missing; } ;;
	dnf) dnf install -y $missing ;;
	esac
}

# shellcheck disable=SC2086
package_remove() { # NAMES
	case $with in
	apt-get) apt-get -q -y -o DPkg::Lock::Timeout=120 remove $1 ;;
	apk) apk del $1 ;;
	dnf) dnf remove -y $1 ;;
	esac
}

apt_install() { apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold install "$@"; }

# no_daemons: in a tree, packages must not start what they install.
no_daemons() {
	policy=/usr/sbin/policy-rc.d
	if present "$policy" || [ ! -d /usr/sbin ]; then return 0; fi
	drop "$policy"
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
}

package_undo() {
	names=''
	package_look
	if [ -n "$surplus" ]; then package_remove "$surplus"; fi
	forget
}
