package page

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/dunamis-engine/dunamis/reports/stats"
)

// markup writes HTML and SVG. Whatever text or value it is given is escaped; the names of
// elements and attributes are constants of this package.
type markup struct{ b strings.Builder }

// attribute is a name and the value that it has.
type attribute struct{ name, value string }

// has formats the value of an attribute.
func has(name, format string, v ...any) attribute { return attribute{name, fmt.Sprintf(format, v...)} }

// open writes the start of an element.
func (m *markup) open(name string, list ...attribute) {
	m.b.WriteByte('<')
	m.b.WriteString(name)
	for _, a := range list {
		m.b.WriteByte(' ')
		m.b.WriteString(a.name)
		m.b.WriteString(`="`)
		template.HTMLEscape(&m.b, []byte(a.value))
		m.b.WriteByte('"')
	}
	m.b.WriteByte('>')
}

func (m *markup) close(name string) {
	m.b.WriteString("</")
	m.b.WriteString(name)
	m.b.WriteByte('>')
}

// element writes an element with a text in it.
func (m *markup) element(name, text string, list ...attribute) {
	m.open(name, list...)
	template.HTMLEscape(&m.b, []byte(text))
	m.close(name)
}

// html is what was written.
func (m *markup) html() template.HTML {
	return template.HTML(m.b.String()) //nolint:gosec // every text and value in it is escaped
}

// picture begins an SVG with a name that is read aloud.
func (m *markup) picture(width, height float64, name string) {
	m.open("svg", has("viewBox", "0 0 %g %g", width, height), has("role", "img"), has("aria-label", "%s", name))
}

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
	var m markup
	m.picture(
		width,
		height,
		fmt.Sprintf("%s: %d bins from %s to %s", label, len(bins), text(bins[0].From), text(bins[len(bins)-1].To)),
	)
	w := width / float64(len(bins))
	for i, b := range bins {
		h := float64(b.Count) / float64(most) * (height - foot - 8)
		class := "up"
		if b.To <= 1e-12 {
			class = "down"
		}
		m.open("rect", has("class", "%s", class), has("x", "%.2f", float64(i)*w+0.5), has("y", "%.2f", height-foot-h),
			has("width", "%.2f", max(w-1, 0.5)), has("height", "%.2f", h))
		m.element("title", fmt.Sprintf("%s to %s: %d %s", text(b.From), text(b.To), b.Count, what))
		m.close("rect")
	}
	m.rule(0, width, height-foot)
	for i, b := range bins {
		if i%max(len(bins)/5, 1) == 0 {
			at, anchor := float64(i)*w, "start"
			if at > width-50 {
				at, anchor = width, "end"
			}
			m.element("text", text(b.From), has("x", "%.2f", at), has("y", "%g", height-6), has("text-anchor", "%s", anchor))
		}
	}
	m.close("svg")
	return m.html()
}

// rule draws a horizontal line.
func (m *markup) rule(from, to, y float64) {
	m.element(
		"line",
		"",
		has("class", "rule"),
		has("x1", "%g", from),
		has("x2", "%g", to),
		has("y1", "%.2f", y),
		has("y2", "%.2f", y),
	)
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
	var m markup
	m.open("table", has("class", "fall"))
	m.open("tbody")
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
		m.open("tr")
		m.element("th", p.name, has("scope", "row"))
		m.open("td", has("class", "track"))
		m.open("svg", has("viewBox", "0 0 100 10"), has("preserveAspectRatio", "none"), has("aria-hidden", "true"))
		m.element(
			"rect",
			"",
			has("class", "%s", class),
			has("x", "%.2f", a),
			has("y", "0"),
			has("width", "%.2f", max(b-a, 0.3)),
			has("height", "10"),
		)
		m.close("svg")
		m.close("td")
		m.element("td", text(p.v))
		m.close("tr")
	}
	m.close("tbody")
	m.close("table")
	return m.html()
}
