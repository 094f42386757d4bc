//go:build !js

package machine

// copying is whether copies of frames are sent and taken (clause 17).
const copying = true
