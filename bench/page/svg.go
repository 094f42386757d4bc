package page

import (
	"fmt"
	"html"
	"strings"
)

// style makes plots readable on light and on dark pages, by themselves and
// inside a page.
const style = `<style>
.plot text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1f2937}
.plot .title{font-size:15px;font-weight:600}
.plot .head{font-weight:600}
.plot .faint{fill:#6b7280;font-size:11px}
.plot .own{font-weight:600}
.plot .subject-tls{fill:#0f766e}.plot .subject-quic{fill:#2563eb}.plot .subject-memory{fill:#7c3aed}
.plot .subject-tls-bbr{fill:#65a30d}.plot .subject-both{fill:#7c3aed}
.plot .other{fill:#94a3b8}.plot .bare{fill:#cbd5e1}.plot .floor{fill:#e2e8f0;stroke:#cbd5e1}
.plot .second{opacity:.55}
.plot .line{fill:none;stroke-width:1.5}
.plot .line.subject-tls{stroke:#0f766e;stroke-width:2.5}.plot .line.subject-quic{stroke:#2563eb;stroke-width:2.5}
.plot .line.subject-memory{stroke:#7c3aed;stroke-width:2.5}.plot .line.subject-tls-bbr{stroke:#65a30d;stroke-width:2.5}
.plot .line.other{stroke:#94a3b8}.plot .line.bare,.plot .line.floor{stroke:#cbd5e1}
.plot .behind{stroke-dasharray:4 3}
.plot .grid{stroke:#e5e7eb;stroke-width:1}.plot .range{stroke:#374151;stroke-width:1}
@media (prefers-color-scheme:dark){
.plot text{fill:#e5e7eb}.plot .faint{fill:#9ca3af}
.plot .subject-tls{fill:#2dd4bf}.plot .subject-quic{fill:#60a5fa}.plot .subject-memory{fill:#a78bfa}
.plot .subject-tls-bbr{fill:#a3e635}.plot .subject-both{fill:#a78bfa}
.plot .other{fill:#64748b}.plot .bare{fill:#475569}.plot .floor{fill:#334155;stroke:#475569}
.plot .line.subject-tls{stroke:#2dd4bf}.plot .line.subject-quic{stroke:#60a5fa}.plot .line.subject-memory{stroke:#a78bfa}.plot .line.subject-tls-bbr{stroke:#a3e635}
.plot .line.other{stroke:#64748b}.plot .line.bare,.plot .line.floor{stroke:#475569}
.plot .grid{stroke:#374151}.plot .range{stroke:#d1d5db}
}
</style>`

// canvas is an SVG that is being drawn.
type canvas struct {
	strings.Builder
}

// finish returns the whole file.
func (c *canvas) finish(title string, width, height float64) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f">`+
		"\n<title>%s</title>\n%s\n%s</svg>\n", width, height, width, height, html.EscapeString(title), style, c.String())
}

// text writes at a baseline. The anchor is start, middle or end.
func (c *canvas) text(x, y float64, class, anchor, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(text))
}

func (c *canvas) rect(x, y, width, height float64, class string) {
	fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" class="%s"/>`+"\n", x, y, max(width, 1), height, class)
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

func (c *canvas) dot(at point, class string) {
	fmt.Fprintf(c, `<circle cx="%.1f" cy="%.1f" r="3" class="%s"/>`+"\n", at.x, at.y, class)
}

// point is a place on a canvas.
type point struct{ x, y float64 }

func (c *canvas) polyline(points []point, class string) {
	var b strings.Builder
	for _, p := range points {
		fmt.Fprintf(&b, "%.1f,%.1f ", p.x, p.y)
	}
	fmt.Fprintf(c, `<polyline points="%s" class="line %s"/>`+"\n", strings.TrimSpace(b.String()), class)
}
