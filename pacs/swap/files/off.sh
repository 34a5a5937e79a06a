# patiently COMMAND...: tries for some seconds. udev looks at each device that is new or was written to, and until it has the device is busy.
patiently() {
	for attempt in 1 2 3 4 5 6 7 8 9; do
		if "$@"; then return 0; fi
		sleep 1
	done
	"$@"
}

# swap_off: ends what /run/viver/swap names. A machine that cannot do without it keeps it.
swap_off() {
	sed 1d /run/viver/swap | while read -r swap kind mounted; do
		if grep -q "^$swap " /proc/swaps && ! timeout 120 swapoff "$swap"; then
			echo "$swap cannot go: the machine has not enough RAM for what is on it"
			exit 1
		fi
		case $kind in
		zram) patiently zramctl --reset "$swap" ;;
		file) rm -f "$swap" ;;
		esac
		if [ -n "$mounted" ]; then
			umount "$mounted"
			rmdir "$mounted"
		fi
	done
	rm -f /run/viver/swap
}
