// Package echopb is the contract of the rivals that use Protocol Buffers:
// gRPC, Connect and DRPC share one file.
package echopb

//go:generate go run ./gen
