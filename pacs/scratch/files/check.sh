# Succeeds if all is as it was when the disks were mounted.
[ -f /run/viver/scratch ] || exit 1
[ "$(scratch_state)" = "$(sed -n 1p /run/viver/scratch)" ] || exit 1
sed 1d /run/viver/scratch | while read -r device place; do
	findmnt -rn -S "$device" -M "$place" >/dev/null || exit 1
done
