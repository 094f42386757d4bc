package core_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
)

// A handler answers with values as they come up, and its caller ranges over
// them.
func ExampleCallValues() {
	at := func(v *codec.Value[int]) *int { return &v.V }
	s := dial(&core.Service{Methods: map[string]core.Method{
		"clock.Ticks": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			ticks := func(yield func(int, error) bool) {
				for i := 1; yield(i, nil); i++ {
				}
				// The caller has left the loop.
			}
			return nil, core.ReplyValues(r, core.Normal, ticks, at)
		},
	}})
	defer s.Close()
	for tick, err := range core.CallValues(context.Background(), s, "clock.Ticks", nil, nil, at) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(tick)
		if tick == 3 {
			break // cancels the call
		}
	}
	// Output:
	// 1
	// 2
	// 3
}

// A call sends values, of which the handler makes one answer.
func ExampleSession_CallSource() {
	at := func(v *codec.Value[int]) *int { return &v.V }
	s := dial(&core.Service{Methods: map[string]core.Method{
		"math.Sum": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			var sum codec.Value[int]
			for n, err := range core.RequestValues(r, at) {
				if err != nil {
					return nil, err
				}
				sum.V += n
			}
			return sum, nil
		},
	}})
	defer s.Close()
	numbers := func(yield func(int, error) bool) {
		for n := 1; n <= 4 && yield(n, nil); n++ {
		}
	}
	var sum codec.Value[int]
	if err := s.CallSource(context.Background(), "math.Sum", nil, &sum, core.ValueSource(numbers, at)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum.V)
	// Output: 10
}

// Bytes go both ways: the handler reads while its answer is read.
func ExampleSession_CallBody() {
	s := dial(&core.Service{Methods: map[string]core.Method{
		"text.Repeat": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
			text := io.MultiReader(r.Reader(0), strings.NewReader(", and that again"))
			return nil, r.ReplyBody(core.Bulk, io.NopCloser(text))
		},
	}})
	defer s.Close()
	body, err := s.CallBody(context.Background(), "text.Repeat", nil, core.ByteSource(strings.NewReader("hello")))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(body)
	fmt.Println(string(text), err)
	// Output: hello, and that again <nil>
}
