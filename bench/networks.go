package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/scenario"
)

const (
	networkStart   = 2 * time.Second
	networkMeasure = 6 * time.Second
	networkShort   = 2 * time.Second

	// wins is by how much a wire has to be better to win: less is noise.
	wins = 1.1
)

// runNetworks measures calls beside a bulk transfer on many networks, and
// returns the exit code.
func runNetworks(ctx context.Context, o options, stdout, stderr io.Writer) int {
	if err := link.Available(); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	measure := networkMeasure
	if o.settings.Short {
		measure = networkShort
	}
	if o.measure > 0 {
		measure = o.measure
	}
	code := exitUsage // unless anything matches
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "network\tpeer\tcalls p50\tp99\tmax\tstream Mbit/s")
	var verdicts []string
	for _, n := range scenario.Networks() {
		own := make(map[peer.Wire]scenario.Loaded)
		for _, p := range wires() {
			name := p.Info().Name + "/" + n.String()
			if p.Info().Can&peer.Streams == 0 || !o.only.MatchString(name) {
				continue
			}
			if code == exitUsage {
				code = 0
			}
			fmt.Fprintf(stderr, "%s, %v\n", name, networkStart+measure)
			l, err := measureNetwork(ctx, p, n, measure)
			if ctx.Err() != nil {
				_ = table.Flush()
				return exitInterrupted
			}
			if err != nil {
				fmt.Fprintf(stderr, "bench: %s: %v\n", name, err)
				code = exitFailed
				continue
			}
			if p.Info().Kind == peer.Subject {
				own[p.Info().Wire] = l
			}
			fmt.Fprintf(table, "%v\t%s\t%s\t%s\t%s\t%.1f\n", n, p.Info().Name,
				millis(l.Latency.P50), millis(l.Latency.P99), millis(l.Latency.Max), l.Rate*8/1e6)
		}
		verdicts = append(verdicts, webSocketWins(n, own)...)
	}
	if code == exitUsage {
		fmt.Fprintf(stderr, "bench: -run %s matches nothing; names are peer/network, as twinwire-wss/%v\n", o.only, scenario.Networks()[0])
		return code
	}
	if err := table.Flush(); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	if len(verdicts) > 0 {
		fmt.Fprintln(stdout, "\nWebSocket wins:")
	}
	for _, v := range verdicts {
		fmt.Fprintln(stdout, "  "+v)
	}
	return code
}

// measureNetwork measures again if the machine was too slow for the link.
func measureNetwork(ctx context.Context, p peer.Peer, n scenario.Network, measure time.Duration) (l scenario.Loaded, err error) {
	for range slowTries {
		l, err = scenario.MeasureNetwork(ctx, p, n, networkStart, measure)
		if !errors.Is(err, scenario.ErrOverrun) {
			break
		}
	}
	return l, err
}

// webSocketWins says in what twinwire is better over WebSocket than over QUIC.
func webSocketWins(n scenario.Network, own map[peer.Wire]scenario.Loaded) []string {
	ws, haveWS := own[peer.TLS]
	quic, haveQUIC := own[peer.QUIC]
	if !haveWS || !haveQUIC {
		return nil
	}
	var all []string
	if a, b := ws.Latency.P99, quic.Latency.P99; ws.Latency.Count > 0 && quic.Latency.Count > 0 && float64(a)*wins < float64(b) {
		all = append(all, fmt.Sprintf("%v, p99 of calls: %s against %s", n, millis(a), millis(b)))
	}
	if ws.Rate > quic.Rate*wins {
		all = append(all, fmt.Sprintf("%v, stream: %.1f against %.1f Mbit/s", n, ws.Rate*8/1e6, quic.Rate*8/1e6))
	}
	return all
}
