package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/twinwire/twinwire/auth/token"
)

const tokenUsage = `usage:
  twinwire token key -out FILE                        make a key; FILE must not exist
  twinwire token public FILE...                       print the public parts of keys, for servers
  twinwire token sign -key FILE -sub WHO -aud SERVICE make a token

Run twinwire token <command> -h for the flags of a command.
`

// tokens is the command token.
func tokens(dir string, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, tokenUsage)
		return 2
	}
	var do func(dir string, args []string, stdout io.Writer) error
	flags := flag.NewFlagSet("twinwire token "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	switch args[0] {
	case "key":
		do = makeKey(flags)
	case "public":
		do = printPublic
	case "sign":
		do = signToken(flags)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, tokenUsage)
		return 0
	default:
		fmt.Fprintf(stderr, "twinwire: unknown command token %q\n%s", args[0], tokenUsage)
		return 2
	}
	switch err := flags.Parse(args[1:]); {
	case err == flag.ErrHelp:
		return 0
	case err != nil:
		return 2
	}
	if err := do(dir, flags.Args(), stdout); err != nil {
		fmt.Fprintln(stderr, "twinwire:", err)
		return 1
	}
	return 0
}

// within returns name as seen from dir.
func within(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// makeKey makes a key that its owner alone may read.
func makeKey(flags *flag.FlagSet) func(string, []string, io.Writer) error {
	out := flags.String("out", "", "the file to write, which nobody else may read")
	id := flags.String("id", "", "how tokens name the key; by default its thumbprint")
	return func(dir string, args []string, stdout io.Writer) error {
		if *out == "" || len(args) > 0 {
			return errors.New("token key: say with -out which file to write")
		}
		k, err := token.NewKey()
		if err != nil {
			return err
		}
		if *id != "" {
			k.ID = *id
		}
		b, err := k.MarshalPrivate()
		if err != nil {
			return err
		}
		f, err := os.OpenFile(within(dir, *out), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(append(b, '\n'))
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		fmt.Fprintln(stdout, k.ID)
		return nil
	}
}

// readKey reads a key, unless others may read it too.
func readKey(path string) (*token.Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if others := info.Mode().Perm() & 0o077; others != 0 && runtime.GOOS != "windows" {
		return nil, &fs.PathError{Op: "read key", Path: path, Err: fmt.Errorf("others may read it or write to it (%v): chmod 600", info.Mode().Perm())}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return token.ParseKey(b)
}

// printPublic prints a set of public keys.
func printPublic(dir string, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New("token public: of which keys? several make one set, as when one takes the place of another")
	}
	var keys []token.PublicKey
	for _, name := range args {
		k, err := readKey(within(dir, name))
		if err != nil {
			return err
		}
		keys = append(keys, k.Public())
	}
	b, err := token.MarshalPublic(keys...)
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s\n", b)
	}
	return err
}

// signToken makes a token.
func signToken(flags *flag.FlagSet) func(string, []string, io.Writer) error {
	g := &token.Grant{Claims: make(map[string]any)}
	key := flags.String("key", "", "the file of the key")
	flags.StringVar(&g.Subject, "sub", "", "whom the token is made out to")
	flags.StringVar(&g.Audience, "aud", "", "which service it is for")
	flags.StringVar(&g.Issuer, "iss", "", "who makes it")
	flags.StringVar(&g.Client, "client", "", "the client id of its sessions")
	flags.DurationVar(&g.Lifetime, "for", token.DefaultLifetime, "for how long it is good")
	flags.Func("claim", "name=value, a claim of the application's; a value that is JSON is that, any other is a text; may be repeated", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return errors.New("not of the form name=value")
		}
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		g.Claims[name] = v
		return nil
	})
	return func(dir string, args []string, stdout io.Writer) error {
		if *key == "" || len(args) > 0 {
			return errors.New("token sign: say with -key which file to sign with")
		}
		if g.Lifetime < time.Second {
			return fmt.Errorf("token sign: %v is no time for a token to be good", g.Lifetime)
		}
		k, err := readKey(within(dir, *key))
		if err != nil {
			return err
		}
		t, err := k.Sign(g)
		if err == nil {
			fmt.Fprintln(stdout, t)
		}
		return err
	}
}
