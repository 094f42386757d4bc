package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/quic-go/quic-go"
)

// stagger is how long an address has before the next one is tried beside it.
const stagger = 250 * time.Millisecond

// Dial connects to addr, a host and a port. Where the host has several
// addresses they race, each with a head start of 250 ms over the next. Dial
// returns what the context's end says, ErrProtocol, ErrNoAnswer, or an error
// of packages net and crypto/tls.
func Dial(ctx context.Context, addr string, o *DialOptions) (*Carrier, error) {
	return dialAll(ctx, addr, ALPN, o, dial)
}

// A dialer dials one address.
type dialer func(ctx context.Context, target netip.AddrPort, cfg *tls.Config, opt *DialOptions) (*Carrier, error)

// dialAll dials all addresses of addr, for a protocol.
func dialAll(ctx context.Context, addr, protocol string, o *DialOptions, dial dialer) (*Carrier, error) {
	opt := DialOptions{}
	if o != nil {
		opt = *o
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("quic: dial: %w", err)
	}
	targets, err := resolve(ctx, host, port)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	cfg := new(tls.Config)
	if opt.TLS != nil {
		cfg = opt.TLS.Clone()
	}
	cfg.NextProtos = []string{protocol}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	c, err := race(ctx, targets, func(ctx context.Context, target netip.AddrPort) (*Carrier, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, positive(opt.HandshakeTimeout, defaultHandshake), ErrNoAnswer)
		defer cancel()
		c, err := dial(ctx, target, cfg, &opt)
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, fmt.Errorf("udp:%s: %w", strconv.Quote(target.String()), err)
		}
		c.info.Secure = !cfg.InsecureSkipVerify || cfg.VerifyConnection != nil || cfg.VerifyPeerCertificate != nil
		return c, nil
	})
	if err != nil {
		return nil, dialError(ctx, err)
	}
	return c, nil
}

// resolve returns the addresses to try: at most two of each family, in turn.
func resolve(ctx context.Context, host, port string) ([]netip.AddrPort, error) {
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return nil, &net.AddrError{Err: "missing host", Addr: ":" + port}
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var families [2][]netip.AddrPort
	for _, ip := range ips {
		ip = ip.Unmap()
		family := 0
		if ip.Is4() != ips[0].Unmap().Is4() {
			family = 1
		}
		families[family] = append(families[family], netip.AddrPortFrom(ip, uint16(number)))
	}
	var targets []netip.AddrPort
	for i := range 2 {
		for _, family := range families {
			if i < len(family) {
				targets = append(targets, family[i])
			}
		}
	}
	return targets, nil
}

// race dials the targets and returns the first carrier, or else the first
// error. When it returns, all attempts have ended.
func race(ctx context.Context, targets []netip.AddrPort, dial func(context.Context, netip.AddrPort) (*Carrier, error)) (*Carrier, error) {
	type outcome struct {
		c   *Carrier
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := make(chan outcome, len(targets))
	next := time.NewTimer(0)
	defer next.Stop()
	var winner *Carrier
	var first error
	for started, running := 0, 0; started < len(targets) || running > 0; {
		select {
		case <-next.C:
			if started < len(targets) && winner == nil {
				target := targets[started]
				// It ends with its dial, which the end of the race cancels,
				// and the race waits for it.
				go func() {
					c, err := dial(ctx, target)
					outcomes <- outcome{c, err}
				}()
				started++
				running++
				next.Reset(stagger)
			}
		case o := <-outcomes:
			running--
			switch {
			case o.c != nil && winner == nil:
				winner, started = o.c, len(targets)
				cancel()
			case o.c != nil:
				o.c.Close(0, "")
			default:
				if first == nil {
					first = o.err
				}
				if winner == nil {
					next.Reset(0)
				}
			}
		}
	}
	if winner != nil {
		return winner, nil
	}
	return nil, first
}

// newPaths returns the paths to a target, and the first of them.
func newPaths(ctx context.Context, target netip.AddrPort, opt *DialOptions) (*paths, *quic.Transport, error) {
	p := &paths{network: "udp6", local: target.Addr().IsLoopback(), listen: opt.ListenPacket}
	if p.listen == nil {
		p.listen = new(net.ListenConfig).ListenPacket
	}
	if target.Addr().Is4() {
		p.network = "udp4"
	}
	t, err := p.add(ctx)
	return p, t, err
}

// dial connects to one address from a socket of its own.
func dial(ctx context.Context, target netip.AddrPort, cfg *tls.Config, opt *DialOptions) (*Carrier, error) {
	p, t, err := newPaths(ctx, target, opt)
	if err != nil {
		return nil, err
	}
	connect, kept := t.Dial, tickets{opt.Tickets, target.String() + " " + cfg.ServerName}
	if opt.Tickets != nil {
		connect = t.DialEarly
		cfg = cfg.Clone()
		cfg.ClientSessionCache = kept
	}
	conn, err := connect(ctx, net.UDPAddrFromAddrPort(target), cfg, config(opt.HandshakeTimeout, opt.IdleTimeout, noStreams))
	if err != nil {
		p.close()
		return nil, err
	}
	c := newCarrier(conn, native{conn}, true, sendTimeout(opt.SendTimeout))
	c.travels(p, t)
	if !complete(conn) {
		if err := c.begin(kept); err != nil {
			c.Close(0, "")
			return nil, err
		}
	}
	return c, nil
}

// dialError says what an error of a dial means.
func dialError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("quic: dial: %w", context.Cause(ctx))
	}
	var transport *quic.TransportError
	switch {
	case errors.As(err, &transport) && transport.ErrorCode == noApplicationProtocol:
		return fmt.Errorf("quic: dial: %w: %w", ErrProtocol, err)
	case errors.As(err, new(*quic.HandshakeTimeoutError)), errors.As(err, new(*quic.IdleTimeoutError)):
		return fmt.Errorf("quic: dial: %w: %w", ErrNoAnswer, err)
	}
	return fmt.Errorf("quic: dial: %w", err)
}
