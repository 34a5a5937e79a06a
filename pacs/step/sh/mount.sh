# mount: path, source, fstype, options (with commas between), flags (those that the kernel shows of every mount), bound (1: a bind mount),
# persistent (1: in fstab too), line (of fstab).

# mounted: what is mounted at $path is in $have_source, $have_type and $have_flags; false: nothing is.
mounted() {
	have_source='' have_type='' have_flags=''
	if ! mounted_at "$path"; then mounted_at "$(readlink -f "$path" || echo "$path")"; fi
}

# mounted_at PATH: the last line of mountinfo (proc(5)) is on top. What is dead may hang whoever looks at it: this does not.
mounted_at() {
	found=''
	while read -r _ _ _ _ point shown rest; do
		unescape "$point"
		if [ "$unescaped" != "$1" ]; then continue; fi
		found=1 have_flags=$shown rest=${rest#*- }
		have_type=${rest%% *} rest=${rest#* }
		unescape "${rest%% *}"
		have_source=$unescaped
	done </proc/self/mountinfo
	[ -n "$found" ]
}

# unescape WORD: spaces and their like are octal numbers in mountinfo and fstab.
unescape() {
	unescaped=$1
	case $1 in
	*\\*) unescaped=$(printf '%b' "$1") ;;
	esac
}

# as_wanted: what is mounted is what is wanted, but for its options.
as_wanted() {
	if [ -n "$bound" ]; then
		[ "$source" -ef "$path" ]
		return
	fi
	case $fstype in
	auto | "$have_type" | "${have_type#fuse.}") ;;
	nfs | nfs4) [ "${have_type%4}" = nfs ] || return 1 ;;
	*) [ "$have_type" = fuseblk ] || return 1 ;;
	esac
	same_source
}

same_source() {
	case $source in
	"$have_source" | "$have_source/") return 0 ;;
	*=*) [ "$(findfs "$source" 2>/dev/null)" = "$have_source" ] ;;
	/*) # a link to a device, or a file behind a loop device
		[ "$source" -ef "$have_source" ] ||
			[ "$(cat "/sys/block/${have_source#/dev/}/loop/backing_file" 2>/dev/null)" = "$(readlink -f "$source")" ]
		;;
	*) [ "${source%/}" = "${have_source%/}" ] ;;
	esac
}

mount_check() {
	if [ -n "$offline" ] && [ -z "$persistent" ]; then fail "nothing can be mounted in an image: set persistent = true, or let the step act on the machines"; fi
	if [ -z "$offline" ]; then mount_check_live; fi
	if [ -n "$persistent" ] && ! in_fstab; then differs "write it into /etc/fstab"; fi
	if [ -z "$persistent" ] && [ -f "$home/line" ]; then differs "take it out of /etc/fstab"; fi
}

mount_check_live() {
	if ! mounted; then
		differs "mount $source"
		return
	elif ! as_wanted; then
		differs "$have_source ($have_type) -> $source ($fstype)"
		return
	fi
	for option in $flags; do
		case ",$have_flags," in
		*",$option,"*) ;;
		*) differs "option $option is not in force" ;;
		esac
	done
	if [ -z "$verify" ] && [ -f "$home/options" ] && [ "$(cat "$home/options")" != "$options" ]; then
		differs "options $(cat "$home/options") -> $options"
	fi
}

mount_apply() {
	if [ ! -d "$home" ]; then
		trap 'mount_undo' EXIT
		remember
		parents "$home/parents"
		if ! present "$path"; then
			mkdir "$path"
			: >"$home/absent"
		fi
	fi
	if [ -z "$offline" ]; then mount_live; fi
	if [ -f "$home/line" ]; then fstab_undo; fi
	if [ -n "$persistent" ]; then fstab_add; fi
	trap - EXIT
}

# mount_live: what a former version of this step has mounted goes first, and comes back if the new one cannot be mounted.
mount_live() {
	if mounted; then
		if [ "$have_source" != "$(cat "$home/mounted" 2>/dev/null)" ]; then
			if ! as_wanted; then fail "$path has $have_source on it already: unmount that first"; fi
			return 0
		fi
		if as_wanted && { [ "$(cat "$home/options")" = "$options" ] || remounted; }; then return 0; fi
		unmount
		trap 'mount_back' EXIT
	fi
	patiently
	mounted
	printf '%s\n' "$have_source" >"$home/mounted"
	printf '%s\n' "$options" >"$home/options"
	printf '%s\n' "$source" >"$home/source"
	printf '%s\n' "$fstype" >"$home/type"
}

remounted() {
	case $fstype in
	nfs | nfs4) return 1 ;; # it takes a new option for done, and does not do it
	esac
	mount -o "remount${bound:+,bind}${options:+,$options}" "$path" && printf '%s\n' "$options" >"$home/options"
}

mount_back() {
	if mounted; then return 0; fi
	source=$(cat "$home/source") fstype=$(cat "$home/type") options=$(cat "$home/options")
	mount_once
}

# mount_once: one attempt; what it says is in the file said. mount.nfs must not be patient by itself: here is known for how long.
mount_once() {
	all=$options
	case $fstype in
	nfs | nfs4) case ",$all," in *,retry=*) ;; *) all=retry=0${all:+,$all} ;; esac ;;
	esac
	mount -t "$fstype" ${all:+-o "$all"} "$source" "$path" >"$scratch/said" 2>&1 || return 1
	if [ -n "$bound" ] && [ -n "$flags" ]; then mount -o "remount,bind,$options" "$path"; fi
}

# patiently: when a room is switched on, clients may be up before their server. What cannot change by itself fails at once.
patiently() {
	clock
	begin=$now
	until mount_once; do
		clock
		waited=$((now - begin)) limit=$((patience - 2))
		if grep -qi -e denied -e 'no such file' "$scratch/said" && [ "$limit" -gt 30 ]; then limit=30; fi
		if ! remote || hopeless || [ "$waited" -ge "$limit" ]; then
			cat "$scratch/said"
			fail "cannot mount $source at $path, after $waited s"
		fi
		sleep 1
	done
}

remote() {
	case $source in
	[!/]*:* | //*) ;;
	*) return 1 ;;
	esac
}

hopeless() {
	grep -qi -e 'unknown filesystem' -e 'wrong fs type' -e 'bad option' -e 'invalid' -e 'incorrect' -e 'no such device' -e 'not permitted' \
		-e 'not found' -e 'usage:' "$scratch/said"
}

mount_undo() {
	if [ -f "$home/mounted" ] && mounted && [ "$have_source" = "$(cat "$home/mounted")" ]; then unmount; fi
	if [ -f "$home/line" ]; then fstab_undo; fi
	if [ -e "$home/absent" ]; then rmdir "$path" 2>/dev/null || :; fi
	parents_undo "$home/parents"
	forget
}

# unmount: it tries for 10 s (or half of the step's time), then it does so lazily: a program that sits there, or a server that is gone, must not hold up the rest.
unmount() {
	tries=0 most=10
	if [ "$patience" -lt 20 ]; then most=$((patience / 2)); fi
	until limited "$most" umount "$path"; do
		if ! mounted; then return 0; fi
		tries=$((tries + 1))
		if [ "$tries" -ge "$most" ] || [ "$outlasted" = 1 ]; then
			if remote; then limited 5 umount -f "$path" && return 0; fi
			umount -l "$path"
			differs "it was in use: unmounted lazily, and gone for good when the last program lets go of it"
			return 0
		fi
		sleep 1
	done
}

# limited SECONDS COMMAND: false if it failed, or took longer ($outlasted is 1 then). It is killed in that case.
limited() {
	limit=$1 outlasted='' ticks=0
	shift
	"$@" &
	while kill -0 $! 2>/dev/null; do
		if [ "$ticks" -ge $((limit * 10)) ]; then
			outlasted=1
			kill -9 $!
			return 1
		fi
		ticks=$((ticks + 1))
		sleep 0.1
	done
	wait $!
}

in_fstab() { grep -qxF -e "$line" /etc/fstab 2>/dev/null; }

fstab_add() {
	if [ -f /etc/fstab ]; then
		while read -r _ point _; do
			unescape "$point"
			if [ "$unescaped" = "$path" ]; then fail "/etc/fstab has a line for $path already: remove it first"; fi
		done </etc/fstab
	else
		: >"$home/nofstab"
		(umask 022 && : >/etc/fstab)
	fi
	fstab_new
	{
		cat /etc/fstab
		if [ -n "$(tail -c 1 /etc/fstab)" ]; then echo; fi
		printf '%s\n' "$line"
	} >/etc/fstab.viver
	printf '%s\n' "$line" >"$home/line"
	mv -f /etc/fstab.viver /etc/fstab
}

fstab_undo() {
	if [ -f /etc/fstab ]; then
		fstab_new
		grep -vxF -e "$(cat "$home/line")" /etc/fstab >/etc/fstab.viver || :
		mv -f /etc/fstab.viver /etc/fstab
		if [ -e "$home/nofstab" ] && [ ! -s /etc/fstab ]; then rm -f /etc/fstab; fi
	fi
	rm -f "$home/line" "$home/nofstab"
}

fstab_new() {
	drop /etc/fstab.viver
	cp -a /etc/fstab /etc/fstab.viver
}
