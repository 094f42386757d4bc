// Package golden has contracts in its directories, one for each kind of thing
// that the generator knows. Their generated files are compared, compiled and
// run.
package golden

//go:generate go run ../.. gen ./...
