//go:build !linux

package link

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

var errLinuxOnly = fmt.Errorf("link: namespaces and TUN devices are Linux's: %w", errors.ErrUnsupported)

// namespace and pump are never made elsewhere.
type namespace struct{}

func newNamespace(netip.Addr) (*namespace, error) { return nil, errLinuxOnly }

func (*namespace) enter() (func() error, error) { return nil, errLinuxOnly }

func (*namespace) dropped() uint64 { return 0 }

func (*namespace) close() error { return nil }

type pump struct{ mu sync.Mutex }

func startPump(_, _ *namespace, _, _ *direction) (*pump, error) { return nil, errLinuxOnly }

func (*pump) now() time.Duration { return 0 }

func (*pump) change(func(time.Duration)) {}

func (*pump) stop() error { return nil }
