package main

import (
	"github.com/vmihailenco/msgpack/v5"

	"github.com/twinwire/twinwire/bench/codec/tiny"
)

// hooked is the flat message with the methods by which vmihailenco/msgpack
// calls a codec that was written for a type. The other messages have none: what
// hooks are worth shows in this one.
type hooked tiny.Flat

var (
	_ msgpack.CustomEncoder = (*hooked)(nil)
	_ msgpack.CustomDecoder = (*hooked)(nil)
)

// EncodeMsgpack implements msgpack.CustomEncoder.
func (v *hooked) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeMapLen(5); err != nil {
		return err
	}
	if err := e.EncodeString("ID"); err != nil {
		return err
	}
	if err := e.EncodeUint(v.ID); err != nil {
		return err
	}
	if err := e.EncodeString("Name"); err != nil {
		return err
	}
	if err := e.EncodeString(v.Name); err != nil {
		return err
	}
	if err := e.EncodeString("Tags"); err != nil {
		return err
	}
	if err := e.EncodeArrayLen(len(v.Tags)); err != nil {
		return err
	}
	for _, tag := range v.Tags {
		if err := e.EncodeString(tag); err != nil {
			return err
		}
	}
	if err := e.EncodeString("Amount"); err != nil {
		return err
	}
	if err := e.EncodeFloat64(v.Amount); err != nil {
		return err
	}
	if err := e.EncodeString("At"); err != nil {
		return err
	}
	return e.EncodeTime(v.At)
}

// DecodeMsgpack implements msgpack.CustomDecoder.
func (v *hooked) DecodeMsgpack(d *msgpack.Decoder) error {
	n, err := d.DecodeMapLen()
	if err != nil {
		return err
	}
	for range n {
		name, err := d.DecodeString()
		if err != nil {
			return err
		}
		switch name {
		case "ID":
			v.ID, err = d.DecodeUint64()
		case "Name":
			v.Name, err = d.DecodeString()
		case "Tags":
			err = v.decodeTags(d)
		case "Amount":
			v.Amount, err = d.DecodeFloat64()
		case "At":
			v.At, err = d.DecodeTime()
		default:
			err = d.Skip()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *hooked) decodeTags(d *msgpack.Decoder) error {
	n, err := d.DecodeArrayLen()
	if err != nil || n < 0 {
		return err
	}
	v.Tags = make([]string, n)
	for i := range v.Tags {
		if v.Tags[i], err = d.DecodeString(); err != nil {
			return err
		}
	}
	return nil
}
