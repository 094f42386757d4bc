package main

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
	"github.com/twinwire/twinwire/bench/report"
)

// options are what the flags say.
type options struct {
	settings report.Settings
	peers    []peer.Peer
	only     *regexp.Regexp
	jsonFile string
	out      string
	into     []string
	from     string
	compare  string
	slower   float64
	check    bool
}

// parse reads the flags. What is wrong with them it says on stderr.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	short := flags.Bool("short", false, "finish in under a minute, with -peers in under five")
	rivals := flags.Bool("peers", false, "measure other frameworks too")
	only := flags.String("run", "", "run only what matches the `regexp`: peer/workload")
	rounds := flags.Int("rounds", 0, "interleaved rounds; 0 means 5, or 3 with -short or -peers")
	measure := flags.Duration("measure", 0, "time measured in each run; 0 means 500ms, with -peers 400ms, with -short 200ms")
	flags.StringVar(&o.jsonFile, "json", "", "write everything to `file` as JSON")
	flags.StringVar(&o.out, "out", "", "write a page, its plots, a table and the JSON into `directory`")
	flags.Func("into", "put what -out makes into the marked places of `file`.md, too; may be repeated", func(file string) error {
		o.into = append(o.into, file)
		return nil
	})
	flags.StringVar(&o.from, "from", "", "measure nothing: read the JSON `file` of an earlier run")
	flags.StringVar(&o.compare, "compare", "", "say what has changed since the run of the JSON `file`")
	flags.Float64Var(&o.slower, "slower", defaultSlower, "with -compare: exit with 1 if anything got slower than `ratio`")
	networks := flags.Bool("networks", false, "measure across bad networks instead: slow, far, with loss, cut, and without UDP")
	full := flags.Bool("full", false, "with -networks: all networks and all peers, in half an hour")
	flags.BoolVar(&o.check, "check", false, "exit with 3 if a bar is not held")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *networks && (*rivals || o.compare != ""):
		err = fmt.Errorf("-networks does not go with -peers and -compare")
	case *full && (!*networks || *short):
		err = fmt.Errorf("-full goes with -networks, and not with -short")
	case len(o.into) > 0 && o.out == "":
		err = fmt.Errorf("-into needs -out, where the plots are")
	case *rounds < 0 || *measure < 0:
		err = fmt.Errorf("-rounds and -measure must not be negative")
	case o.slower < 1:
		err = fmt.Errorf("-slower is a ratio of at least 1")
	default:
		o.only, err = regexp.Compile(*only)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return o, err
	}
	o.peers = wires()
	if *rivals {
		o.peers = everything()
	}
	o.settings = settings(*short, *rivals, *rounds, *measure)
	if *networks {
		o.peers = across()
		o.settings = networkSettings(*short, *full, *rounds, *measure)
	}
	o.settings.Only = *only
	return o, nil
}

// defaultSlower is what more than the noise of a busy machine is.
const defaultSlower = 1.1

func settings(short, rivals bool, rounds int, measure time.Duration) report.Settings {
	s := report.Settings{
		Short:           short,
		Peers:           rivals,
		Rounds:          5,
		LongRounds:      2,
		Measure:         500 * time.Millisecond,
		Warm:            200 * time.Millisecond,
		Payload:         load.PayloadSize,
		Subscribers:     1000,
		ManySubscribers: 10_000,
		EventRate:       50_000,
		EventWindow:     load.Window,
		IdleSessions:    5000,
	}
	if rivals {
		s.Rounds = 3
		s.Measure = 400 * time.Millisecond
	}
	if short {
		s.Rounds, s.LongRounds = 3, 1
		s.Budget = 55 * time.Second
		s.Measure, s.Warm = 200*time.Millisecond, 80*time.Millisecond
		s.IdleSessions, s.ManySubscribers = 1000, 0
		if rivals {
			s.Budget = 4*time.Minute + 30*time.Second
			s.ManySubscribers = 2000
		}
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

// networkSettings are those of runs across networks. What each run takes is a
// multiple of Measure, with Warm before it.
func networkSettings(short, full bool, rounds int, measure time.Duration) report.Settings {
	s := report.Settings{
		Networks: true,
		Short:    short,
		Full:     full,
		Rounds:   max(1, rounds),
		Measure:  3 * time.Second,
		Warm:     time.Second,
		Payload:  load.PayloadSize,
	}
	switch {
	case short:
		s.Measure, s.Warm = 700*time.Millisecond, 400*time.Millisecond
	case full:
		s.Measure, s.Warm = 5*time.Second, 2*time.Second
	}
	if measure > 0 {
		s.Measure = measure
	}
	return s
}
