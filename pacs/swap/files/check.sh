# Succeeds if all is as it was when the swap began.
[ -f /run/viver/swap ] || exit 1
[ "$(swap_state)" = "$(sed -n 1p /run/viver/swap)" ] || exit 1
sed 1d /run/viver/swap | while read -r swap kind mounted; do
	grep -q "^$swap " /proc/swaps || exit 1
done
