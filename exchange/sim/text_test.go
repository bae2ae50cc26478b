package sim

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// An amendment puts its line before the text, in place of the one before it.
func TestAmendedText(t *testing.T) {
	price, qty := exchange.PriceUnit, exchange.Qty(100)
	var j joined
	var move, grow, named amendment
	move.copyOf(&exchange.AmendOrder{Price: &price})
	grow.copyOf(&exchange.AmendOrder{Qty: &qty})
	named.copyOf(&exchange.AmendOrder{Price: &price, Text: "why"})
	o := order{Order: exchange.Order{Text: "Submitted via API."}}
	for _, step := range []struct {
		by   *amendment
		want string
	}{
		{&move, "Amended price: Amended via API.\nSubmitted via API."},
		{&move, "Amended price: Amended via API.\nSubmitted via API."},
		{&grow, "Amended orderQty: Amended via API.\nSubmitted via API."},
		{&move, "Amended price: Amended via API.\nSubmitted via API."},
		{&named, "Amended price: Amended via API.\nwhy\nSubmitted via API."},
	} {
		j.amended(&o, step.by)
		require.Equal(t, step.want, o.Text)
	}
}

// Texts that were put together before are what they would be.
func TestJoinedTexts(t *testing.T) {
	var j joined
	for range 3 {
		for _, first := range []string{"", "a", "b", "ab"} {
			for _, rest := range []string{"", "x", "y"} {
				require.Equal(t, withText(first, rest), j.join(first, rest))
			}
		}
	}
}

// However often an order is amended with an annotation, its text stays short, and whole
// runes.
func TestTextStaysShort(t *testing.T) {
	price := exchange.PriceUnit
	var j joined
	o := order{Order: exchange.Order{Text: "Submitted via API."}}
	for n := range 1000 {
		var a amendment
		a.copyOf(&exchange.AmendOrder{Price: &price, Text: strings.Repeat("é", n%(exchange.MaxText/2))})
		j.amended(&o, &a)
		require.LessOrEqual(t, len(o.Text), maxText)
		require.True(t, utf8.ValidString(o.Text))
		require.True(t, strings.HasPrefix(o.Text, "Amended price: Amended via API.\n"+a.text))
	}
}
