package reports

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// walk is an account whose equity moves a little at each sample.
type walk struct {
	margin   exchange.Margin
	position exchange.Position
	totals   Totals
	state    uint64
}

func (w *walk) step() {
	w.state = w.state*6364136223846793005 + 1442695040888963407
	move := exchange.Money(w.state>>44) - 1<<19
	w.margin.Unrealised += move
	w.margin.Balance = w.margin.Wallet + w.margin.Unrealised
	w.position.MarkPrice += exchange.Price(move>>14) * exchange.PriceUnit / 2
	w.position.Unrealised = w.margin.Unrealised
}

func (w *walk) Margin(exchange.Time) exchange.Margin           { return w.margin }
func (w *walk) Position(s exchange.SymbolID) exchange.Position { return w.position }
func (w *walk) Totals() Totals                                 { return w.totals }

func BenchmarkYearOfMinutes(b *testing.B) {
	const rows = 525_600
	for b.Loop() {
		w := &walk{margin: exchange.Margin{Wallet: 1e12, Balance: 1e12}, position: exchange.Position{Qty: 10_000, MarkPrice: exchange.MustPrice("7000")}}
		r, err := Create(b.TempDir(), testOptions(b, w, 1e12))
		require.NoError(b, err)
		at := testStart
		for range rows {
			w.step()
			if err := r.Sample(at); err != nil {
				b.Fatal(err)
			}
			at = at.Add(time.Minute)
		}
		_, err = r.Finish(Outcome{})
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
