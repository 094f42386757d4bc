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
	"regexp"
	"syscall"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/load"
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
	if code, isChild := child.Main(os.Args[1:], peers()); isChild {
		os.Exit(code)
	}
	// The first signal ends the runs, the second one this process.
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the flags say.
type options struct {
	settings report.Settings
	only     *regexp.Regexp
	jsonFile string
	check    bool
	link     bool
	measure  time.Duration // 0 unless the flag is there
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
	runs := suite.Plan(peers(), o.settings, o.only)
	if len(runs) == 0 {
		fmt.Fprintf(stderr, "bench: -run %s matches nothing; names are peer/workload:\n", o.only)
		for _, p := range peers() {
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

// parse reads the flags. What is wrong with them it says on stderr.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	short := flags.Bool("short", false, "finish in under a minute")
	only := flags.String("run", "", "run only what matches the `regexp`: peer/workload")
	rounds := flags.Int("rounds", 0, "interleaved rounds; 0 means 5, or 3 with -short")
	measure := flags.Duration("measure", 0, "time measured in each run; 0 means 1s, or 200ms with -short")
	flags.StringVar(&o.jsonFile, "json", "", "write everything to `file` as JSON")
	flags.BoolVar(&o.link, "link", false, "measure calls beside streams on a slow link instead")
	flags.BoolVar(&o.check, "check", false, "exit with 3 if a bar is not held")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.link && (*rounds != 0 || o.jsonFile != ""):
		err = fmt.Errorf("-link knows no -rounds and no -json")
	case *rounds < 0 || *measure < 0:
		err = fmt.Errorf("-rounds and -measure must not be negative")
	default:
		o.only, err = regexp.Compile(*only)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return o, err
	}
	o.settings = settings(*short, *rounds, *measure)
	o.settings.Only = *only
	o.measure = *measure
	return o, nil
}

func settings(short bool, rounds int, measure time.Duration) report.Settings {
	s := report.Settings{
		Short:        short,
		Rounds:       5,
		LongRounds:   3,
		Measure:      time.Second,
		Warm:         300 * time.Millisecond,
		Payload:      load.PayloadSize,
		Subscribers:  1000,
		EventRate:    50_000,
		EventWindow:  load.Window,
		IdleSessions: 5000,
	}
	if short {
		s.Rounds, s.LongRounds = 3, 1
		s.Budget = 55 * time.Second
		s.Measure, s.Warm = 200*time.Millisecond, 80*time.Millisecond
		s.IdleSessions = 1000
	}
	if rounds > 0 {
		s.Rounds, s.LongRounds = rounds, min(rounds, s.LongRounds)
		s.Budget = 0
	}
	if measure > 0 {
		s.Measure = measure
	}
	return s
}
