package files

import "io"

// SetDisk has saving write through what f returns.
func (o *Options) SetDisk(f func(io.Writer) io.Writer) { o.disk = f }

// PartialID returns where what is left of a file is.
func PartialID(name string) string { return partialID(name) }
