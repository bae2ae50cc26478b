package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

func TestTimers(t *testing.T) {
	r := newRun(t, trade(90*time.Second, 1, 1), trade(5*time.Minute, 2, 1))
	var hourly, stopped engine.TimerID
	r.listener.init = func(ctx *engine.Context) error {
		require.EqualValues(t, 1, ctx.Every(time.Minute)) // at whole minutes
		require.EqualValues(t, 2, ctx.After(time.Minute)) // from now
		stopped = ctx.After(2 * time.Minute)
		hourly = ctx.Every(time.Hour)
		require.EqualValues(t, 5, ctx.After(-time.Second)) // now
		require.PanicsWithValue(t, "engine: Every needs a positive duration", func() { ctx.Every(0) })
		return nil
	}
	r.listener.timer = func(ctx *engine.Context, id engine.TimerID) {
		if id == 2 {
			require.True(t, ctx.StopTimer(stopped))
			require.False(t, ctx.StopTimer(stopped))
			require.False(t, ctx.StopTimer(2), "it has fired")
			require.True(t, ctx.StopTimer(hourly))
		}
	}
	require.Equal(t, []string{"1m30s timer 5", "2m0s timer 1", "2m30s timer 2", "3m0s timer 1", "4m0s timer 1", "5m0s timer 1"},
		r.heard(t, "timer"), "timers end with the data")
}

func TestCommandsInInitAreRefused(t *testing.T) {
	r := newRun(t, trade(0, 1, 1))
	r.listener.init = func(ctx *engine.Context) error {
		_, err := ctx.Market(xbt, 1)
		require.ErrorIs(t, err, engine.ErrNotStarted)
		_, err = ctx.ClosePosition(xbt)
		require.ErrorIs(t, err, engine.ErrNotStarted)
		for _, err := range []error{ctx.Amend(exchange.AmendOrder{}), ctx.Cancel(xbt, "a"), ctx.CancelAll(xbt), ctx.SetLeverage(xbt, 1),
			ctx.TransferMargin(xbt, 1), ctx.SetRiskLimit(xbt, 1)} {
			require.ErrorIs(t, err, engine.ErrNotStarted)
		}
		return nil
	}
	require.Equal(t, []string{"0s market trade on 0", "0s trade of 0 at 1", "0s stop"}, r.lines(t))
}

func TestCommandsReachTheExchange(t *testing.T) {
	r := newRun(t, trade(0, 1, 1), trade(time.Second, 1, 1))
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		if ctx.Now() != t0 {
			return
		}
		id, err := ctx.Limit(xbt, -7, price(2), exchange.PostOnly)
		require.NoError(t, err)
		require.NoError(t, ctx.Amend(exchange.AmendOrder{Symbol: xbt, ClientID: id, Price: new(price(3))}))
		require.NoError(t, ctx.Cancel(xbt, id))
		require.NoError(t, ctx.CancelAll(xbt))
		id, err = ctx.ClosePosition(xbt)
		require.NoError(t, err)
		require.Equal(t, exchange.ClientID("close-1"), id)
		require.NoError(t, ctx.SetLeverage(xbt, exchange.MustRatio("2.5")))
		id, err = ctx.Submit(exchange.NewOrder{ClientID: "mine", Symbol: xbt, Side: exchange.Buy, Qty: 1, Type: exchange.Market})
		require.NoError(t, err)
		require.Equal(t, exchange.ClientID("mine"), id)
	}
	require.Equal(t, []string{
		"0s market trade on 0", "0s trade of 0 at 1",
		"0s venue takes dun-1 Sell 7", "0s venue cancels dun-1", "0s venue cancels all of 0", "0s venue closes 0",
		"0s venue sets leverage of 0 to 2.5", "0s venue takes mine Buy 1",
		"0s order dun-1 New", "0s reject amend of dun-1", "0s order dun-1 Canceled",
		"0s order mine New", "0s fill mine 1, holds 1", "0s order mine Trade",
		"1s market trade on 0", "1s trade of 0 at 1", "1s stop",
	}, r.lines(t))
}

// Not every exchange has isolated margin to move.
func TestMarginControl(t *testing.T) {
	r := newRun(t, trade(0, 1, 1))
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		require.ErrorIs(t, ctx.TransferMargin(xbt, 1), errors.ErrUnsupported)
		require.ErrorIs(t, ctx.SetRiskLimit(xbt, 1), errors.ErrUnsupported)
	}
	r.lines(t)

	r = newRun(t, trade(0, 1, 1))
	r.config.Exchange = controlled{&r.venue}
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		require.NoError(t, ctx.TransferMargin(xbt, -7))
		require.NoError(t, ctx.SetRiskLimit(xbt, 9))
	}
	require.Subset(t, r.lines(t), []string{"0s venue moves -7 to 0", "0s venue sets the risk limit of 0 to 9"})
}

// controlled is a venue with margin control.
type controlled struct{ *venue }

func (v controlled) TransferMargin(_ context.Context, s exchange.SymbolID, amount exchange.Money) error {
	v.send(func(now exchange.Time) { v.journal.add(now, "venue moves %d to %d", amount, s) })
	return nil
}

func (v controlled) SetRiskLimit(_ context.Context, s exchange.SymbolID, limit exchange.Money) error {
	v.send(func(now exchange.Time) { v.journal.add(now, "venue sets the risk limit of %d to %d", s, limit) })
	return nil
}

// An account with several wallets reports each of them.
func TestWallets(t *testing.T) {
	r := newRun(t, trade(0, 50_000, 1), trade(time.Second, 50_000, 1))
	r.venue.reports = []exchange.Report{
		{Kind: exchange.ReportMargin, Margin: exchange.Margin{Currency: "XBt", Wallet: 100_000_000}},
		{Kind: exchange.ReportMargin, Margin: exchange.Margin{Currency: "USDt", Wallet: 7_000_000}},
		{Kind: exchange.ReportMargin, Margin: exchange.Margin{Currency: "XBt", Wallet: 200_000_000}},
	}
	r.listener.init = func(ctx *engine.Context) error {
		_, ok := ctx.MarginIn("USDt")
		require.False(t, ok)
		require.Equal(t, "XBt", ctx.Margin().Currency)
		return nil
	}
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		require.Equal(t, exchange.Money(200_000_000), ctx.Margin().Balance)
		m, ok := ctx.MarginIn("USDt")
		require.True(t, ok)
		require.Equal(t, exchange.Margin{Currency: "USDt", Wallet: 7_000_000, Balance: 7_000_000}, m)
		all := ctx.Portfolio(ctx.Instrument(xbt).Settle)
		require.Equal(t, []string{"USDt"}, all.Unvalued, "no symbol of the run settles in it")
		require.Equal(t, exchange.Money(200_000_000), all.Balance)
	}
	require.Len(t, r.heard(t, "trade"), 2)
}

// An order is in the view from the moment it is sent until its final report has
// arrived, and the position is what has been reported.
func TestOrdersInTheView(t *testing.T) {
	r := newRun(t, trade(0, 1, 1), trade(time.Second, 1, 1), trade(2*time.Second, 1, 1), trade(3*time.Second, 1, 1))
	r.venue.entry, r.venue.response = 700*time.Millisecond, 700*time.Millisecond
	var seen []string
	look := func(ctx *engine.Context) {
		line := since(ctx.Now())
		orders := ctx.Orders(xbt)
		for i := range orders {
			line += " " + string(orders[i].ClientID) + " " + orders[i].Status.String()
		}
		seen = append(seen, line)
	}
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		if ctx.Now() == t0 {
			_, err := ctx.Limit(xbt, 5, price(1), 0)
			require.NoError(t, err)
			_, err = ctx.Market(xbt, 3)
			require.NoError(t, err)
		}
		if ctx.Now() == at(time.Second) {
			require.Zero(t, ctx.PositionQty(xbt), "filled, and not heard of yet")
			require.NoError(t, ctx.Cancel(xbt, "dun-1"))
		}
		look(ctx)
	}
	r.listener.order = func(ctx *engine.Context, _ *exchange.Order) { look(ctx) }
	r.listener.fill = func(ctx *engine.Context, _ *exchange.Fill) { require.EqualValues(t, 3, ctx.PositionQty(xbt)) }
	require.NoError(t, r.run(t))
	require.Equal(t, []string{
		"0s dun-1 PendingNew dun-2 PendingNew",
		"1s dun-1 PendingNew dun-2 PendingNew",
		"1.4s dun-1 New dun-2 PendingNew",
		"1.4s dun-1 New dun-2 New",
		"1.4s dun-1 New",
		"2s dun-1 New",
		"2.4s",
		"3s",
	}, seen)
}

func TestRefusedOrdersAreCounted(t *testing.T) {
	r := newRun(t, trade(0, 1, 1))
	r.venue.refuse = errors.New("no such tick")
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		id, err := ctx.Market(xbt, 1)
		require.ErrorIs(t, err, r.venue.refuse)
		require.Empty(t, id)
		require.Empty(t, ctx.Orders(xbt))
	}
	require.NoError(t, r.run(t))
	require.EqualValues(t, 1, r.summary.Refused)
}

// The market and the account as the strategy reads them.
func TestViewOfMarketAndAccount(t *testing.T) {
	funding := exchange.FundingEvent(at(0), at(0), xbt, exchange.Funding{Rate: 5, Due: at(time.Hour)})
	r := newRun(t, funding, trade(time.Second, 100, 1), quote(2*time.Second, 200, 202), mark(3*time.Second, 125),
		level(4*time.Second, exchange.Buy, 99, 5, exchange.FlagClear|exchange.FlagSnapshot|exchange.FlagLast), trade(5*time.Second, 110, 1),
		exchange.MarkEvent(at(5*time.Second), at(5*time.Second), xbt, exchange.Mark{Index: price(126)}), trade(6*time.Second, 111, 1))
	r.config.Symbols = []exchange.SymbolID{xbt, eth}
	r.config.Margin = exchange.Margin{Currency: "XBt", Wallet: 1000, Available: 900}
	r.venue.reports = []exchange.Report{
		{Kind: exchange.ReportPosition, Position: exchange.Position{Symbol: xbt, Qty: 10, Cost: -20_000_000}, Arrival: at(0)},
		{Kind: exchange.ReportMargin, Margin: exchange.Margin{Currency: "XBt", Wallet: 5_000_000, Unrealised: 77, Balance: 78}, Arrival: at(3500 * time.Millisecond)},
		{Kind: exchange.ReportFunding, Funding: exchange.FundingPayment{Amount: -3}, Arrival: at(3500 * time.Millisecond)},
	}
	r.listener.init = func(ctx *engine.Context) error {
		require.Equal(t, t0, ctx.Now())
		require.Equal(t, []exchange.SymbolID{xbt, eth}, ctx.Symbols())
		require.Equal(t, xbt, ctx.Symbol())
		require.Equal(t, "ETHUSD", ctx.Instrument(eth).Symbol)
		require.EqualValues(t, 1000, ctx.Margin().Wallet)
		require.EqualValues(t, 1000, ctx.Margin().Balance)
		return nil
	}
	value := map[string]exchange.Money{}
	r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
		_, ok := ctx.Book(xbt)
		require.Equal(t, ctx.Now() > at(4*time.Second), ok)
		require.Equal(t, tr.Price, ctx.Last(xbt))
		require.Zero(t, ctx.Last(eth))
		require.Equal(t, exchange.Funding{Rate: 5, Due: at(time.Hour)}, ctx.Funding(xbt))
		value[since(ctx.Now())] = ctx.Position(xbt).Unrealised
		if ctx.Now() == at(6*time.Second) {
			require.Equal(t, exchange.Mark{Mark: price(125), Index: price(126)}, ctx.Mark(xbt), "what is not sent is unchanged")
			require.Equal(t, exchange.Quote{BidPrice: price(99), BidQty: 5}, ctx.Quote(xbt), "the top of the book")
			require.EqualValues(t, 5_000_000, ctx.Margin().Wallet)
			require.Equal(t, ctx.Position(xbt).Unrealised, ctx.Margin().Unrealised)
			require.Equal(t, ctx.Margin().Wallet+ctx.Margin().Unrealised, ctx.Margin().Balance)
		}
	}
	require.NoError(t, r.run(t))
	// Ten dollars at 100 are 0.1 XBT, at 125 0.08: a mark is better than a last price.
	require.Equal(t, map[string]exchange.Money{"1s": 10_000_000, "5s": 12_000_000, "6s": 12_000_000}, value)
	require.Contains(t, r.journal.lines, "3.5s funding -3")
	require.Contains(t, r.journal.lines, "0s position 10")
}

// Without marks and trades a position is worth the middle of the quote, and without
// that what was reported.
func TestPositionIsValuedAtTheMiddle(t *testing.T) {
	r := newRun(t, quote(0, 99, 101))
	r.venue.reports = []exchange.Report{{Kind: exchange.ReportPosition,
		Position: exchange.Position{Symbol: xbt, Qty: 10, Cost: -20_000_000, Unrealised: 5}}}
	r.listener.init = func(ctx *engine.Context) error { ctx.After(0); return nil }
	r.listener.timer = func(ctx *engine.Context, _ engine.TimerID) {
		p := ctx.Position(xbt)
		require.Equal(t, price(100), p.MarkPrice)
		require.EqualValues(t, 10_000_000, p.Unrealised)
	}
	r.listener.stop = func(ctx *engine.Context) { require.EqualValues(t, 5, ctx.PositionQty(eth)) }
	r.config.Symbols = []exchange.SymbolID{xbt, eth}
	r.venue.reports = append(r.venue.reports, exchange.Report{Kind: exchange.ReportPosition,
		Position: exchange.Position{Symbol: eth, Qty: 5, Unrealised: 5}})
	require.NoError(t, r.run(t))
}

// Terms are those of the day: XBTUSD's lot became 100 contracts on 2021-06-08.
func TestTermsFollowTheClock(t *testing.T) {
	builtin, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	in, err := builtin.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	day := func(s string, p float64) exchange.Event {
		when, err := exchange.ParseTime(s)
		require.NoError(t, err)
		return exchange.TradeEvent(when, when, in.ID, exchange.Trade{Side: exchange.Buy, Price: price(p), Qty: 100})
	}
	events := []exchange.Event{day("2017-11-01", 100), day("2021-06-07", 101), day("2021-06-09", 102), day("2024-09-01", 103)}
	r := newRun(t, events...)
	r.config.Instruments, r.config.Symbols = builtin, []exchange.SymbolID{in.ID}
	var lots []exchange.Qty
	var ticks []string
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		terms := ctx.Terms(in.ID)
		lots, ticks = append(lots, terms.LotSize), append(ticks, terms.TickSize.String())
	}
	require.NoError(t, r.run(t))
	require.Equal(t, []exchange.Qty{1, 1, 100, 100}, lots)
	require.Equal(t, []string{"0.1", "0.5", "0.5", "0.1"}, ticks)
}

// A book outlives a change of the tick.
func TestBookOutlivesAChangeOfTick(t *testing.T) {
	set := new(exchange.Instruments)
	in := *instruments(t).Get(xbt)
	finer := in.Terms[len(in.Terms)-1]
	in.Terms = append(in.Terms[:0:0], finer, finer)
	in.Terms[0].From, in.Terms[0].TickSize = 0, price(0.5)
	in.Terms[1].From, in.Terms[1].TickSize = at(time.Hour), price(0.1)
	require.NoError(t, set.Add(&in))
	r := newRun(t, level(0, exchange.Buy, 99.5, 5, exchange.FlagClear|exchange.FlagSnapshot|exchange.FlagLast),
		level(2*time.Hour, exchange.Sell, 99.6, 4, exchange.FlagLast))
	r.config.Instruments = set
	require.Equal(t, []string{"0s book of 0 99.5/0", "2h0m0s book of 0 99.5/99.6"}, r.heard(t, "book"))
}

func TestRandomnessIsSeeded(t *testing.T) {
	draw := func(seed uint64) (n uint64) {
		r := newRun(t, trade(0, 1, 1))
		r.config.Seed = seed
		r.listener.init = func(ctx *engine.Context) error { n = ctx.Rand().Uint64(); return nil }
		require.NoError(t, r.run(t))
		return n
	}
	first := draw(1)
	require.Equal(t, first, draw(1))
	require.NotEqual(t, first, draw(2))
}

func TestHaltEndsTheRun(t *testing.T) {
	var log strings.Builder
	r := newRun(t, trade(0, 1, 1), trade(time.Second, 2, 1), trade(2*time.Second, 3, 1))
	r.config.Log = slog.New(slog.NewTextHandler(&log, nil))
	r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
		if tr.Price == price(2) {
			ctx.Halt("seen enough")
			_, err := ctx.Market(xbt, 1)
			require.NoError(t, err)
		}
	}
	require.Equal(t, []string{"0s trade of 0 at 1", "1s trade of 0 at 2", "1s fill dun-1 1, holds 1", "1s stop"}, r.heard(t, "trade", "fill", "stop"),
		"the instant is completed")
	require.Equal(t, "seen enough", r.summary.Halted)
	require.Contains(t, log.String(), `reason="seen enough"`)
}
