package page

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/dunamis-engine/dunamis/reports/stats"
)

// histogramSVG draws bins, those below zero in the colour of losses. text writes a
// bound of a bin, what names the things counted.
func histogramSVG(bins []stats.Bin, label, what string, text func(float64) string) template.HTML {
	if len(bins) == 0 {
		return ""
	}
	const width, height, foot = 420.0, 190.0, 22.0
	most := 0
	for _, b := range bins {
		most = max(most, b.Count)
	}
	var s strings.Builder
	fmt.Fprintf(&s, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s: %d bins from %s to %s">`, width, height,
		template.HTMLEscapeString(label), len(bins), text(bins[0].From), text(bins[len(bins)-1].To))
	w := width / float64(len(bins))
	for i, b := range bins {
		h := float64(b.Count) / float64(most) * (height - foot - 8)
		class := "up"
		if b.To <= 1e-12 {
			class = "down"
		}
		fmt.Fprintf(&s, `<rect class="%s" x="%.2f" y="%.2f" width="%.2f" height="%.2f"><title>%s to %s: %d %s</title></rect>`, class,
			float64(i)*w+0.5, height-foot-h, max(w-1, 0.5), h, text(b.From), text(b.To), b.Count, what)
	}
	fmt.Fprintf(&s, `<line class="rule" x1="0" x2="%g" y1="%g" y2="%g"/>`, width, height-foot, height-foot)
	for i, b := range bins {
		if i%max(len(bins)/5, 1) == 0 {
			at, anchor := float64(i)*w, "start"
			if at > width-50 {
				at, anchor = width, "end"
			}
			fmt.Fprintf(&s, `<text x="%.2f" y="%g" text-anchor="%s">%s</text>`, at, height-6, anchor, text(b.From))
		}
	}
	s.WriteString(`</svg>`)
	return template.HTML(s.String()) //nolint:gosec // numbers and an escaped label
}

// part is a bar of a waterfall: a change, or a sum that stands by itself.
type part struct {
	name string
	v    float64
	sum  bool
}

// waterfallHTML draws how parts lead from one sum to another, as a table with bars,
// which stays legible on a phone.
func waterfallHTML(parts []part, text func(float64) string) template.HTML {
	low, high, level := math.Inf(1), math.Inf(-1), 0.0
	for _, p := range parts {
		if p.sum {
			level = p.v
		} else {
			level += p.v
		}
		low, high = min(low, level), max(high, level)
	}
	air := max((high-low)*0.1, math.Abs(high)*1e-6, 1e-12)
	low, high = low-air, high+air
	x := func(v float64) float64 { return 100 * (min(max(v, low), high) - low) / (high - low) }
	var s strings.Builder
	s.WriteString(`<table class="fall"><tbody>`)
	level = 0
	for _, p := range parts {
		from, to, class := level, level+p.v, "up"
		switch {
		case p.sum:
			from, to, class = low, p.v, "sum"
		case p.v < 0:
			class = "down"
		}
		level = to
		a, b := min(x(from), x(to)), max(x(from), x(to))
		fmt.Fprintf(&s, `<tr><th scope="row">%s</th><td class="track"><div class="%s" style="margin-left:%.2f%%;width:%.2f%%"></div></td><td>%s</td></tr>`,
			template.HTMLEscapeString(p.name), class, a, max(b-a, 0.3), template.HTMLEscapeString(text(p.v)))
	}
	s.WriteString(`</tbody></table>`)
	return template.HTML(s.String()) //nolint:gosec // numbers and escaped names
}
