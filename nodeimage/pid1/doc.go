// Package pid1 is the first program of a diskless machine, and its last: from the kernel's start until the distribution's init takes
// over, and from the end of that until the power is off.
//
// It owns the order of a boot (Init), what is mounted where, the handover, the processes that outlive it (Supervise, Protect) and
// the end (Shutdown). Its sub-packages do the parts: module, network, join, handover, console. The blocks of the root, and all that
// runs beside the distribution, are for other processes (see Supervise): PID 1 must not die, so it does as little as it can.
//
// Init never exits. What can be tried again is tried for ever and said on the console; after anything else the machine restarts in a minute.
package pid1
