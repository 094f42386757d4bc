package main

import (
	"github.com/twinwire/twinwire/bench/codec/message"
	"github.com/twinwire/twinwire/bench/codec/tiny"
	"github.com/twinwire/twinwire/codec"
)

// The loops of generated codecs call them directly, as generated code does:
// through an interface or a type parameter each call would cost some
// nanoseconds more, which is a tenth of what some take. So there is one
// function for each message.

// sink keeps decoded values on the heap, where those of a program are.
var sink any

func flat() (shape, error) {
	v, wire, err := example(message.NewFlat())
	if err != nil {
		return shape{}, err
	}
	var t tiny.Flat
	if err := same(wire, &t); err != nil {
		return shape{}, err
	}
	tinyWire, err := t.MarshalMsg(nil) // which differs for what is nil
	if err != nil {
		return shape{}, err
	}
	var (
		r   = codec.NewReader(nil, nil)
		buf = make([]byte, 0, 2*len(wire)+64)
	)
	cells := []cell{
		{Encode, Twinwire, func(n int) (err error) {
			for b := buf; n > 0 && err == nil; n-- {
				b, err = v.AppendMsgpack(b[:0])
			}
			return err
		}},
		{Encode, Tinylib, func(n int) (err error) {
			for b := buf; n > 0 && err == nil; n-- {
				b, err = t.MarshalMsg(b[:0])
			}
			return err
		}},
		{Decode, Twinwire, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				r.Reset(wire)
				v := new(message.Flat)
				if err = v.ReadMsgpack(r); err == nil {
					err = r.Finish()
				}
				sink = v
			}
			return err
		}},
		{Decode, Tinylib, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				v := new(tiny.Flat)
				_, err = v.UnmarshalMsg(tinyWire)
				sink = v
			}
			return err
		}},
		{CheckDecode, Twinwire, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				if err = codec.Check(wire, nil); err != nil {
					return err
				}
				r.Reset(wire)
				v := new(message.Flat)
				if err = v.ReadMsgpack(r); err == nil {
					err = r.Finish()
				}
				sink = v
			}
			return err
		}},
	}
	cells = append(cells, libraryCells(Hooks, wire, (*hooked)(&t), func() any { return new(hooked) })...)
	cells = append(cells, reflectedCells(wire, &t, func() any { return new(tiny.Flat) })...)
	return shape{"flat", len(wire), cells}, nil
}

func order() (shape, error) {
	v, wire, err := example(message.NewOrder())
	if err != nil {
		return shape{}, err
	}
	var t tiny.Order
	if err := same(wire, &t); err != nil {
		return shape{}, err
	}
	tinyWire, err := t.MarshalMsg(nil) // which differs for what is nil
	if err != nil {
		return shape{}, err
	}
	var (
		r   = codec.NewReader(nil, nil)
		buf = make([]byte, 0, 2*len(wire)+64)
	)
	cells := []cell{
		{Encode, Twinwire, func(n int) (err error) {
			for b := buf; n > 0 && err == nil; n-- {
				b, err = v.AppendMsgpack(b[:0])
			}
			return err
		}},
		{Encode, Tinylib, func(n int) (err error) {
			for b := buf; n > 0 && err == nil; n-- {
				b, err = t.MarshalMsg(b[:0])
			}
			return err
		}},
		{Decode, Twinwire, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				r.Reset(wire)
				v := new(message.Order)
				if err = v.ReadMsgpack(r); err == nil {
					err = r.Finish()
				}
				sink = v
			}
			return err
		}},
		{Decode, Tinylib, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				v := new(tiny.Order)
				_, err = v.UnmarshalMsg(tinyWire)
				sink = v
			}
			return err
		}},
		{CheckDecode, Twinwire, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				if err = codec.Check(wire, nil); err != nil {
					return err
				}
				r.Reset(wire)
				v := new(message.Order)
				if err = v.ReadMsgpack(r); err == nil {
					err = r.Finish()
				}
				sink = v
			}
			return err
		}},
	}
	cells = append(cells, reflectedCells(wire, &t, func() any { return new(tiny.Order) })...)
	return shape{"order", len(wire), cells}, nil
}

func scores() (shape, error) {
	v, wire, err := example(message.NewScores())
	if err != nil {
		return shape{}, err
	}
	var t tiny.Scores
	if err := same(wire, &t); err != nil {
		return shape{}, err
	}
	tinyWire, err := t.MarshalMsg(nil) // which differs for what is nil
	if err != nil {
		return shape{}, err
	}
	var (
		r   = codec.NewReader(nil, nil)
		buf = make([]byte, 0, 2*len(wire)+64)
	)
	cells := []cell{
		{Encode, Twinwire, func(n int) (err error) {
			for b := buf; n > 0 && err == nil; n-- {
				b, err = v.AppendMsgpack(b[:0])
			}
			return err
		}},
		{Encode, Tinylib, func(n int) (err error) {
			for b := buf; n > 0 && err == nil; n-- {
				b, err = t.MarshalMsg(b[:0])
			}
			return err
		}},
		{Decode, Twinwire, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				r.Reset(wire)
				v := new(message.Scores)
				if err = v.ReadMsgpack(r); err == nil {
					err = r.Finish()
				}
				sink = v
			}
			return err
		}},
		{Decode, Tinylib, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				v := new(tiny.Scores)
				_, err = v.UnmarshalMsg(tinyWire)
				sink = v
			}
			return err
		}},
		{CheckDecode, Twinwire, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				if err = codec.Check(wire, nil); err != nil {
					return err
				}
				r.Reset(wire)
				v := new(message.Scores)
				if err = v.ReadMsgpack(r); err == nil {
					err = r.Finish()
				}
				sink = v
			}
			return err
		}},
	}
	cells = append(cells, reflectedCells(wire, &t, func() any { return new(tiny.Scores) })...)
	return shape{"scores", len(wire), cells}, nil
}

func track() (shape, error) {
	v, wire, err := example(message.NewTrack())
	if err != nil {
		return shape{}, err
	}
	var t tiny.Track
	if err := same(wire, &t); err != nil {
		return shape{}, err
	}
	tinyWire, err := t.MarshalMsg(nil) // which differs for what is nil
	if err != nil {
		return shape{}, err
	}
	var (
		r   = codec.NewReader(nil, nil)
		buf = make([]byte, 0, 2*len(wire)+64)
	)
	cells := []cell{
		{Encode, Twinwire, func(n int) (err error) {
			for b := buf; n > 0 && err == nil; n-- {
				b, err = v.AppendMsgpack(b[:0])
			}
			return err
		}},
		{Encode, Tinylib, func(n int) (err error) {
			for b := buf; n > 0 && err == nil; n-- {
				b, err = t.MarshalMsg(b[:0])
			}
			return err
		}},
		{Decode, Twinwire, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				r.Reset(wire)
				v := new(message.Track)
				if err = v.ReadMsgpack(r); err == nil {
					err = r.Finish()
				}
				sink = v
			}
			return err
		}},
		{Decode, Tinylib, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				v := new(tiny.Track)
				_, err = v.UnmarshalMsg(tinyWire)
				sink = v
			}
			return err
		}},
		{CheckDecode, Twinwire, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				if err = codec.Check(wire, nil); err != nil {
					return err
				}
				r.Reset(wire)
				v := new(message.Track)
				if err = v.ReadMsgpack(r); err == nil {
					err = r.Finish()
				}
				sink = v
			}
			return err
		}},
	}
	cells = append(cells, reflectedCells(wire, &t, func() any { return new(tiny.Track) })...)
	return shape{"track", len(wire), cells}, nil
}
