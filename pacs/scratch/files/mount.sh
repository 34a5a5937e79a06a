# Mounts each marked file system at $path/NAME. /run/viver/scratch has what check.sh compares, and then a line "DEVICE PLACE" for each.
record=/run/viver/scratch
if command -v udevadm >/dev/null; then udevadm settle --timeout=30 || :; fi
mkdir -p /run/viver
if [ ! -f $record ]; then echo incomplete >$record; fi
{
	echo incomplete
	sed 1d $record | while read -r device place; do
		case $place in
		"$path"/*) if findmnt -rn -S "$device" -M "$place" >/dev/null; then echo "$device $place"; fi ;;
		*) if mountpoint -q "$place"; then umount "$place" && rmdir "$place"; fi ;;
		esac
	done
} >$record.new
mv $record.new $record
marked scratch | while read -r device type name; do
	if grep -q "^$device " $record; then continue; fi
	if [ -z "$name" ]; then name=${device##*/}; fi
	case $name in
	.* | *[!A-Za-z0-9._-]*)
		echo "$device: $name in its marker is no name for a folder: write letters, digits, dots, hyphens and underscores"
		exit 1
		;;
	esac
	place=$path/$name
	if mountpoint -q "$place"; then
		echo "$device is marked as $name, and so is another disk: give one of them another name"
		exit 1
	fi
	options=nosuid,nodev
	case $type in
	vfat | exfat) options=$options,umask=000 ;;
	esac
	mkdir -p "$place"
	mount -t "$type" -o "$options" "$device" "$place"
	echo "$device $place" >>$record
	case $type/$mode in
	vfat/* | exfat/* | */) ;;
	*) chmod "$mode" "$place" ;;
	esac
done
state=$(scratch_state)
sed "1s|.*|$state|" $record >$record.new
mv $record.new $record
