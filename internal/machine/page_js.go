package machine

// page is true: what a page never does is code that it need not load. It is a
// client, and sends nothing twice (clause 17).
const page = true

func (m *Machine) client() bool { return true }
