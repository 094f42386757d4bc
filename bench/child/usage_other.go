//go:build !linux

package child

import (
	"errors"
	"fmt"
	"time"
)

// cpuTime and residentBytes are told by /proc and getrusage, whose units
// differ elsewhere.
var errLinuxOnly = fmt.Errorf("child: CPU and memory are measured on Linux only: %w", errors.ErrUnsupported)

func cpuTime() (time.Duration, error) { return 0, errLinuxOnly }

func residentBytes() (uint64, error) { return 0, errLinuxOnly }
