package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// WriteJSON writes the whole report, every round included.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// ReadJSON reads what WriteJSON has written, and judges it anew.
func ReadJSON(r io.Reader) (*Report, error) {
	rep := new(Report)
	if err := json.NewDecoder(r).Decode(rep); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if len(rep.Results) == 0 {
		return nil, errors.New("report: no results in it")
	}
	rep.Finish()
	return rep, nil
}
