// Package flat has the two messages that codecs are measured with.
package flat

import "time"

// Flat is a message without structure.
//
//twinwire:codec
type Flat struct {
	ID     uint64
	Name   string
	Tags   []string
	Amount float64
	At     time.Time
}

// Order is a message with structure.
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
