# disks: the names of local disks and partitions that no other device is made of.
disks() {
	for entry in /sys/class/block/*; do
		name=${entry##*/}
		case $name in
		nbd* | loop* | ram* | zram* | sr* | fd* | dm-* | md*) continue ;;
		esac
		set -- "$entry/$name"* "$entry"/holders/*
		if [ ! -e "$1" ] && [ ! -e "$2" ]; then echo "$name"; fi
	done
}

# marker DISK TYPE: prints the marker that a file system has. The disk cannot be written to meanwhile: not even a journal is played back, and no
# mount shows outside.
marker() {
	place=$(findmnt -rfno TARGET -S "/dev/$1") || place=''
	if [ -n "$place" ]; then
		marker_in "$place"
		return
	fi
	case $2 in
	ext3 | ext4) options=ro,noload ;;
	xfs) options=ro,norecovery ;;
	btrfs) options=ro,rescue=nologreplay ;;
	*) options=ro ;;
	esac
	(
		if [ ! -d /run/viver/look ]; then mkdir -p /run/viver/look; fi
		read -r locked <"/sys/class/block/$1/ro"
		if [ "$locked" = 0 ]; then
			trap 'blockdev --setrw "/dev/$1"' EXIT
			blockdev --setro "/dev/$1"
		fi
		unshare --mount sh -c 'mount -t "$1" -o "$2,nosuid,nodev,noexec" "$3" /run/viver/look && cd /run/viver/look && if [ -f "$4" ] && [ ! -L "$4" ]; then head -c 4096 "$4"; fi' \
			sh "$2" "$options" "/dev/$1" "$marker" 2>/dev/null
	)
}

marker_in() {
	if [ -f "$1/$marker" ] && [ ! -L "$1/$marker" ]; then head -c 4096 "$1/$marker"; fi
}

# marked WORD: a line "DEVICE TYPE [NEXT WORD]" for each file system whose marker has a line that begins with WORD.
marked() {
	for disk in $(disks); do
		type=$(blkid -p -s TYPE -o value "/dev/$disk") || continue
		case $type in
		ext2 | ext3 | ext4 | xfs | btrfs | vfat | exfat)
			marker "$disk" "$type" | awk -v word="$1" -v found="/dev/$disk $type" '{ sub(/\r$/, "") } $1 == word { print found, $2; exit }'
			;;
		esac
	done
}
