// Command twinwire is the tool of twinwire.
//
//	twinwire gen [-check] [-ts DIR [-numbers] [-dates]] [packages]
//	twinwire breaking -against REF|DIR [packages]
//	twinwire token key|public|sign
//
// Gen reads the contracts in the packages, which are Go interfaces and types
// with directives on them, and writes a file <package>_twinwire.go next to
// each: clients, services, events, states and codecs. With -check it writes
// nothing, names the files that are not current, and exits with 1 if there are
// any. Packages are patterns of the go command; none means the one in the
// current directory, as go generate wants it.
//
// With -ts it writes TypeScript in place of Go: DIR/<package>.ts, with the types,
// a typed client, events, states, and what serves a service in a browser. It
// imports the package twinwire of npm. Integers of 64 bits are bigints there,
// or with -numbers numbers that fail for what they do not hold; int and uint are
// such numbers always. Times keep their nanoseconds, or are Dates with -dates.
// Types with methods of their own are what they write: binaries, or any value.
// Methods begin with a small letter; a name that means something else there, such
// as that of a struct Date, has an underscore behind it.
//
// Breaking compares the contracts with those of another version, a revision of
// the git repository or a directory, and lists with file and line what makes
// clients of that version fail or see less than they did. It exits with 1 if
// there is anything.
//
// Token makes keys and tokens for servers that know their clients by tokens
// (package auth/token). A file of a key can be read by its owner alone; what
// "token public" prints of it is what servers need:
//
//	twinwire token key -out sign.key
//	twinwire token public sign.key > keys.json
//	twinwire token sign -key sign.key -sub ann -aud chat -claim role=admin
//
// A token is good for 15 minutes unless -for says otherwise.
//
// # Installation
//
// As a tool of a module, so that everybody who works on it has one version:
//
//	go get github.com/twinwire/twinwire
//	go get -tool github.com/twinwire/twinwire/cmd/twinwire
//	go tool twinwire gen ./...
//
// and in the file of the contract, for go generate:
//
//	//go:generate go tool twinwire gen
//
// The command is a module of its own: programs that use the library do not
// depend on what it depends on.
//
// # Directives
//
//	//twinwire:service [name=N] [state=T] [events=T]   on an interface
//	//twinwire:oneway      on a method that returns only an error and has no streams: it has no answer
//	//twinwire:idempotent  on a method: it may run more than once without harm
//	//twinwire:unordered   on a method: it may overtake others
//	//twinwire:priority P  on a method: P is high, normal, low or bulk
//	//twinwire:any         on a method or a field: any is meant
//	//twinwire:state       on a struct: it gets a schema, for state.Shared and such
//	//twinwire:events [name=N]  on a sealed interface or a struct
//	//twinwire:codec       on a type: it gets AppendMsgpack and ReadMsgpack
//
// N is what names on the wire begin with: the name of the interface with its
// first letter in lower case, and of the package for events alone.
//
// A priority holds for calls whose context has none: that of
// core.WithPriority comes first. It is also that of the method's streams, which
// without it is normal for values and bulk for bytes. Methods of an embedded interface of another
// package come without their comments and directives.
//
// # Methods
//
// The first parameter is a context and the last result an error. One stream to
// the handler can be the last parameter, and one from it the result:
//
//	Increment(ctx context.Context, by uint32) (uint32, error)
//	Watch(ctx context.Context, every time.Duration) iter.Seq2[Reading, error]
//	Sum(ctx context.Context, in iter.Seq2[uint32, error]) (uint64, error)
//	Sums(ctx context.Context, in iter.Seq2[uint32, error]) iter.Seq2[uint64, error]
//	Put(ctx context.Context, name string, body io.Reader) (Receipt, error)
//	Get(ctx context.Context, name string) (io.ReadCloser, error)
//
// and any other combination of values, which an iter.Seq2 yields one by one, and
// bytes. Streams of any length need little memory: who sends waits for who
// receives.
//
// What is returned as an iter.Seq2 is a call each time it is ranged over, and no
// call if it is not. Leaving the loop cancels the call: the handler's context
// ends, and so does the loop over the iterator that it returned. The error of a
// call is yielded last, after all that was yielded before it. Close of an
// io.ReadCloser cancels the call, too; its Read returns io.EOF only when the call
// has ended well. On both sides it has to be closed: on the handler's, generated
// code does that.
//
// What is passed as an iter.Seq2 or an io.Reader is used until it ends, fails, or
// the handler wants no more of it, because it leaves its loop or returns; a call
// whose results are plain may so return early, and well. An error of it reaches
// the handler and is the error of the call. It should end when the context does,
// for a call does not return before.
//
// # What is on the wire
//
// Methods are called "counter.Increment", events "counter.Incremented". The
// arguments of a call are a map by the names of the parameters, nothing if there
// are none; one result is its value, several are a map by their names. Streams
// are those of slot 0, in clause 12 of docs/protocol.md, and have no names. So a
// parameter, a field, a method or an event may be added without breaking peers
// that do not know it, and renaming one is removing it. Fields are named as in
// Go, or by the tag msgpack:"name,omitempty,alias:old"; "-" leaves one out. The
// fields of embedded structs are those of the struct around them.
//
// A state.Map and a state.Slice are maps and slices on the wire. In states with
// many entries or elements they make an update cost what it changes; they hold
// values, and no pointers, plain slices or plain maps.
//
// Types with AppendMsgpack and ReadMsgpack, MarshalBinary and UnmarshalBinary, or
// MarshalText and UnmarshalText are carried by these, the first pair that there
// is; the latter two as binaries. Structs are written with omitempty too, unless
// they have a method IsZero.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/typescript"
)

const usage = `usage:
  twinwire gen [-check] [packages]                 generate code from contracts
  twinwire gen [-check] -ts DIR [packages]         generate TypeScript from contracts
  twinwire breaking -against REF|DIR [packages]    list what breaks older clients
  twinwire token key|public|sign                   make keys and tokens

Run twinwire <command> -h for the flags of a command.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	answered := patience(os.Stderr, 2*time.Second)
	code := run(ctx, ".", os.Args[1:], os.Stdout, os.Stderr)
	answered()
	stop()
	os.Exit(code)
}

// patience says why nothing is to be seen if stop has not been called after a
// while and somebody looks at a terminal.
func patience(stderr *os.File, after time.Duration) (stop func()) {
	info, err := stderr.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}
	}
	notice := time.AfterFunc(after, func() {
		fmt.Fprintln(stderr, "twinwire: the go command compiles what the packages import; only the first time takes this long")
	})
	return func() { notice.Stop() }
}

// run is main: it returns the exit code, 2 for wrong usage.
func run(ctx context.Context, dir string, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "gen":
		return generate(ctx, dir, args[1:], stdout, stderr)
	case "breaking":
		return compare(ctx, dir, args[1:], stdout, stderr)
	case "token":
		return tokens(dir, args[1:], stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprintf(stderr, "twinwire: unknown command %q\n%s", args[0], usage)
	return 2
}

// generate is the command gen.
func generate(ctx context.Context, dir string, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("twinwire gen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check", false, "write nothing; name the files that are not current, and exit with 1 if there are any")
	ts := flags.String("ts", "", "write TypeScript to this directory, in place of Go")
	var opts typescript.Options
	flags.BoolVar(&opts.Numbers, "numbers", false, "with -ts: int64 and uint64 are numbers, in place of bigints")
	flags.BoolVar(&opts.Dates, "dates", false, "with -ts: times are Dates, without what is below a millisecond")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: twinwire gen [-check] [-ts DIR [-numbers] [-dates]] [packages]")
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return 0
	case err != nil:
		return 2
	}
	if *ts == "" && !*check {
		if err := gen.Update(ctx, dir, flags.Args()); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		return 0
	}
	var (
		files []gen.File
		err   error
	)
	if *ts != "" {
		files, err = gen.TypeScript(ctx, dir, *ts, flags.Args(), opts)
	} else {
		files, err = gen.Files(ctx, dir, flags.Args())
	}
	if err == nil && !*check {
		_, err = gen.Write(files)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if !*check {
		return 0
	}
	code := 0
	for _, f := range files {
		if !f.Current {
			fmt.Fprintln(stdout, relative(dir, f.Path))
			code = 1
		}
	}
	return code
}

// relative returns name as seen from dir, if that is shorter.
func relative(dir, name string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return name
	}
	if rel, err := filepath.Rel(abs, name); err == nil && len(rel) < len(name) {
		return rel
	}
	return name
}
