package sim

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Every script answers the same when its instruments have lots a thousand times as
// large and contracts worth a thousandth, its orders have a thousand times the
// quantity, and all the market shows is a few contracts more than that: these are no
// whole lot and must not be filled. Nearly all instruments of the scripts
// have a lot of 1, for which every rounding to lots does nothing.
func TestScriptsInLots(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) { runScript(t, name, 1000) })
	}
}

// countsContracts reports whether a command configures a model that is told of
// contracts or in which their number matters, or sends an order that walks so many
// levels that their odd contracts come to a lot.
func countsContracts(command string) bool {
	f := strings.Fields(command)
	switch f[0] {
	case "config":
		return strings.Contains(command, "impact=") || strings.Contains(command, "queue=prob-log")
	case "submit":
		return len(f[3]) > 6
	}
	return false
}

// inLots multiplies the lots of instruments, and makes a contract worth as much less.
func inLots(tb testing.TB, from *exchange.Instruments, lot exchange.Qty) *exchange.Instruments {
	tb.Helper()
	to := new(exchange.Instruments)
	for _, i := range from.All() {
		c := *i
		c.Terms = slices.Clone(i.Terms)
		for n := range c.Terms {
			c.Terms[n].LotSize *= lot
		}
		if c.Multiplier%int64(lot) != 0 {
			c.Divisor *= int64(lot)
		} else {
			c.Multiplier /= int64(lot)
			for n := range c.Terms {
				c.Terms[n].MaxQty *= lot
			}
		}
		require.NoError(tb, to.Add(&c))
	}
	return to
}

// oddLots multiplies the quantities of a market event and adds to those that are not 0:
// one contract to what is shown, and more to trades, which take what was shown.
func oddLots(e exchange.Event, lot exchange.Qty) exchange.Event {
	odd := exchange.Qty(1)
	if e.Kind == exchange.KindTrade {
		odd = 2
	}
	more := func(q exchange.Qty) exchange.Qty {
		if q == 0 {
			return 0
		}
		return q*lot + odd
	}
	scaled := e
	switch e.Kind {
	case exchange.KindTrade:
		v := e.Trade()
		v.Qty = more(v.Qty)
		scaled = exchange.TradeEvent(e.Time, e.Arrival, e.Symbol, v)
	case exchange.KindQuote:
		v := e.Quote()
		v.BidQty, v.AskQty = more(v.BidQty), more(v.AskQty)
		scaled = exchange.QuoteEvent(e.Time, e.Arrival, e.Symbol, v)
	case exchange.KindBook:
		v := e.Level()
		v.Qty = more(v.Qty)
		scaled = exchange.LevelEvent(e.Time, e.Arrival, e.Symbol, e.Side, v, e.Flags)
	case exchange.KindOrder:
		v := e.BookOrder()
		v.Qty = more(v.Qty)
		scaled = exchange.BookOrderEvent(e.Time, e.Arrival, e.Symbol, e.Side, v, e.Flags)
	case exchange.KindBar:
		v := e.Bar()
		v.Volume = more(v.Volume)
		scaled = exchange.BarEvent(v)
	}
	return scaled
}

// qty is a quantity as the script says it.
func (s *script) qty(q exchange.Qty) string {
	if q%s.lot != 0 {
		return fmt.Sprintf("%d/%d", q, s.lot)
	}
	return fmt.Sprint(int64(q / s.lot))
}

var quantities = regexp.MustCompile(`(position is |orderQty "|displayQty "|lot size: |want 0 to |in lots of ` +
	`)(-?[0-9]+)`)

// text is a text of the venue with its quantities as the script says them.
func (s *script) text(text string) string {
	if s.lot == 1 {
		return text
	}
	return quantities.ReplaceAllStringFunc(text, func(found string) string {
		part := quantities.FindStringSubmatch(found)
		q, err := exchange.ParseQty(part[2])
		require.NoError(s.tb, err)
		return part[1] + s.qty(q)
	})
}
