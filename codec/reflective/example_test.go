package reflective_test

import (
	"fmt"

	"github.com/twinwire/twinwire/codec/reflective"
)

func ExampleUnmarshal() {
	type point struct {
		X, Y  int8
		Label string `msgpack:"label,omitempty"`
	}
	b, err := reflective.Append(nil, point{X: 1, Y: -1})
	fmt.Printf("%q %v\n", b, err)
	var p point
	err = reflective.Unmarshal(b, &p, nil)
	fmt.Println(p, err)
	err = reflective.Unmarshal([]byte("\x81\xa1X\xcd\x01\x2c"), &p, nil)
	fmt.Println(err)
	// Output:
	// "\x82\xa1X\x01\xa1Y\xff" <nil>
	// {1 -1 } <nil>
	// codec: out of range at byte 3: want int8, found uint 16
}

func ExampleValue() {
	b, err := reflective.Value(map[string]any{"on": true}).AppendMsgpack(nil)
	fmt.Printf("%q %v\n", b, err)
	// Output: "\x81\xa2on\xc3" <nil>
}
