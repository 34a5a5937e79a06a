# Keeps the files of a state for one session: sh server.sh MODE FOLDER LEASE HOLDER. It reads requests on standard input and answers each with
# one line, and data behind it. It needs a POSIX shell, flock, dd, wc, head, mv, sync and ls, of Debian or of
# busybox.
# There are no single quotes in this file: it travels between two of them.
umask 077
LC_ALL=C
export LC_ALL
mode=$1 folder=$2 lease=$3 holder=$4 fence=

# Whoever logs in may be greeted first, so our lines begin after this word.
say() { printf "%s\n" "$*"; }
refuse() { say "viver-state no $*"; exit 1; }
lasting() { sync "$@" 2>/dev/null || sync; }

[ "$mode" = write ] && { mkdir -p "$folder" || refuse "the folder $folder cannot be made"; }
[ -d "$folder" ] || { say "viver-state empty"; exit 0; }
cd "$folder" || refuse "the folder $folder cannot be entered"

# lock FLAG: 0 when we have the lock on descriptor 9, 1 when somebody else has it.
lock() {
	flock $1 -n 9 && return
	[ $? -eq 1 ] || refuse "there is no flock that works on this machine: install util-linux"
	return 1
}

# holds says whether process $1 has our lock open: its number may belong to another process by now.
holds() {
	for fd in /proc/"$1"/fd/*; do
		[ "$fd" -ef lock ] && return 0
	done
	return 1
}

# count_fence: whoever locks later counts it up, and then nothing of the one before is written any more, even if the lock was deleted.
count_fence() {
	fence=0
	[ -e fence ] && read -r fence <fence
	fence=$((fence + 1))
	say "$fence" >fence.tmp && lasting fence.tmp && mv -f fence.tmp fence && lasting . || refuse "the fence cannot be written: is the disk full?"
}

# drop is unlock by the holder itself, which may take the lock again and go on.
case $mode in
holder | unlock | drop)
	[ -e lock ] || { say "viver-state free"; exit 0; }
	exec 9<lock
	lock -s && { say "viver-state free"; exit 0; }
	{ read -r pid; read -r who; } <lock
	[ "$mode" = holder ] && { say "viver-state locked $who"; exit 0; }
	[ "$who" = "$holder" ] || refuse "somebody else has it by now"
	holds "$pid" || refuse "process $pid of this machine does not have it"
	kill -9 "$pid" || refuse "process $pid cannot be ended: log in as the user who runs it"
	for try in 1 2 3 4 5 6 7 8 9 10; do
		lock -x && {
			[ "$mode" = drop ] || count_fence
			say "viver-state free"
			exit 0
		}
		sleep 1
	done
	refuse "process $pid was killed and has it still"
	;;
write)
	exec 9>>lock
	lock -x || { { read -r pid; read -r who; } <lock; say "viver-state locked $who"; exit 0; }
	printf "%s\n%s\n" "$$" "$holder" >lock || refuse "the lock cannot be written: is the disk full?"
	count_fence
	# The lease: a session from which nothing comes any more ends after one to two times of it.
	beat=0
	say "$beat" >beat
	(
		exec 9>&-
		last=
		trap "kill \$nap; exit" TERM
		while :; do
			sleep "$lease" &
			nap=$!
			wait "$nap" || exit
			holds "$$" || exit
			now=$(cat beat)
			# Empty: it is just being written, so there is life.
			[ -n "$now" ] && [ "$now" = "$last" ] && { kill -9 "$$"; exit; }
			last=$now
		done
	) >/dev/null 2>&1 </dev/null &
	watch=$!
	trap "kill $watch 2>/dev/null" EXIT
	trap "exit 1" HUP INT TERM
	;;
esac
say "viver-state ready $fence"

# take SIZE FILE: the next bytes of standard input become a file. They are never written behind others directly, so that a connection which
# breaks leaves nothing half done.
take() {
	whole=$(($1 / 65536)) rest=$(($1 % 65536))
	why=$(
		exec 9>&- 2>&1 >"$2"
		[ "$whole" -eq 0 ] || dd bs=65536 count="$whole" iflag=fullblock || exit
		[ "$rest" -eq 0 ] || dd bs="$rest" count=1 iflag=fullblock
	)
	[ "$(wc -c <"$2")" -eq "$1" ] || refuse "write $2: $(say "$why" | tr "\n" " ")"
}
fenced() {
	now=
	read -r now <fence
	[ "$now" = "$fence" ] || refuse "fence: somebody else has taken the state over"
}
give() {
	size=$(wc -c <"$1")
	say "data $((size))"
	head -c "$((size))" <"$1"
}

while read -r verb name first second; do
	case $name in
	*[!A-Za-z0-9.-]* | .*) refuse "the name $name" ;;
	esac
	if [ "$mode" = write ]; then
		beat=$((beat + 1))
		say "$beat" >beat
	elif [ "$verb" != list ] && [ "$verb" != read ]; then
		refuse "this session only reads"
	fi
	case $verb in
	ping) say ok ;;
	list)
		names=$(ls)
		say "data $((${#names} + 1))"
		say "$names"
		;;
	read)
		if [ -e "$name" ]; then
			{ give /proc/self/fd/3; } 3<"$name"
		else
			say none
		fi
		;;
	replace)
		take "$first" "$name.tmp"
		fenced
		lasting "$name.tmp"
		mv -f "$name.tmp" "$name" || refuse "rename $name.tmp"
		lasting .
		say ok
		;;
	extend)
		take "$second" incoming.tmp
		fenced
		[ "$(wc -c <"$name")" -eq "$first" ] || refuse "fence: $name is not as long as it was"
		why=$(cat incoming.tmp 2>&1 >>"$name") && lasting "$name" || {
			dd if=/dev/null of="$name" bs=1 seek="$first" 2>/dev/null
			refuse "write $name: $why"
		}
		say ok
		;;
	remove)
		fenced
		rm -f "$name" || refuse "remove $name"
		say ok
		;;
	*) refuse "the request $verb" ;;
	esac
done
