// Package files sends files with calls: with the arguments, with the answer, or
// both, any number of them (docs/protocol.md, clause 13).
//
// The caller sends files with a call,
//
//	sources, err := files.FS(os.DirFS("photos"), ".")
//	err = files.Call(ctx, session, "album.Add", args, &result, sources, nil)
//
// and the handler saves them below a directory, or reads them one by one:
//
//	saved, err := files.Save(ctx, request, root, nil)
//
//	for f, err := range files.Incoming(ctx, request, nil) {
//		if err != nil {
//			return nil, err
//		}
//		_, err = io.Copy(store, f) // or f.Save(root)
//	}
//
// The other way round the handler calls [Send] and the caller [Fetch]. For both
// in one call there are Send, Save and Incoming at either end, which take a
// [core.Exchange] at the caller, and at the callee a [core.Request], which
// [core.RequestFrom] finds in a handler's context.
//
// # Whole or not at all
//
// Both ends hash every content. A file that is saved, and a reader that ended
// in io.EOF, had the size and the hash that the sender says. Everything else is
// an *[Error] at both ends, and does not end the other files. Nothing that is
// short or wrong ever has the name of a file.
//
// # Resuming
//
// What an interrupted transfer has left goes on at the next one of the same
// name into the same directory. The receiver says how much it has, and the hash
// of that; the sender goes on there if its own file begins with the same, and
// begins anew if it has changed. No state needs to be kept, at the sender
// nothing at all, and it does not matter how the session was lost.
//
// # Trust
//
// A receiver trusts nothing that the peer says. Number, sizes and names are
// checked before anything is taken ([Limits], [CheckName]), saving goes through
// an [os.Root], and files that are there already stay as they are unless
// Options.Existing says otherwise. What interrupted transfers leave takes space
// until it is resumed or until [Clean] removes it; a server calls that from
// time to time.
//
// # Flow
//
// Contents are streams: they wait for a receiver that does not keep up, at
// most 128 KiB at the sender and Limits.StreamBytes of core at the receiver, and
// hold up nothing else. Their priority is core.Bulk unless the context has
// another one.
//
// # Goroutines and cancellation
//
// Contents are read, hashed and written by the goroutines that call; Send has
// one more, which it waits for. A context that is done ends a transfer, as does
// the end of the call. What waits for a source or a disk is waited for.
package files
