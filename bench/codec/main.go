// Codec measures the codec that twinwire generates next to tinylib/msgp,
// vmihailenco/msgpack, encoding/json and twinwire's own reflective codec, and
// says whether the bars are held. README.md of this module says what each
// figure is.
//
// Usage:
//
//	go -C bench run ./codec [-run regexp] [-rounds n] [-measure d] [-check]
//
// The exit code is 0, or 1 if a codec failed, 2 for wrong arguments, 3 if
// -check was given and a bar is not held, and 130 after an interrupt.
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
	"runtime"
	"slices"
	"syscall"
	"time"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitBars        = 3
	exitInterrupted = 130
)

// options are what the flags say.
type options struct {
	only    *regexp.Regexp
	rounds  int
	measure time.Duration
	check   bool
}

func main() {
	// The first signal ends the rounds, the second one this process.
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
	all, err := shapes()
	if err != nil {
		fmt.Fprintln(stderr, "codec:", err)
		return exitFailed
	}
	list := slices.DeleteFunc(figures(all), func(f *figure) bool { return !o.only.MatchString(f.name()) })
	if len(list) == 0 {
		fmt.Fprintf(stderr, "codec: -run %s matches nothing; names are message/operation/library:\n", o.only)
		for _, f := range figures(all) {
			fmt.Fprintln(stderr, " ", f.name())
		}
		return exitUsage
	}
	show, clear := progress(stderr, o.rounds)
	err = measure(ctx, list, o, show)
	clear()
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "codec:", err)
		return exitFailed
	}
	fmt.Fprintf(stdout, "%s %s/%s, %d interleaved rounds of %v; medians, ± half of what the middle half of the rounds spans\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, o.rounds, o.measure)
	held := bars(list)
	if err := errors.Join(writeTable(stdout, list), writeBars(stdout, held)); err != nil {
		fmt.Fprintln(stderr, "codec:", err)
		return exitFailed
	}
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case o.check && slices.ContainsFunc(held, func(b bar) bool { return !b.held }):
		return exitBars
	}
	return 0
}

// parse reads the flags. What is wrong with them it says on stderr.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("codec", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("run", "", "run only what matches the `regexp`: message/operation/library")
	flags.IntVar(&o.rounds, "rounds", 31, "interleaved rounds")
	flags.DurationVar(&o.measure, "measure", 5*time.Millisecond, "time measured for each cell of each round")
	flags.BoolVar(&o.check, "check", false, "exit with 3 if a bar is not held")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.rounds < 1 || o.measure <= 0:
		err = errors.New("-rounds and -measure must be positive")
	default:
		o.only, err = regexp.Compile(*only)
	}
	if err != nil {
		fmt.Fprintln(stderr, "codec:", err)
	}
	return o, err
}

// progress returns what says on standard error which round is running: on a
// terminal in one line that changes, elsewhere in a line for every tenth.
func progress(out *os.File, rounds int) (show func(round int), clear func()) {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	begin := time.Now()
	show = func(round int) {
		left := ""
		if round > 0 {
			rest := time.Since(begin) / time.Duration(round) * time.Duration(rounds-round)
			left = fmt.Sprintf("  %v left", rest.Round(time.Second))
		}
		switch {
		case terminal: // back to the first column, and erase to the end of the line
			fmt.Fprintf(out, "\r\x1b[Kround %d of %d%s", round+1, rounds, left)
		case round%10 == 0:
			fmt.Fprintf(out, "round %d of %d%s\n", round+1, rounds, left)
		}
	}
	clear = func() {
		if terminal {
			fmt.Fprint(out, "\r\x1b[K")
		}
	}
	return show, clear
}
