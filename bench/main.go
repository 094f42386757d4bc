// Bench measures twinwire's wires side by side on loopback, next to the bare
// libraries and to the coalesced floors, and says whether the bars are held.
// README.md says what each figure is.
//
// Usage:
//
//	go -C bench run . [-short] [-run regexp] [-rounds n] [-measure d] [-json file] [-check]
//	go -C bench run . -link [-short] [-run regexp] [-measure d] [-check]
//
// The exit code is 0, or 1 if a run failed, 2 for wrong arguments, 3 if -check
// was given and a bar is not held, and 130 after an interrupt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/report"
	"github.com/twinwire/twinwire/bench/suite"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitBars        = 3
	exitInterrupted = 130
)

func main() {
	if code, isChild := child.Main(os.Args[1:], everything()); isChild {
		os.Exit(code)
	}
	// The first signal ends the runs, the second one this process.
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout io.Writer, stderr *os.File) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	case o.link:
		return runSlow(ctx, o, stdout, stderr)
	}
	runs := suite.Plan(o.peers, o.settings, o.only)
	if len(runs) == 0 {
		fmt.Fprintf(stderr, "bench: -run %s matches nothing; names are peer/workload:\n", o.only)
		for _, p := range o.peers {
			for _, w := range suite.Workloads(o.settings) {
				if w.For(p.Info()) {
					fmt.Fprintf(stderr, "  %s/%s\n", p.Info().Name, w.Name)
				}
			}
		}
		return exitUsage
	}
	rep := &report.Report{
		Date:        time.Now(),
		Environment: report.CurrentEnvironment(),
		Settings:    o.settings,
	}
	rep.Missing = suite.Missing(o.peers, o.settings, o.only)
	progress := newProgressLine(stderr, o.settings.Rounds)
	suite.Execute(ctx, runs, rep, progress.show)
	progress.clear()
	rep.Took = time.Since(rep.Date)
	rep.Finish()
	if err := write(rep, o, stdout); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	switch {
	case rep.Interrupted:
		return exitInterrupted
	case len(rep.Failures) > 0:
		return exitFailed
	case o.check && rep.Failed():
		return exitBars
	}
	return 0
}

func write(rep *report.Report, o options, stdout io.Writer) error {
	var sections []report.Section
	for _, w := range suite.Workloads(o.settings) {
		sections = append(sections, w.Section())
	}
	if err := rep.WriteText(stdout, sections); err != nil {
		return err
	}
	if o.jsonFile == "" {
		return nil
	}
	f, err := os.Create(o.jsonFile)
	if err != nil {
		return err
	}
	if err := rep.WriteJSON(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
