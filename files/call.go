package files

import (
	"context"
	"errors"
	"os"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
)

// Call calls a method of the peer and sends files with it, which the handler
// takes with [Incoming] or [Save]. It returns when the call is over. The error
// is nil if the peer has all files and answered well. Otherwise errors.As finds
// the *Error of a file that it has not, and errors.Is the code of its answer; a
// handler may well answer although files are missing, and its result is then
// there beside the error.
func Call(ctx context.Context, s *core.Session, method string, args codec.Marshaler, result codec.Unmarshaler, sources []Source, opts *Options) error {
	if err := checkSources(sources); err != nil {
		return err
	}
	x, err := s.Begin(ctx, method, args)
	if err != nil {
		return err
	}
	return outcomes(x.Result, result, Send(ctx, x, sources, opts))
}

// Fetch calls a method of the peer and saves the files that the handler sends
// with [Send], as Save does. It returns when the call is over, with the files
// that were saved.
func Fetch(ctx context.Context, s *core.Session, method string, args codec.Marshaler, result codec.Unmarshaler, root *os.Root, opts *Options) ([]Info, error) {
	x, err := s.Begin(ctx, method, args)
	if err != nil {
		return nil, err
	}
	saved, err := Save(ctx, x, root, opts)
	return saved, outcomes(x.Result, result, err)
}

// outcomes returns the error of a call and of its files. Where the call failed
// the transfer says nothing new, but that of single files does.
func outcomes(end func(codec.Unmarshaler) error, result codec.Unmarshaler, transfer error) error {
	err := end(result)
	var one *Error
	if err == nil || transfer != nil && errors.As(transfer, &one) {
		return errors.Join(err, transfer)
	}
	return err
}
