package zoo

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// limitMemory makes the process die that takes n bytes more than it has. It
// limits data and not address space, of which the Go runtime reserves more than
// n before main.
func limitMemory(n uint64) error {
	kib, err := status("VmData:")
	if err != nil {
		return err
	}
	most := kib<<10 + n
	return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: most, Max: most})
}

// resident returns the memory of the process that is in use, in bytes.
func resident() uint64 {
	kib, err := status("VmRSS:")
	if err != nil {
		return 0
	}
	return kib << 10
}

func status(field string) (kib uint64, err error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), field); ok {
			_, err := fmt.Sscan(text, &kib)
			return kib, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc/self/status", field)
}

// usage returns the processor time that the process has taken, in nanoseconds.
func usage() int64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return r.Utime.Nano() + r.Stime.Nano()
}
