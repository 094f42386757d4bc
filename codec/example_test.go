package codec_test

import (
	"errors"
	"fmt"

	"github.com/twinwire/twinwire/codec"
)

// A Room has a codec as the generator writes it.
type Room struct {
	Name  string
	Seats uint16
	Rooms []Room
}

func (v Room) AppendMsgpack(b []byte) ([]byte, error) {
	var err error
	b = append(b, "\x83\xa4Name"...) // the header of the map and the first name
	b = codec.AppendString(b, v.Name)
	b = append(b, "\xa5Seats"...)
	b = codec.AppendUint(b, uint64(v.Seats))
	b = append(b, "\xa5Rooms"...)
	if v.Rooms == nil {
		return codec.AppendNil(b), nil
	}
	b = codec.AppendArrayHeader(b, len(v.Rooms))
	for i := range v.Rooms {
		if b, err = v.Rooms[i].AppendMsgpack(b); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (v *Room) ReadMsgpack(r *codec.Reader) error {
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "Name":
			v.Name = r.Str()
		case "Seats":
			v.Seats = r.Uint16()
		case "Rooms":
			if codec.ReadSlice(r, &v.Rooms) {
				for i := range v.Rooms {
					if err := v.Rooms[i].ReadMsgpack(r); err != nil {
						return err
					}
				}
				r.Leave()
			}
		default:
			r.Skip() // a field of a later version
		}
	}
	r.Leave()
	return r.Err()
}

func ExampleReader() {
	message, err := Room{Name: "hall", Rooms: []Room{{Name: "stage", Seats: 8}}}.AppendMsgpack(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := codec.NewReader(message, nil)
	var room Room
	if err := room.ReadMsgpack(r); err != nil {
		fmt.Println(err)
		return
	}
	if err := r.Finish(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", room)

	r.Reset([]byte("\x81\xa5Seats\xce\x00\x01\x00\x00"))
	err = room.ReadMsgpack(r)
	fmt.Println(err)
	fmt.Println(errors.Is(err, codec.ErrRange))
	// Output:
	// {Name:hall Seats:0 Rooms:[{Name:stage Seats:8 Rooms:[]}]}
	// codec: out of range at byte 7: want uint16, found uint 32
	// true
}

func ExampleCheck() {
	fmt.Println(codec.Check([]byte("\x92\x01\xa2hi"), nil))
	fmt.Println(codec.Check([]byte("\xdd\xff\xff\xff\xff"), nil))
	// Output:
	// <nil>
	// codec: message is truncated at byte 0: want container, found array 32
}

func ExampleAppendString() {
	b := codec.AppendArrayHeader(nil, 2)
	b = codec.AppendString(b, "answer")
	b = codec.AppendInt(b, 42)
	fmt.Printf("% x\n", b)
	// Output: 92 a6 61 6e 73 77 65 72 2a
}

func ExampleValue() {
	b, err := codec.Value[uint32]{V: 7}.AppendMsgpack(nil)
	fmt.Println(b, err)
	var v codec.Value[uint32]
	err = v.ReadMsgpack(codec.NewReader(b, nil))
	fmt.Println(v.V, err)
	// Output:
	// [7] <nil>
	// 7 <nil>
}
