package dhcp

import "time"

// pause is the silence after which a packet of the same kind belongs to a new boot. OVMF asks again after at most 16 s, iPXE after 15 s.
const pause = time.Minute

// chainTime is how long firmware may take from its last packet to the first of the iPXE that it loads.
const chainTime = 3 * time.Minute

// maxBoots bounds the memory of machines; the oldest are forgotten.
const maxBoots = 8192

// boots tells the first DHCP packet of a boot from those that follow: firmware asks several times, iPXE asks again after it,
// and the operating system after that. Not safe for concurrent use.
type boots map[string]sighting

type sighting struct {
	program program
	at      time.Time
}

// begins notes a packet and says whether a boot of mac begins with it.
func (b boots) begins(mac string, p program, now time.Time) bool {
	last, seen := b[mac]
	if len(b) >= maxBoots && !seen {
		b.forgetOldest()
	}
	b[mac] = sighting{p, now}
	age := now.Sub(last.at)
	switch {
	case p == other:
		return false
	case !seen || last.program == other:
		return true
	case p == ipxe && last.program != ipxe:
		return age > chainTime // else it was loaded by that firmware
	case p != ipxe && last.program == ipxe:
		return true // firmware after iPXE: the machine was reset
	default:
		return age > pause
	}
}

func (b boots) forgetOldest() {
	var oldest string
	for mac, s := range b {
		if oldest == "" || s.at.Before(b[oldest].at) {
			oldest = mac
		}
	}
	delete(b, oldest)
}
