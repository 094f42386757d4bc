//go:build !js

package plain

import "fmt"

// Text returns what fmt.Sprint does of one value, such as somebody panicked
// with. In a browser it does so for the kinds that are common there.
func Text(v any) string { return fmt.Sprint(v) }
