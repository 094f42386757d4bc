// Package page shows a report to people: one page that needs nothing else, its
// plots as files of their own, and Markdown for the README and the docs.
package page

import (
	_ "embed"
	"errors"
	"html/template"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinwire/twinwire/bench/report"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Write writes report.html, report.json, headline.md and a file for each plot
// into a directory, which it makes if there is none. What into names gets its
// marked parts replaced, see Insert.
func Write(dir string, r *report.Report, sections []report.Section, into []string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	plots := Plots(r)
	headline := Headline(r)
	files := map[string]string{"headline.md": headline}
	for _, p := range plots {
		files[p.Name+".svg"] = p.SVG
	}
	var b strings.Builder
	if err := r.WriteJSON(&b); err != nil {
		return err
	}
	files["report.json"] = b.String()
	html, err := render(r, sections, plots)
	if err != nil {
		return err
	}
	files["report.html"] = html
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			return err
		}
	}
	var failed error
	for _, file := range into {
		relative, err := filepath.Rel(filepath.Dir(file), dir)
		if err == nil {
			err = Insert(file, map[string]string{
				"headline": headline,
				"measured": Measured(r, sections, plots, relative),
			})
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// shown is what the template shows.
type shown struct {
	*report.Report
	Conditions string
	Plots      []htmlPlot
	Tables     [][][]string
	Held       int
	Missed     int
	Unmeasured int
}

type htmlPlot struct {
	Plot
	Picture template.HTML
}

func render(r *report.Report, sections []report.Section, plots []Plot) (string, error) {
	c := shown{Report: r, Conditions: conditions(r)}
	for _, p := range plots {
		// It is our own, and what is not in it is escaped.
		c.Plots = append(c.Plots, htmlPlot{p, template.HTML(p.SVG)})
	}
	for _, s := range sections {
		if t := r.Table(s); t != nil {
			c.Tables = append(c.Tables, t)
		}
	}
	for _, bar := range r.Bars {
		switch bar.Verdict {
		case report.Pass:
			c.Held++
		case report.Fail:
			c.Missed++
		default:
			c.Unmeasured++
		}
	}
	var b strings.Builder
	err := pageTemplate.Execute(&b, c)
	return b.String(), err
}
