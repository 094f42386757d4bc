package core

import (
	"syscall/js"

	"github.com/twinwire/twinwire"
)

// authenticated returns the HMAC-SHA256 of a message, as the browser computes
// it: it does so for pages that are secure contexts.
func authenticated(secret, message []byte) ([]byte, error) {
	subtle := js.Global().Get("crypto").Get("subtle")
	if subtle.IsUndefined() {
		return nil, twinwire.NewError(twinwire.NotImplemented, "this page has no cryptography: it is not a secure context")
	}
	how := map[string]any{"name": "HMAC", "hash": "SHA-256"}
	key, err := await(subtle.Call("importKey", "raw", array(secret), how, false, []any{"sign"}))
	if err != nil {
		return nil, err
	}
	sum, err := await(subtle.Call("sign", "HMAC", key, array(message)))
	if err != nil {
		return nil, err
	}
	proof := make([]byte, sum.Get("byteLength").Int())
	js.CopyBytesToGo(proof, js.Global().Get("Uint8Array").New(sum))
	return proof, nil
}

// array returns a copy of b.
func array(b []byte) js.Value {
	v := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(v, b)
	return v
}

// await waits for a promise that is certain to be settled.
func await(promise js.Value) (js.Value, error) {
	done := make(chan error, 1)
	var value js.Value
	then := js.FuncOf(func(_ js.Value, args []js.Value) any {
		value = args[0]
		done <- nil
		return nil
	})
	defer then.Release()
	not := js.FuncOf(func(_ js.Value, args []js.Value) any {
		done <- js.Error{Value: args[0]}
		return nil
	})
	defer not.Release()
	promise.Call("then", then, not)
	err := <-done
	return value, err
}
