//go:build !js

package machine

// page is whether this end is a page of a browser.
const page = false

// client reports whether this is the client's end.
func (m *Machine) client() bool { return m.cfg.Client }
