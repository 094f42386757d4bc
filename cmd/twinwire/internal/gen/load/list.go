package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// A listed package is one as go list describes it.
type listed struct {
	ImportPath, Name, Dir string
	GoFiles, CgoFiles     []string
	Export                string
	Deps                  []string
	Error                 *struct{ Pos, Err string }
}

// The go command does not look for what nobody asks for: with find not even for
// what the packages import.
const (
	find   = "list -e -find -json=ImportPath,Name,Dir,GoFiles,CgoFiles,Error --"
	export = "list -e -export -json=ImportPath,Name,Dir,GoFiles,CgoFiles,Error,Export,Deps --"
)

// list runs one of these commands for what the patterns stand for.
func list(ctx context.Context, dir, command string, patterns ...string) ([]*listed, error) {
	cmd := exec.CommandContext(ctx, "go", append(strings.Fields(command), patterns...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return nil, fmt.Errorf("go list: %s", bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []*listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := d.Decode(p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

// broken returns the errors that make packages useless: patterns that stand for
// nothing, and files that cannot be read. What is wrong with a generated file
// does not matter, since it is written anew.
func broken(packages []*listed) error {
	var lines []string
	for _, p := range packages {
		if p.Error == nil || strings.Contains(p.Error.Pos, Suffix+":") || len(p.GoFiles)+len(p.CgoFiles) > 0 {
			continue // parsing tells more
		}
		line := p.Error.Err
		if p.Error.Pos != "" {
			line = p.Error.Pos + ": " + line
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}
