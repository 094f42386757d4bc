//go:build !unix

package ws

import "syscall"

// canTry says that try writes without waiting.
const canTry = false

func readOr(syscall.RawConn, []byte, func()) (int, error) { panic("ws: a read that cannot be tried") }

func try(syscall.RawConn, []byte) (int, error) { panic("ws: a write that cannot wait") }
