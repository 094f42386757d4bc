package main

import (
	"testing"

	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// A short journey loses nothing, repeats nothing and leaves nothing behind.
func TestRoaming(t *testing.T) {
	if err := run(t.Context(), t.Output(), journey{rounds: 1, cuts: 2}); err != nil {
		t.Fatal(err)
	}
}
