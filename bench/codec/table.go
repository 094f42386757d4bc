package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// writeTable prints one block for each message and operation.
func writeTable(w io.Writer, list []*figure) error {
	var title string
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, f := range list {
		if len(f.nanos) == 0 {
			continue
		}
		if now := fmt.Sprintf("%s, %d bytes: %s", f.shape.name, f.shape.size, f.cell.operation); now != title {
			if err := t.Flush(); err != nil {
				return err
			}
			title = now
			fmt.Fprintf(w, "\n%s\n", title)
			fmt.Fprintln(t, "\tns/op\t±\tB/op\tallocs/op\tMB/s\tx tinylib\t")
		}
		middle := quantile(f.nanos, 0.5)
		spread := (quantile(f.nanos, 0.75) - quantile(f.nanos, 0.25)) / 2 / middle
		against := f.cell.operation
		if against == CheckDecode {
			against = Decode
		}
		ratio := "-"
		if got := f.ratio(find(list, f.shape.name, against, Tinylib)); got != 0 {
			ratio = fmt.Sprintf("%.2f", got)
		}
		fmt.Fprintf(t, "%s\t%.1f\t%.0f %%\t%.0f\t%.0f\t%.0f\t%s\t\n", f.cell.library, middle, spread*100,
			f.allocated, f.allocs, float64(f.shape.size)/middle*1000, ratio)
	}
	return t.Flush()
}

// writeBars says which bars are held.
func writeBars(w io.Writer, all []bar) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t)
	for _, b := range all {
		verdict := "pass"
		if !b.held {
			verdict = "FAIL"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", verdict, b.name, b.got)
	}
	return t.Flush()
}
