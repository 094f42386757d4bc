//go:build linux && !race

package reflective_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// memoryLimited says whether limitMemory does anything.
const memoryLimited = true

// limitMemory makes the process die that takes n bytes more than it has. It
// limits data and not address space, of which the Go runtime reserves more than
// n before main.
func limitMemory(n uint64) error {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmData:"); ok {
			var kib uint64
			if _, err := fmt.Sscan(text, &kib); err != nil {
				return err
			}
			most := kib<<10 + n
			return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: most, Max: most})
		}
	}
	return fmt.Errorf("no VmData in /proc/self/status")
}
