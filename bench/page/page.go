// Package page shows a report to people: one page that needs nothing else, its
// plots as files of their own, and Markdown for the README and the docs.
package page

import (
	_ "embed"
	"errors"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twinwire/twinwire/bench/report"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"own": own}).Parse(pageText))

// own reports whether a row is one of twinwire's: its name comes first, or behind
// what the workloads of the table differ in.
func own(row []string) bool {
	return slices.ContainsFunc(row[:min(2, len(row))], func(cell string) bool { return strings.HasPrefix(cell, "twinwire") })
}

// Write writes report.html, report.json, headline.md and a file for each plot
// into a directory, which it makes if there is none; of a run across networks
// networks.html and networks.json, so that both have room in one directory. What
// into names gets its marked parts replaced, see Insert.
func Write(dir string, r *report.Report, sections []report.Section, into []string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	plots := Plots(r)
	name, files, parts := "report", make(map[string]string), make(map[string]func(dir string) string)
	if r.Settings.Networks {
		name = "networks"
		parts["networks"] = func(dir string) string { return Across(r, sections, plots, dir) }
	} else {
		headline := Headline(r)
		files["headline.md"] = headline
		parts["headline"] = func(string) string { return headline }
		parts["measured"] = func(dir string) string { return Measured(r, sections, plots, dir) }
	}
	for _, p := range plots {
		files[p.Name+".svg"] = p.SVG
	}
	var b strings.Builder
	if err := r.WriteJSON(&b); err != nil {
		return err
	}
	files[name+".json"] = b.String()
	html, err := render(r, sections, plots)
	if err != nil {
		return err
	}
	files[name+".html"] = html
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			return err
		}
	}
	var failed error
	for _, file := range into {
		relative, err := filepath.Rel(filepath.Dir(file), dir)
		if err == nil {
			err = Insert(file, texts(parts, relative))
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// texts makes the parts for a file from which the plots are in dir.
func texts(parts map[string]func(dir string) string, dir string) map[string]string {
	all := make(map[string]string, len(parts))
	for name, text := range parts {
		all[name] = text(dir)
	}
	return all
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
