package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/exchangetest"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// The simulator passes the suite on every kind of data, near and far, on linear and on
// inverse contracts.
func TestConformance(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	symbols := []string{"XBTUSD", "XBTUSDT"}
	for i, data := range []string{"bars", "trades", "quotes", "book", "orders"} {
		for j, delay := range []string{"0", "30ms/170ms", "lognormal:50ms:1"} {
			symbol := symbols[(i+j)%2]
			t.Run(data+" "+delay+" "+symbol, func(t *testing.T) {
				exchangetest.Run(t, func(t *testing.T) exchangetest.Harness { return harness(t, set, data, delay, symbol) })
			})
		}
	}
}

func harness(t *testing.T, set *exchange.Instruments, data, delay, symbol string) exchangetest.Harness {
	t.Helper()
	i, err := set.Lookup("bitmex", symbol)
	require.NoError(t, err)
	latency, err := sim.ParseLatency(delay)
	require.NoError(t, err)
	x, err := sim.New(sim.Config{
		Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle, Balance: 1_000_000_000_000,
		Latency: latency, Depth: sim.DepthModel{Levels: 1}, Queue: sim.RiskAverse{},
		SlippageTicks: 1, Bars: sim.BarModel{VolumeShare: exchange.RatioUnit},
	})
	require.NoError(t, err)
	now, err := exchange.ParseTime("2023-05-01")
	require.NoError(t, err)
	m := &market{x: x, now: now, symbol: i.ID, last: 30_000 * exchange.PriceUnit}
	h := exchangetest.Harness{
		Exchange: x, Instrument: i, Price: m.last, Qty: 10 * i.At(now).LotSize,
		Now:   func() exchange.Time { return m.now },
		Quote: m.quote,
		Trade: m.trade,
		Mark:  func(k exchange.Mark) { m.event(exchange.MarkEvent(m.now, m.now, i.ID, k)) },
		Wait:  func(d time.Duration) { m.now = m.now.Add(d) },
	}
	switch data {
	case "book":
		h.Quote = m.book
	case "orders":
		h.Quote = m.orders
	case "trades":
		h.Sight = exchangetest.Trades
		h.Quote = func(bid, ask exchange.Level) { m.trade(between(bid, ask)) }
	case "bars":
		h.Sight = exchangetest.Bars
		h.Quote = func(bid, ask exchange.Level) { m.bar(between(bid, ask)) }
		h.Trade = m.bar
		h.Wait = func(d time.Duration) { m.now = m.now.Add(d); m.stay() }
	}
	return h
}

// between is a trade in the middle of a best bid and ask.
func between(bid, ask exchange.Level) exchange.Trade {
	return exchange.Trade{Side: exchange.Buy, Price: (bid.Price + ask.Price) / 2, Qty: bid.Qty}
}

type market struct {
	x      *sim.Exchange
	now    exchange.Time
	symbol exchange.SymbolID
	last   exchange.Price // where the bar before ended
	volume exchange.Qty   // of the bar before
	told   exchange.Time  // when it was
	number uint64         // of the newest order of others
}

func (m *market) event(ev exchange.Event) { m.x.Market(&ev) }

func (m *market) trade(tr exchange.Trade) { m.event(exchange.TradeEvent(m.now, m.now, m.symbol, tr)) }

func (m *market) quote(bid, ask exchange.Level) {
	m.event(exchange.QuoteEvent(m.now, m.now, m.symbol, exchange.Quote{BidPrice: bid.Price, BidQty: bid.Qty, AskPrice: ask.Price, AskQty: ask.Qty}))
}

func (m *market) book(bid, ask exchange.Level) {
	m.event(exchange.LevelEvent(m.now, m.now, m.symbol, exchange.Buy, bid, exchange.FlagClear|exchange.FlagSnapshot))
	m.event(exchange.LevelEvent(m.now, m.now, m.symbol, exchange.Sell, ask, exchange.FlagSnapshot|exchange.FlagLast))
}

// bar lets the price go to that of a trade at once: the bar ends when it begins.
func (m *market) bar(tr exchange.Trade) {
	m.tell(
		exchange.Bar{Open: m.last, High: max(m.last, tr.Price), Low: min(m.last, tr.Price), Close: tr.Price, Volume: tr.Qty},
	)
}

func (m *market) tell(b exchange.Bar) {
	b.Symbol, b.Start, b.End = m.symbol, m.now, m.now.Add(1)
	m.last, m.volume, m.told = b.Close, b.Volume, m.now
	m.event(exchange.BarEvent(b))
}

// stay tells that the price is where it was, as bars without a gap between them do: an order
// that takes needs a price of now.
func (m *market) stay() {
	if m.last > 0 && m.now.Sub(m.told) > 500*time.Millisecond {
		m.tell(exchange.Bar{Open: m.last, High: m.last, Low: m.last, Close: m.last, Volume: m.volume, Quiet: true})
	}
}

func (m *market) orders(bid, ask exchange.Level) {
	order := func(side exchange.Side, l exchange.Level, flags exchange.Flags) {
		m.number++
		m.event(exchange.BookOrderEvent(m.now, m.now, m.symbol, side, exchange.BookOrder{ID: m.number, Price: l.Price, Qty: l.Qty}, flags))
	}
	order(exchange.Buy, bid, exchange.FlagClear|exchange.FlagSnapshot)
	order(exchange.Sell, ask, exchange.FlagSnapshot|exchange.FlagLast)
}
