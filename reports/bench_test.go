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

// BenchmarkSample is the cost of one sample, its row included.
func BenchmarkSample(b *testing.B) {
	w := &walk{margin: exchange.Margin{Wallet: 1e12, Balance: 1e12}, position: exchange.Position{Qty: 10_000, MarkPrice: exchange.MustPrice("7000")}}
	r, err := Create(b.TempDir(), testOptions(b, w, 1e12))
	require.NoError(b, err)
	at := testStart
	b.ReportAllocs()
	for b.Loop() {
		w.step()
		if err := r.Sample(at); err != nil {
			b.Fatal(err)
		}
		at = at.Add(time.Minute)
	}
	require.NoError(b, r.Abort(errTest, time.Time{}))
}

// BenchmarkFill is the cost of one fill with its order.
func BenchmarkFill(b *testing.B) {
	m := newModel(b, b.TempDir(), 1e15)
	m.sample()
	rep := m.trade(m.symbols[0], 100, exchange.MustPrice("7000.5"), exchange.ExecTrade)
	ids := make([]exchange.OrderID, 4096)
	for i := range ids {
		ids[i] = exchange.OrderID(time.Duration(i).String())
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rep.Order.OrderID = ids[i%len(ids)]
		rep.Fill.Time = rep.Fill.Time.Add(time.Second)
		if err := m.r.Report(&rep); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, m.r.Abort(errTest, time.Time{}))
}

// BenchmarkEmptyRun is what a directory costs: opening, syncing and renaming.
func BenchmarkEmptyRun(b *testing.B) {
	for b.Loop() {
		m := newModel(b, b.TempDir(), 1000)
		m.sample()
		m.finish()
	}
}
