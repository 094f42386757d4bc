// Package sim tests the tests: it plants bugs in the session machine, and in the
// driver around it, and sees to it that the random histories of the one, and
// the tests of the other, find each of them.
//
// A planted bug, a [Mutant], is a small change of one source file of
// internal/machine or core. It is laid over the source by the go command's -overlay,
// so that they hold no hook for it. The text that it replaces has to
// be in the file exactly once: a mutant that no longer fits is a failure, and
// so is one that survives.
//
//	go test ./internal/sim            # some of them
//	go test ./internal/sim -mutants   # all of them, and a table
package sim
