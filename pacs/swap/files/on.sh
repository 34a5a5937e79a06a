# Swaps to compressed RAM first and to marked disks after it. /run/viver/swap has what check.sh compares, and then a line "DEVICE_OR_FILE KIND
# MOUNTED" for each.
record=/run/viver/swap
if command -v udevadm >/dev/null; then udevadm settle --timeout=30 || :; fi
mkdir -p /run/viver
if [ -f $record ]; then swap_off; fi
echo incomplete >$record
if [ "$zram" != 0 ]; then
	modprobe zram num_devices=0
	kilobytes=$(awk -v percent="$zram" '$1 == "MemTotal:" { printf "%d", $2 * percent / 100 }' /proc/meminfo)
	device=$(patiently zramctl --find --algorithm "$algorithm" --size "${kilobytes}KiB")
	echo "$device zram" >>$record
	mkswap "$device"
	swapon --priority 100 "$device"
fi
if [ "$disks" = true ]; then
	for disk in $(disks); do
		if [ "$(blkid -p -s TYPE -s LABEL -o export "/dev/$disk" | sort | tr '\n' ' ')" != "DEVNAME=/dev/$disk LABEL=viver-swap TYPE=swap " ]; then continue; fi
		if grep -q "^/dev/$disk " /proc/swaps; then continue; fi
		echo "/dev/$disk partition" >>$record
		swapon --priority 10 "/dev/$disk"
	done
	marked swap | while read -r device type size; do
		case $type/$size in
		btrfs/*)
			echo "$device is marked for swap, and its file system btrfs cannot hold it: use ext4, xfs or a partition labelled viver-swap"
			exit 1
			;;
		*/ | */*[!0-9KMG]* | */[!0-9]*)
			echo "$device: the marker says \"swap $size\": write a size like \"swap 2G\""
			exit 1
			;;
		esac
		place=$(findmnt -rfno TARGET -S "$device") || place=''
		mounted=''
		if [ -z "$place" ]; then
			place=/run/viver/swap-${device##*/}
			mounted=$place
			mkdir -p "$place"
			mount -t "$type" -o nosuid,nodev,noexec "$device" "$place"
		fi
		swap=$place/viver-swap
		echo "$swap file $mounted" >>$record
		if [ -L "$swap" ] || [ -e "$swap" ] && [ ! -f "$swap" ]; then
			echo "$device: viver-swap is there and is no file: remove it"
			exit 1
		fi
		bytes=$(numfmt --from=iec "$size")
		if [ ! -f "$swap" ] || [ "$(stat -c %s "$swap")" != "$bytes" ]; then
			rm -f "$swap"
			(umask 077 && fallocate -l "$bytes" "$swap" 2>/dev/null || head -c "$bytes" /dev/zero >"$swap")
		fi
		chmod 600 "$swap"
		mkswap "$swap"
		swapon --priority 10 "$swap"
	done
fi
state=$(swap_state)
sed "1s|.*|$state|" $record >$record.new
mv $record.new $record
