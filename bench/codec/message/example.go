package message

import (
	"fmt"
	"math"
	"time"
)

// NewFlat returns an example.
func NewFlat() Flat {
	return Flat{
		ID:     1 << 40,
		Name:   "Ada Lovelace",
		Tags:   []string{"maths3", "poetry", "engine"},
		Amount: 1234.5678,
		At:     time.Unix(1_700_000_000, 123_456_789).UTC(),
	}
}

// NewOrder returns an example.
func NewOrder() Order {
	return Order{
		ID: 4_711_001,
		Customer: Customer{
			Name:    "Grace",
			Email:   "g@x.org",
			Address: Address{Street: "Row 1", City: "Arlington", Country: "US"},
		},
		Lines: []Line{
			{SKU: "NANO-11", Quantity: 3, Price: 1999, Weight: 0.25, Options: []string{"red"}},
			{SKU: "MOTH-01", Quantity: 1, Price: -250, Weight: 0.5},
			{SKU: "TAPE-80", Quantity: 300, Price: 70_000, Weight: 12},
		},
		Notes:  map[string]string{"gift": "wrap it!"},
		Coupon: &Coupon{Code: "COBOL", Percent: -10},
		Token:  [8]byte{0: 1, 7: 0xff},
		Paid:   true,
		Placed: time.Unix(1_700_000_000, 0).UTC(),
		Within: 48 * time.Hour,
	}
}

// NewScores returns an example with 50 entries.
func NewScores() Scores {
	v := Scores{Season: 2024, Players: make(map[string]int64)}
	for i := range int64(50) {
		v.Players[fmt.Sprintf("player-%02d", i)] = i * i * i * 37
	}
	return v
}

// NewTrack returns an example with 100 elements.
func NewTrack() Track {
	v := Track{Name: "morning round"}
	for i := range 100 {
		sin, cos := math.Sincos(float64(i) / 16)
		v.Points = append(v.Points, Point{X: 50 + cos, Y: 8 + sin, Speed: uint16(i * 7), On: i%8 != 0})
	}
	return v
}
