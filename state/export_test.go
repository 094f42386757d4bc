package state

import "github.com/twinwire/twinwire/core"

// Writer is what tests put in the place of a session.
type Writer = writer

func NewValueTo[T any](w Writer, name string, schema Schema[T], initial T, opts *Options) (*Value[T], error) {
	return newValue(func() writer { return w }, name, schema, &initial, opts)
}

func NewViewAlone[T any](schema Schema[T], opts *ViewOptions) *View[T] { return newView(schema, opts) }

func (v *View[T]) Receive(u core.StateUpdate) error { return (*receiver[T])(v).ReceiveState(u) }

func (v *Shared[T]) AttachTo(key any, w Writer) error {
	_, err := v.attach(key, func() writer { return w })
	return err
}

func (v *Shared[T]) DetachFrom(key any) { v.detach(key) }
