//go:build !js

package core

import "time"

// id returns the id of what may be nil.
func (p *Principal) id() string {
	if p == nil {
		return ""
	}
	return p.ID
}

// expires returns the end of what may be nil.
func (p *Principal) expires() time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.Expires
}
