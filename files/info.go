package files

import (
	"crypto/sha256"
	"io/fs"
	"time"

	"github.com/twinwire/twinwire/codec"
)

// Unknown is the size of a file whose size is known when it ends.
const Unknown = -1

// An Info is what is known of a file before its content: one entry of the
// manifest (clause 13.3).
type Info struct {
	// Name is a relative path with slashes; see CheckName.
	Name string
	// Size is in bytes, or Unknown.
	Size int64
	// ModTime is when the content last changed, or zero.
	ModTime time.Time
	// Mode is the permission bits. Of these Save keeps whether the file can be
	// executed; the rest is for the umask of the receiver to say.
	Mode fs.FileMode
	// Hash is the SHA-256 of the content. It is nil if the sender did not know
	// it ahead; at the receiver it is there once it has been verified.
	Hash []byte
}

// AppendMsgpack appends the entry of a manifest.
func (i Info) AppendMsgpack(b []byte) ([]byte, error) {
	n := 1
	for _, there := range []bool{i.Size >= 0, !i.ModTime.IsZero(), i.Mode != 0, i.Hash != nil} {
		if there {
			n++
		}
	}
	b = codec.AppendMapHeader(b, n)
	b = codec.AppendString(codec.AppendString(b, "name"), i.Name)
	if i.Size >= 0 {
		b = codec.AppendInt(codec.AppendString(b, "size"), i.Size)
	}
	if !i.ModTime.IsZero() {
		b = codec.AppendTime(codec.AppendString(b, "time"), i.ModTime)
	}
	if i.Mode != 0 {
		b = codec.AppendUint(codec.AppendString(b, "mode"), uint64(i.Mode.Perm()))
	}
	if i.Hash != nil {
		b = codec.AppendBytes(codec.AppendString(b, "sum"), i.Hash)
	}
	return b, nil
}

// ReadMsgpack reads the entry of a manifest. It does not check the name.
func (i *Info) ReadMsgpack(r *codec.Reader) error {
	*i = Info{Size: Unknown}
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "name":
			i.Name = r.Str()
		case "size":
			i.Size = natural(r)
		case "time":
			i.ModTime = r.Time()
		case "mode":
			i.Mode = fs.FileMode(r.Uint32()) & fs.ModePerm
		case "sum":
			i.Hash = sum(r)
		default:
			r.Skip()
		}
	}
	r.Leave()
	return r.Err()
}

// natural reads a number of bytes.
func natural(r *codec.Reader) int64 {
	n := r.Int64()
	if n < 0 {
		r.Fail(codec.ErrRange, "number of bytes")
	}
	return n
}

// sum reads a hash.
func sum(r *codec.Reader) []byte {
	b := make([]byte, sha256.Size)
	r.BytesInto(b)
	return b
}
