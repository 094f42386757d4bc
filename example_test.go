package twinwire_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinwire/twinwire"
)

// A handler returns a code, alone or wrapped, and its caller asks for it as
// for any error.
func ExampleCode() {
	open := func(room string) error {
		return fmt.Errorf("room %q: %w", room, twinwire.NotFound)
	}

	err := open("lobby")
	fmt.Println(err)
	fmt.Println(errors.Is(err, twinwire.NotFound))
	// Output:
	// room "lobby": not found
	// true
}

// Applications number their own outcomes from FirstApplicationCode on.
func ExampleCode_application() {
	const NoFunds = twinwire.FirstApplicationCode + 7

	err := twinwire.Errorf(NoFunds, "12.50 short")
	fmt.Println(err)
	fmt.Println(errors.Is(err, NoFunds))
	// Output:
	// 12.50 short: code 1031
	// true
}

// A call that the caller gave up on is an error of the context, too.
func ExampleCode_Is() {
	err := twinwire.Errorf(twinwire.DeadlineExceeded, "waiting for the printer")
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

// The peer's words and details are in the Error.
func ExampleError() {
	var err error = &twinwire.Error{Code: twinwire.Rejected, Message: "the shop is closed"}

	var e *twinwire.Error
	if errors.As(err, &e) {
		fmt.Println(e.Message)
		fmt.Println(e.Code)
	}
	// Output:
	// the shop is closed
	// rejected
}

func ExampleErrorf() {
	err := twinwire.Errorf(twinwire.ResourceExhausted, "%d sessions", 3)
	fmt.Println(err)
	// Output: 3 sessions: resource exhausted
}

// Every error has a code; one that says nothing of it is internal.
func ExampleCodeOf() {
	fmt.Println(twinwire.CodeOf(nil))
	fmt.Println(twinwire.CodeOf(fmt.Errorf("saving: %w", twinwire.AlreadyExists)))
	fmt.Println(twinwire.CodeOf(context.Canceled))
	fmt.Println(twinwire.CodeOf(errors.New("disk on fire")))
	// Output:
	// accepted
	// already exists
	// canceled
	// internal error
}
