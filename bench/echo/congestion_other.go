//go:build !linux

package echo

import (
	"errors"
	"syscall"
)

// congestionControl returns nil for "", and what fails for all others: only
// Linux has a choice.
func congestionControl(name string) func(network, address string, c syscall.RawConn) error {
	if name == "" {
		return nil
	}
	return func(string, string, syscall.RawConn) error { return errors.ErrUnsupported }
}
