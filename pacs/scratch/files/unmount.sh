# Unmounts what mount.sh has mounted. What is still in use goes as soon as it is not.
[ -f /run/viver/scratch ] || exit 0
sed 1d /run/viver/scratch | while read -r device place; do
	if mountpoint -q "$place" && ! umount "$place"; then
		umount -l "$place"
		echo "$place is in use: $device goes when it is not"
	fi
	rmdir "$place" 2>/dev/null || :
done
rmdir "$path" 2>/dev/null || :
rm -f /run/viver/scratch
