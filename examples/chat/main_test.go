package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/twinwire/twinwire/internal/leak"
)

// asChat has the test binary be the command itself, for tests that need a
// process of its own to kill.
const asChat = "CHAT_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(asChat) == "" {
		leak.Main(m)
	}
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
