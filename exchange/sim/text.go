package sim

import (
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The venue writes what happened to an order before the text that the order has.

// inLiquidation refuses whatever would change a position that is being liquidated, or
// its orders, but for their end.
const inLiquidation = "Position is in liquidation"

// maxText is how many bytes of what happened to an order its text keeps: each amendment
// may bring an annotation of [exchange.MaxText] bytes.
const maxText = 4 * exchange.MaxText

// withText puts a line before a text; either may be empty. What is too long loses its end,
// which is the oldest of it.
func withText(first, rest string) string {
	switch "" {
	case first:
		return rest
	case rest:
		return first
	}
	whole := first + "\n" + rest
	if len(whole) <= maxText {
		return whole
	}
	return strings.ToValidUTF8(whole[:maxText], "")
}

// joined remembers texts that were put together: few are different.
type joined [61]struct{ first, rest, whole string }

// join is withText.
func (j *joined) join(first, rest string) string {
	e := &j[(len(first)+7*len(rest))%len(j)]
	if e.first != first || e.rest != rest {
		e.first, e.rest, e.whole = first, rest, withText(first, rest)
	}
	return e.whole
}

// amended puts what was amended before the text of an order, in place of what
// was amended before: an order that is moved a million times keeps a short text.
func (j *joined) amended(o *order, a *amendment) {
	if o.said == a.set && a.text == "" {
		return
	}
	o.said = a.set
	rest := o.Text
	if strings.HasPrefix(rest, "Amended ") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	o.Text = j.join(a.summary(), withText(a.text, rest))
}

// summary is the venue's line on what was amended.
func (a *amendment) summary() string {
	if a.set == newPrice {
		return "Amended price: Amended via API." // what market makers do all day
	}
	return "Amended " + strings.Join(a.fields(), " ") + ": Amended via API."
}

func (a *amendment) fields() (names []string) {
	for i, name := range amendedNames {
		if a.has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}
