// Package message has the messages that codecs are measured with. They have
// the codec that twinwire generates.
package message

import "time"

//go:generate go tool twinwire gen

// Flat is a message without structure, 87 bytes.
//
//twinwire:codec
type Flat struct {
	ID     uint64
	Name   string
	Tags   []string
	Amount float64
	At     time.Time
}

// Order is a message with structure, 366 bytes.
//
//twinwire:codec
type Order struct {
	ID       uint64
	Customer Customer
	Lines    []Line
	Notes    map[string]string
	Coupon   *Coupon
	Token    [8]byte
	Paid     bool
	Placed   time.Time
	Within   time.Duration
}

// Customer is who orders.
type Customer struct {
	Name    string
	Email   string
	Address Address
}

// Address is where to.
type Address struct {
	Street  string
	City    string
	Country string
}

// Line is one item of an order.
type Line struct {
	SKU      string
	Quantity uint16
	Price    int64
	Weight   float32
	Options  []string
}

// Coupon is a price reduction.
type Coupon struct {
	Code    string
	Percent int8
}

// Scores is a message that is a map.
//
//twinwire:codec
type Scores struct {
	Season  uint32
	Players map[string]int64
}

// Track is a message that is a slice of small structs.
//
//twinwire:codec
type Track struct {
	Name   string
	Points []Point
}

// Point is where something was.
type Point struct {
	X, Y  float64
	Speed uint16
	On    bool
}
