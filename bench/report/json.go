package report

import (
	"encoding/json"
	"io"
)

// WriteJSON writes the whole report, every round included.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
