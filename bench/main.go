// Bench measures twinwire's wires side by side on loopback, next to the bare
// libraries, to the coalesced floors and to other frameworks, or across bad
// networks, and says whether the bars are held. README.md says what each figure is.
//
// Usage:
//
//	go -C bench run . [-peers] [-short] [-run regexp] [-rounds n] [-measure d] [-json file] [-out directory [-into file.md]...] [-check]
//	go -C bench run . ... -compare old.json [-slower ratio]
//	go -C bench run . -from file.json ...
//	go -C bench run . -networks [-short | -full] [-run regexp] [-rounds n] [-measure d] [-json file] [-out directory [-into file.md]...] [-check]
//
// The exit code is 0, or 1 if a run failed or -compare found something slower,
// 2 for wrong arguments, 3 if -check was given and a bar is not held, and 130
// after an interrupt.
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
	"github.com/twinwire/twinwire/bench/echo"
	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/page"
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
	if code, isChild := child.Main(os.Args[1:], all()); isChild {
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
	}
	rep, code := obtain(ctx, o, stderr)
	if rep == nil {
		return code
	}
	if err := write(rep, o, stdout); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	}
	slower, err := compare(rep, o, stdout)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "bench:", err)
		return exitFailed
	case rep.Interrupted:
		return exitInterrupted
	case len(rep.Failures) > 0 || slower:
		return exitFailed
	case o.check && rep.Failed():
		return exitBars
	}
	return 0
}

// obtain measures, or reads what was measured. Without a report there is an
// exit code.
func obtain(ctx context.Context, o options, stderr *os.File) (*report.Report, int) {
	if o.from != "" {
		rep, err := read(o.from)
		if err != nil {
			fmt.Fprintln(stderr, "bench:", err)
			return nil, exitFailed
		}
		return rep, 0
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
		return nil, exitUsage
	}
	if o.settings.Networks {
		if err := link.Available(); err != nil {
			fmt.Fprintln(stderr, "bench:", err)
			return nil, exitFailed
		}
		if err := echo.OffersBBR(); err != nil {
			fmt.Fprintln(stderr, "bench: without BBR, which the kernel does not offer:", err)
		}
	}
	rep := &report.Report{
		Date:        time.Now(),
		Environment: report.CurrentEnvironment(),
		Settings:    o.settings,
		Missing:     suite.Missing(o.peers, o.settings, o.only),
	}
	progress := newProgressLine(stderr, o.settings.Rounds)
	suite.Execute(ctx, runs, rep, progress.show)
	progress.clear()
	rep.Took = time.Since(rep.Date)
	rep.Finish()
	return rep, 0
}

func read(file string) (*report.Report, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rep, err := report.ReadJSON(f)
	if err != nil {
		err = fmt.Errorf("%s: %w", file, err)
	}
	return rep, err
}

// compare says what has changed, and reports whether anything got slower than
// it may.
func compare(rep *report.Report, o options, stdout io.Writer) (slower bool, err error) {
	if o.compare == "" {
		return false, nil
	}
	old, err := read(o.compare)
	if err != nil {
		return false, err
	}
	c := report.Compare(old, rep)
	return c.Slower(o.slower), c.WriteText(stdout, o.slower)
}

// write writes all that is wanted of the report.
func write(rep *report.Report, o options, stdout io.Writer) error {
	sections := suite.Sections(rep.Settings)
	if err := rep.WriteText(stdout, sections); err != nil {
		return err
	}
	if o.out != "" {
		if err := page.Write(o.out, rep, sections, o.into); err != nil {
			return err
		}
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
