package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/exchangetest"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// The simulator passes the suite with quotes and with books, near and far, on
// linear and on inverse contracts.
func TestConformance(t *testing.T) {
	for _, data := range []string{"quotes", "book"} {
		for _, delay := range []string{"0", "30ms/170ms", "lognormal:50ms:1"} {
			for _, symbol := range []string{"XBTUSD", "XBTUSDT"} {
				t.Run(data+" "+delay+" "+symbol, func(t *testing.T) {
					exchangetest.Run(t, func(t *testing.T) exchangetest.Harness { return harness(t, data, delay, symbol) })
				})
			}
		}
	}
}

func harness(t *testing.T, data, delay, symbol string) exchangetest.Harness {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", symbol)
	require.NoError(t, err)
	latency, err := sim.ParseLatency(delay)
	require.NoError(t, err)
	x, err := sim.New(sim.Config{
		Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle, Balance: 1_000_000_000_000,
		Latency: latency, Depth: sim.DepthModel{Levels: 1}, Queue: sim.RiskAverse{},
	})
	require.NoError(t, err)
	now, err := exchange.ParseTime("2023-05-01")
	require.NoError(t, err)
	m := &market{x: x, now: now, symbol: i.ID}
	quote := m.quote
	if data == "book" {
		quote = m.book
	}
	return exchangetest.Harness{
		Exchange: x, Instrument: i, Price: 30_000 * exchange.PriceUnit, Qty: 10 * i.At(now).LotSize,
		Now:   func() exchange.Time { return m.now },
		Quote: quote,
		Trade: func(tr exchange.Trade) { m.event(exchange.TradeEvent(m.now, m.now, i.ID, tr)) },
		Mark:  func(k exchange.Mark) { m.event(exchange.MarkEvent(m.now, m.now, i.ID, k)) },
		Wait:  func(d time.Duration) { m.now = m.now.Add(d) },
	}
}

type market struct {
	x      *sim.Exchange
	now    exchange.Time
	symbol exchange.SymbolID
}

func (m *market) event(ev exchange.Event) { m.x.Market(&ev) }

func (m *market) quote(bid, ask exchange.Level) {
	m.event(exchange.QuoteEvent(m.now, m.now, m.symbol, exchange.Quote{BidPrice: bid.Price, BidQty: bid.Qty, AskPrice: ask.Price, AskQty: ask.Qty}))
}

func (m *market) book(bid, ask exchange.Level) {
	m.event(exchange.LevelEvent(m.now, m.now, m.symbol, exchange.Buy, bid, exchange.FlagClear|exchange.FlagSnapshot))
	m.event(exchange.LevelEvent(m.now, m.now, m.symbol, exchange.Sell, ask, exchange.FlagSnapshot|exchange.FlagLast))
}
