package accounts_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/accounts"
	"github.com/dunamis-engine/dunamis/exchange/exchangetest"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// world is two accounts: one trades a contract of BitMEX near by, the other one of Binance
// far away.
type world struct {
	t         *testing.T
	x         *accounts.Exchange
	mex, bin  *exchange.Instrument
	near, far *sim.Exchange
	now       exchange.Time
	reports   []exchange.Report
}

func newWorld(t *testing.T) *world {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	w := &world{t: t}
	w.mex, err = set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	w.bin, err = set.Lookup("binance", "BTCUSD_PERP")
	require.NoError(t, err)
	w.now, err = exchange.ParseTime("2023-05-01")
	require.NoError(t, err)
	open := func(i *exchange.Instrument, latency sim.Latency) *sim.Exchange {
		x, err := sim.New(sim.Config{Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle, Balance: 1_000_000_000_000,
			Latency: latency, Depth: sim.DepthModel{Levels: 1}, Queue: sim.RiskAverse{}})
		require.NoError(t, err)
		return x
	}
	w.near, w.far = open(w.mex, sim.ConstantLatency{ToExchange: time.Millisecond, ToStrategy: time.Millisecond}),
		open(w.bin, sim.ConstantLatency{ToExchange: 30 * time.Millisecond, ToStrategy: 40 * time.Millisecond})
	w.x, err = accounts.New(
		accounts.Account{Name: "bitmex", Exchange: w.near, Symbols: []exchange.SymbolID{w.mex.ID}},
		accounts.Account{Name: "binance", Exchange: w.far, Symbols: []exchange.SymbolID{w.bin.ID}},
	)
	require.NoError(t, err)
	return w
}

func (w *world) quote(i *exchange.Instrument, bid, ask exchange.Level) {
	ev := exchange.QuoteEvent(w.now, w.now, i.ID, exchange.Quote{BidPrice: bid.Price, BidQty: bid.Qty, AskPrice: ask.Price, AskQty: ask.Qty})
	w.x.Market(&ev)
}

func (w *world) around(i *exchange.Instrument, price string) {
	tick := i.At(w.now).TickSize
	w.quote(i, exchange.Level{Price: exchange.MustPrice(price), Qty: 1e6}, exchange.Level{Price: exchange.MustPrice(price) + tick, Qty: 1e6})
}

// until lets time pass from instant to instant.
func (w *world) until(d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); ; {
		w.now = min(max(w.x.Next(), w.now), end)
		reports, err := w.x.Advance(w.t.Context(), w.now, nil)
		require.NoError(w.t, err)
		w.reports = append(w.reports, reports...)
		if w.now == end && w.x.Next() > end {
			return
		}
	}
}

func (w *world) submit(o exchange.NewOrder) exchange.ClientID {
	w.t.Helper()
	id, err := w.x.Submit(w.t.Context(), o)
	require.NoError(w.t, err)
	return id
}

func (w *world) of(kind exchange.ReportKind) (list []exchange.Report) {
	for n := range w.reports {
		if w.reports[n].Kind == kind {
			list = append(list, w.reports[n])
		}
	}
	return list
}

// Several accounts are an exchange like any other, for the symbol of each.
func TestConformance(t *testing.T) {
	for _, which := range []string{"first", "second"} {
		t.Run(which, func(t *testing.T) {
			exchangetest.Run(t, func(t *testing.T) exchangetest.Harness {
				w := newWorld(t)
				i := w.mex
				if which == "second" {
					i = w.bin
				}
				return exchangetest.Harness{
					Exchange: w.x, Instrument: i, Price: 30_000 * exchange.PriceUnit, Qty: 10 * i.At(w.now).LotSize,
					Now:   func() exchange.Time { return w.now },
					Quote: func(bid, ask exchange.Level) { w.quote(i, bid, ask) },
					Trade: func(tr exchange.Trade) {
						ev := exchange.TradeEvent(w.now, w.now, i.ID, tr)
						w.x.Market(&ev)
					},
					Mark: func(m exchange.Mark) {
						ev := exchange.MarkEvent(w.now, w.now, i.ID, m)
						w.x.Market(&ev)
					},
					Wait: func(d time.Duration) { w.now = w.now.Add(d) },
				}
			})
		})
	}
}

func TestTwoVenues(t *testing.T) {
	w := newWorld(t)
	w.around(w.mex, "30000")
	w.around(w.bin, "30010")
	w.until(time.Second)
	ctx := t.Context()

	// The far one is asked first, and heard of last.
	far := w.submit(exchange.NewOrder{Symbol: w.bin.ID, Side: exchange.Sell, Qty: 10, Type: exchange.Market})
	near := w.submit(exchange.NewOrder{Symbol: w.mex.ID, Side: exchange.Buy, Qty: 1000, Type: exchange.Market})
	require.NotEqual(t, near, far)
	w.until(time.Second)
	fills := w.of(exchange.ReportFill)
	require.Len(t, fills, 2)
	require.Equal(t, []exchange.ClientID{near, far}, []exchange.ClientID{fills[0].Fill.ClientID, fills[1].Fill.ClientID})
	require.NotEqual(t, fills[0].Fill.ExecID, fills[1].Fill.ExecID)
	require.Equal(t, exchange.OrderID("bitmex/sim-000001"), fills[0].Fill.OrderID)
	require.Equal(t, exchange.OrderID("binance/sim-000001"), fills[1].Order.OrderID)
	arrived := exchange.Time(0)
	for n := range w.reports {
		require.GreaterOrEqual(t, w.reports[n].Arrival, arrived)
		arrived = w.reports[n].Arrival
	}

	// Each pays from its own wallet.
	margins := w.of(exchange.ReportMargin)
	require.Equal(t, "bitmex", margins[0].Margin.Account)
	require.Equal(t, "binance", margins[1].Margin.Account)
	require.Equal(t, w.near.Account().Margin().Wallet, margins[0].Margin.Wallet)
	require.Equal(t, w.far.Account().Margin().Wallet, margins[1].Margin.Wallet)
	all := exchange.PortfolioOf(w.mex.Settle, []exchange.Margin{w.near.Account().Margin(), w.far.Account().Margin()},
		[]*exchange.Instrument{w.mex, w.bin}, func(exchange.SymbolID) exchange.Price { return 30_000 * exchange.PriceUnit })
	require.Equal(t, []string{"BTC"}, all.Unvalued, "one bitcoin is the other by convention only")

	// Orders are found by the ids that were reported.
	rests := w.submit(exchange.NewOrder{Symbol: w.bin.ID, Side: exchange.Buy, Qty: 10, Price: exchange.MustPrice("29000")})
	w.until(time.Second)
	orders := w.of(exchange.ReportOrder)
	id := orders[len(orders)-1].Order.OrderID
	require.Equal(t, rests, orders[len(orders)-1].Order.ClientID)
	price := exchange.MustPrice("29001")
	require.NoError(t, w.x.Amend(ctx, exchange.AmendOrder{Symbol: w.bin.ID, OrderID: id, Price: &price}))
	require.NoError(t, w.x.Cancel(ctx, exchange.CancelOrder{Symbol: w.bin.ID, OrderID: id}))
	w.until(time.Second)
	orders = w.of(exchange.ReportOrder)
	require.Equal(t, exchange.Canceled, orders[len(orders)-1].Order.Status)
	require.Equal(t, price, orders[len(orders)-1].Order.Price)
	require.Equal(t, id, orders[len(orders)-1].Order.OrderID)

	// What is for all goes to all.
	for _, i := range []*exchange.Instrument{w.mex, w.bin} {
		w.submit(exchange.NewOrder{Symbol: i.ID, Side: exchange.Buy, Qty: 10 * i.At(w.now).LotSize, Price: exchange.MustPrice("20000")})
	}
	w.until(time.Second)
	require.Equal(t, []int{1, 1}, []int{w.near.Account().Open(w.mex.ID), w.far.Account().Open(w.bin.ID)})
	require.NoError(t, w.x.CancelAllAfter(ctx, time.Second))
	w.until(2 * time.Second)
	require.Equal(t, []int{0, 0}, []int{w.near.Account().Open(w.mex.ID), w.far.Account().Open(w.bin.ID)})
	for _, i := range []*exchange.Instrument{w.mex, w.bin} {
		_, err := w.x.ClosePosition(ctx, i.ID)
		require.NoError(t, err)
	}
	w.now = w.now.Add(45 * time.Millisecond)
	arrivedNow := w.advance()
	require.Greater(t, len(w.x.Drain(arrivedNow)), len(arrivedNow), "the far ones are on their way")
	require.Zero(t, w.near.Account().Position(w.mex.ID).Qty)
	require.Zero(t, w.far.Account().Position(w.bin.ID).Qty)

	require.NoError(t, w.x.Close())
	require.ErrorIs(t, w.x.CancelAll(ctx, exchange.CancelFilter{AllSymbol: true}), exchange.ErrClosed)
	_, err := w.x.Advance(ctx, w.now, nil)
	require.ErrorIs(t, err, exchange.ErrClosed)
	require.ErrorContains(t, err, "bitmex: ")
}

// advance takes what has arrived by now.
func (w *world) advance() []exchange.Report {
	reports, err := w.x.Advance(w.t.Context(), w.now, nil)
	require.NoError(w.t, err)
	return reports
}

// spread buys on one venue what it sells on the other, once.
type spread struct {
	t       *testing.T
	done    bool
	margins map[string]exchange.Margin
	view    exchange.Portfolio
}

func (s *spread) Init(*engine.Context) error { return nil }

func (s *spread) OnQuote(ctx *engine.Context, _ exchange.SymbolID, _ exchange.Quote) {
	first, second := ctx.Symbols()[0], ctx.Symbols()[1]
	if s.done || ctx.Quote(first).AskPrice == 0 || ctx.Quote(second).BidPrice == 0 {
		return
	}
	s.done = true
	for _, o := range []struct {
		symbol exchange.SymbolID
		qty    exchange.Qty
	}{{first, 1000}, {second, -10}} {
		_, err := ctx.Market(o.symbol, o.qty)
		require.NoError(s.t, err)
	}
}

func (s *spread) OnStop(ctx *engine.Context) {
	s.margins["XBt"] = ctx.Margin()
	s.margins["BTC"], _ = ctx.MarginIn("BTC")
	s.view = ctx.Portfolio(ctx.Instrument(ctx.Symbols()[0]).Settle)
}

// quotesOf is a feed of two markets.
type quotesOf struct{ events []exchange.Event }

func (f *quotesOf) Next(_ context.Context, into []exchange.Event) (int, error) {
	if len(f.events) == 0 {
		return 0, io.EOF
	}
	n := copy(into, f.events)
	f.events = f.events[n:]
	return n, nil
}

func (*quotesOf) Close() error { return nil }

// A strategy in the engine trades on both, and sees the wallets of both.
func TestAStrategyOnTwoVenues(t *testing.T) {
	w := newWorld(t)
	var events []exchange.Event
	var sources []engine.Source
	for _, i := range []*exchange.Instrument{w.mex, w.bin} {
		sources = append(sources, engine.Source{Symbol: i.ID, Kind: exchange.KindQuote})
	}
	for n := range 10 {
		at := w.now.Add(time.Duration(n) * 100 * time.Millisecond)
		for k, i := range []*exchange.Instrument{w.mex, w.bin} {
			bid := exchange.MustPrice("30000") + exchange.Price(k*100)*exchange.PriceUnit
			ev := exchange.QuoteEvent(at, at, i.ID, exchange.Quote{BidPrice: bid, BidQty: 1e6, AskPrice: bid + exchange.PriceUnit, AskQty: 1e6})
			ev.Stream = uint16(k)
			events = append(events, ev)
		}
	}
	s := &spread{t: t, margins: map[string]exchange.Margin{}}
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Instruments: set, Symbols: []exchange.SymbolID{w.mex.ID, w.bin.ID}, Sources: sources,
		Feed: &quotesOf{events}, Exchange: w.x, Strategy: s, Margin: w.near.Account().Margin()})
	require.NoError(t, err)
	_, err = e.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, exchange.Qty(1000), w.near.Account().Position(w.mex.ID).Qty)
	require.Equal(t, exchange.Qty(-10), w.far.Account().Position(w.bin.ID).Qty)
	require.Equal(t, w.near.Account().Margin().Wallet, s.margins["XBt"].Wallet)
	require.Equal(t, "bitmex", s.margins["XBt"].Account)
	require.Equal(t, w.far.Account().Margin().Wallet, s.margins["BTC"].Wallet)
	require.Equal(t, "binance", s.margins["BTC"].Account)
	require.Equal(t, []string{"BTC"}, s.view.Unvalued)
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t)
	good := accounts.Account{Name: "a", Exchange: w.near, Symbols: []exchange.SymbolID{1}}
	for field, list := range map[string][]accounts.Account{
		"accounts": nil,
		"name":     {good, good},
		"exchange": {{Name: "a", Symbols: []exchange.SymbolID{1}}},
		"symbols":  {good, {Name: "b", Exchange: w.far, Symbols: []exchange.SymbolID{1}}},
	} {
		_, err := accounts.New(list...)
		var wrong *exchange.ValidationError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, field, wrong.Field)
	}
	_, err := accounts.New(accounts.Account{Name: "a/b", Exchange: w.near, Symbols: []exchange.SymbolID{1}})
	require.Error(t, err)
	_, err = accounts.New(accounts.Account{Name: "a", Exchange: w.near})
	require.ErrorContains(t, err, "symbols")
}

// plain is an exchange without margin control.
type plain struct{ exchange.Exchange }

func TestMarginControl(t *testing.T) {
	w := newWorld(t)
	x, err := accounts.New(accounts.Account{Name: "a", Exchange: plain{w.near}, Symbols: []exchange.SymbolID{w.mex.ID}})
	require.NoError(t, err)
	require.ErrorIs(t, x.TransferMargin(t.Context(), w.mex.ID, 1), errors.ErrUnsupported)
	require.ErrorIs(t, x.SetRiskLimit(t.Context(), w.mex.ID, 1), errors.ErrUnsupported)
	require.ErrorIs(t, x.SetRiskLimit(t.Context(), w.bin.ID, 1), exchange.ErrUnknownSymbol)
	require.Empty(t, x.Drain(nil), "it cannot say what is on its way")
}
