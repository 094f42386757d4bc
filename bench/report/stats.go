package report

import "slices"

// summarize computes the median and the range over the rounds.
func (f *Figure) summarize() {
	if len(f.Rounds) == 0 {
		return
	}
	all := make([]float64, len(f.Rounds))
	for i, v := range f.Rounds {
		all[i] = v.Value
	}
	f.Median, f.Min, f.Max = median(all), slices.Min(all), slices.Max(all)
}

// spread returns half the range over the rounds as a part of the median, and
// whether there is one to speak of.
func (f *Figure) spread() (float64, bool) {
	if len(f.Rounds) < 2 || f.Median == 0 {
		return 0, false
	}
	return (f.Max - f.Min) / 2 / f.Median, true
}

// ratio returns the median of the ratios of f to other, or nil if there is
// none.
func (f *Figure) ratio(other *Figure) *float64 {
	ratios := f.ratios(other)
	if len(ratios) == 0 {
		return nil
	}
	m := median(ratios)
	return &m
}

// ratios returns those of f to other in the rounds that have both.
func (f *Figure) ratios(other *Figure) []float64 {
	if other == nil {
		return nil
	}
	var ratios []float64
	for _, v := range f.Rounds {
		for _, o := range other.Rounds {
			if o.Round == v.Round && o.Value != 0 {
				ratios = append(ratios, v.Value/o.Value)
			}
		}
	}
	return ratios
}

// median of at least one number; it sorts them.
func median(all []float64) float64 {
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}
