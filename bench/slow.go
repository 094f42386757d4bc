package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/scenario"
)

const (
	// slowMeasure is how long streams are measured on the slow link: with what
	// they take to start nearly what 16 MiB twice take there.
	slowMeasure = 20 * time.Second
	slowShort   = 5 * time.Second
	// slowStart is how long they run before.
	slowStart = 2 * time.Second
	// slowTries is how often a run is begun anew that the machine was too slow
	// for.
	slowTries = 3
)

// runSlow measures calls beside streams on the slow link, and returns the exit
// code.
func runSlow(ctx context.Context, o options, stdout, stderr io.Writer) int {
	if err := link.Available(); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	measure := slowMeasure
	if o.settings.Short {
		measure = slowShort
	}
	if o.measure > 0 {
		measure = o.measure
	}
	code := exitUsage // unless anything matches
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "peer\tway\tcalls p50\tp99\tmax\twhile starting\tstreams alone\twith calls\tkept\tbar")
	for _, p := range wires() {
		for _, down := range []bool{false, true} {
			way := "up"
			if down {
				way = "down"
			}
			name := p.Info().Name + "/" + way
			if p.Info().Can&peer.Streams == 0 || !o.only.MatchString(name) {
				continue
			}
			if code == exitUsage {
				code = 0
			}
			fmt.Fprintf(stderr, "%s, %v\n", name, 2*(slowStart+measure))
			s, err := measureSlow(ctx, p, down, measure)
			if err != nil {
				fmt.Fprintf(stderr, "bench: %s: %v\n", name, err)
				code = exitFailed
				if ctx.Err() != nil {
					code = exitInterrupted
					break
				}
				continue
			}
			bar := ""
			if p.Info().Kind == peer.Subject {
				bar = "held"
				if !s.Held() {
					bar = "NOT HELD"
					if o.check && code == 0 {
						code = exitBars
					}
				}
			}
			l := s.With.Latency
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%.1f %%\t%.1f %%\t%.0f %%\t%s\n", p.Info().Name, way,
				millis(l.P50), millis(l.P99), millis(l.Max), startingMillis(s.With.Starting),
				100*scenario.Share(s.Alone.Rate), 100*scenario.Share(s.With.Rate), 100*s.Kept(), bar)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if code == exitUsage {
		fmt.Fprintf(stderr, "bench: -run %s matches nothing; names are peer/up and peer/down\n", o.only)
		return code
	}
	if err := table.Flush(); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	return code
}

// measureSlow measures one peer, again if figures do not count.
func measureSlow(ctx context.Context, p peer.Peer, down bool, measure time.Duration) (s scenario.Slow, err error) {
	for range slowTries {
		s, err = scenario.MeasureSlow(ctx, p, down, slowStart, measure)
		if !errors.Is(err, scenario.ErrOverrun) {
			break
		}
	}
	return s, err
}

func startingMillis(l load.Latency) string { return millis(l.P50) + ", max " + millis(l.Max) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}
