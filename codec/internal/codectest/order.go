package codectest

import (
	"time"

	"github.com/twinwire/twinwire/codec"
)

// Order is a message with structure, 366 bytes as [NewOrder] makes it.
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

// AppendMsgpack implements codec.Marshaler.
func (v Order) AppendMsgpack(b []byte) ([]byte, error) {
	var err error
	b = append(b, "\x89\xa2ID"...)
	b = codec.AppendUint(b, v.ID)
	b = append(b, "\xa8Customer"...)
	if b, err = v.Customer.AppendMsgpack(b); err != nil {
		return b, err
	}
	b = append(b, "\xa5Lines"...)
	if v.Lines == nil {
		b = codec.AppendNil(b)
	} else {
		b = codec.AppendArrayHeader(b, len(v.Lines))
		for i := range v.Lines {
			if b, err = v.Lines[i].AppendMsgpack(b); err != nil {
				return b, err
			}
		}
	}
	b = append(b, "\xa5Notes"...)
	if v.Notes == nil {
		b = codec.AppendNil(b)
	} else {
		b = codec.AppendMapHeader(b, len(v.Notes))
		for k, e := range v.Notes {
			b = codec.AppendString(b, k)
			b = codec.AppendString(b, e)
		}
	}
	b = append(b, "\xa6Coupon"...)
	if v.Coupon == nil {
		b = codec.AppendNil(b)
	} else if b, err = v.Coupon.AppendMsgpack(b); err != nil {
		return b, err
	}
	b = append(b, "\xa5Token"...)
	b = codec.AppendBytes(b, v.Token[:])
	b = append(b, "\xa4Paid"...)
	b = codec.AppendBool(b, v.Paid)
	b = append(b, "\xa6Placed"...)
	b = codec.AppendTime(b, v.Placed)
	b = append(b, "\xa6Within"...)
	b = codec.AppendDuration(b, v.Within)
	return b, nil
}

// ReadMsgpack implements codec.Unmarshaler.
func (v *Order) ReadMsgpack(r *codec.Reader) error {
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "ID":
			v.ID = r.Uint64()
		case "Customer":
			if err := v.Customer.ReadMsgpack(r); err != nil {
				return err
			}
		case "Lines":
			if codec.ReadSlice(r, &v.Lines) {
				for i := range v.Lines {
					if err := v.Lines[i].ReadMsgpack(r); err != nil {
						return err
					}
				}
				r.Leave()
			}
		case "Notes":
			if n, ok := codec.ReadMap(r, &v.Notes); ok {
				for range n {
					k := r.Str()
					v.Notes[k] = r.Str()
				}
				r.Leave()
			}
		case "Coupon":
			if codec.ReadPointer(r, &v.Coupon) {
				if err := v.Coupon.ReadMsgpack(r); err != nil {
					return err
				}
			}
		case "Token":
			r.BytesInto(v.Token[:])
		case "Paid":
			v.Paid = r.Bool()
		case "Placed":
			v.Placed = r.Time()
		case "Within":
			v.Within = r.Duration()
		default:
			r.Skip()
		}
	}
	r.Leave()
	return r.Err()
}

// AppendMsgpack implements codec.Marshaler.
func (v Customer) AppendMsgpack(b []byte) ([]byte, error) {
	b = append(b, "\x83\xa4Name"...)
	b = codec.AppendString(b, v.Name)
	b = append(b, "\xa5Email"...)
	b = codec.AppendString(b, v.Email)
	b = append(b, "\xa7Address"...)
	return v.Address.AppendMsgpack(b)
}

// ReadMsgpack implements codec.Unmarshaler.
func (v *Customer) ReadMsgpack(r *codec.Reader) error {
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "Name":
			v.Name = r.Str()
		case "Email":
			v.Email = r.Str()
		case "Address":
			if err := v.Address.ReadMsgpack(r); err != nil {
				return err
			}
		default:
			r.Skip()
		}
	}
	r.Leave()
	return r.Err()
}

// AppendMsgpack implements codec.Marshaler.
func (v Address) AppendMsgpack(b []byte) ([]byte, error) {
	b = append(b, "\x83\xa6Street"...)
	b = codec.AppendString(b, v.Street)
	b = append(b, "\xa4City"...)
	b = codec.AppendString(b, v.City)
	b = append(b, "\xa7Country"...)
	b = codec.AppendString(b, v.Country)
	return b, nil
}

// ReadMsgpack implements codec.Unmarshaler.
func (v *Address) ReadMsgpack(r *codec.Reader) error {
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "Street":
			v.Street = r.Str()
		case "City":
			v.City = r.Str()
		case "Country":
			v.Country = r.Str()
		default:
			r.Skip()
		}
	}
	r.Leave()
	return r.Err()
}

// AppendMsgpack implements codec.Marshaler.
func (v Line) AppendMsgpack(b []byte) ([]byte, error) {
	b = append(b, "\x85\xa3SKU"...)
	b = codec.AppendString(b, v.SKU)
	b = append(b, "\xa8Quantity"...)
	b = codec.AppendUint(b, uint64(v.Quantity))
	b = append(b, "\xa5Price"...)
	b = codec.AppendInt(b, v.Price)
	b = append(b, "\xa6Weight"...)
	b = codec.AppendFloat32(b, v.Weight)
	b = append(b, "\xa7Options"...)
	b = codec.AppendStrings(b, v.Options)
	return b, nil
}

// ReadMsgpack implements codec.Unmarshaler.
func (v *Line) ReadMsgpack(r *codec.Reader) error {
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "SKU":
			v.SKU = r.Str()
		case "Quantity":
			v.Quantity = r.Uint16()
		case "Price":
			v.Price = r.Int64()
		case "Weight":
			v.Weight = r.Float32()
		case "Options":
			codec.ReadStrings(r, &v.Options)
		default:
			r.Skip()
		}
	}
	r.Leave()
	return r.Err()
}

// AppendMsgpack implements codec.Marshaler.
func (v Coupon) AppendMsgpack(b []byte) ([]byte, error) {
	b = append(b, "\x82\xa4Code"...)
	b = codec.AppendString(b, v.Code)
	b = append(b, "\xa7Percent"...)
	b = codec.AppendInt(b, int64(v.Percent))
	return b, nil
}

// ReadMsgpack implements codec.Unmarshaler.
func (v *Coupon) ReadMsgpack(r *codec.Reader) error {
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "Code":
			v.Code = r.Str()
		case "Percent":
			v.Percent = r.Int8()
		default:
			r.Skip()
		}
	}
	r.Leave()
	return r.Err()
}
