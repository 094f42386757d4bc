// Package golden has contracts in its directories, one for each kind of thing
// that the generator knows. Their generated files are compared, compiled and
// run; that in TypeScript is compiled by the tests in ts.
package golden

//go:generate go run ../.. gen ./...
//go:generate go run ../.. gen -ts ../../../../ts/test/generated ./...
