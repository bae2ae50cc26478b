package cli_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/session"
)

// deskInstruments are what the venue of these tests trades, and no other.
const deskInstruments = `[{"venue": "desk", "symbol": "COIN", "kind": "inverse", "typ": "FFWCSX", "underlying": "XBT", "quote": "USD",
	"settle": {"code": "XBt", "major": "XBT", "scale": 8}, "multiplier": 100000000, "listing": "2016-05-13T12:00:00Z", "terms": [
	{"tickSize": 0.5, "lotSize": 100, "makerFee": -0.0001, "takerFee": 0.0005, "settleFee": 0, "initMargin": 0.01, "maintMargin": 0.005,
	"riskLimit": 20000000000, "riskStep": 10000000000, "maxQty": 10000000, "maxPrice": 1000000}]}]`

// deskVenue is a venue that lives as long as the process: a generated market that a
// simulated exchange trades on, by the wall clock.
func deskVenue() cli.Venue {
	var open *floor // of the newest feed
	return cli.Venue{
		Name: "desk", Address: "http://localhost:1", Env: "DESK", Secrets: []string{"TOKEN"}, Kinds: []exchange.EventKind{exchange.KindBook, exchange.KindTrade},
		Instruments: func(set *exchange.Instruments) error { return set.Load(strings.NewReader(deskInstruments)) },
		Feed: func(_ context.Context, a *cli.Access) (_ exchange.Feed, err error) {
			open, err = openFloor(a)
			return open, err
		},
		Account: func(_ context.Context, a *cli.Access, _ *live.Known, _ func(live.Notice)) (session.Venue, error) {
			if a.Secret("TOKEN").Reveal() != "sesame" {
				return nil, fmt.Errorf("token %s is wrong", a.Secret("TOKEN"))
			}
			return desk{floor: open}, open.say(exchange.Report{Kind: exchange.ReportMargin, Symbol: a.Symbols[0], Margin: open.sim.Account().Margin()})
		},
		Examine: func(_ context.Context, a *cli.Access) (*cli.Examination, error) {
			x := &cli.Examination{Answer: time.Millisecond, Told: true}
			if !a.Secret("TOKEN").Empty() {
				x.Permissions = []string{"order"}
			}
			return x, nil
		},
	}
}

// floor is the market and the account of a desk.
type floor struct {
	prices exchange.Feed
	ready  chan struct{}

	mu      sync.Mutex
	sim     *sim.Exchange
	now     exchange.Time
	reports []exchange.Report
}

func openFloor(a *cli.Access) (*floor, error) {
	inst := a.Instruments.Get(a.Symbols[0])
	begun := exchange.TimeOf(time.Now())
	prices, err := synth.New(synth.Config{Instrument: inst, From: begun, To: begun.Add(24 * time.Hour), Seed: 1, Kinds: []string{"book", "trade"}})
	if err != nil {
		return nil, err
	}
	x, err := sim.New(sim.Config{Instruments: a.Instruments, Symbols: a.Symbols, Currency: inst.Settle, Balance: 1_000_000_000, Queue: sim.RiskAverse{}})
	return &floor{prices: prices, sim: x, ready: make(chan struct{}, 1)}, err
}

// Next implements exchange.Feed: it hears a message every few milliseconds, and the
// exchange does so before anybody else.
func (f *floor) Next(ctx context.Context, events []exchange.Event) (int, error) {
	select {
	case <-time.After(2 * time.Millisecond):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	n := 0
	for n == 0 || events[n-1].Flags&exchange.FlagLast == 0 {
		if _, err := f.prices.Next(ctx, events[n:n+1]); err != nil {
			return n, err
		}
		n++
	}
	return n, f.do(ctx, func(x *sim.Exchange) error {
		for i := range events[:n] {
			events[i].Time, events[i].Arrival = f.now, f.now
			x.Market(&events[i])
		}
		return nil
	})
}

// do does something now, and takes what the exchange says of it.
func (f *floor) do(ctx context.Context, what func(*sim.Exchange) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = max(f.now+1, exchange.TimeOf(time.Now()))
	err := what(f.sim)
	before := len(f.reports)
	var failed error
	if f.reports, failed = f.sim.Advance(ctx, f.now, f.reports); failed != nil {
		return failed
	}
	for i := before; i < len(f.reports); i++ {
		f.reports[i].ExecID = f.reports[i].Fill.ExecID
	}
	f.wake()
	return err
}

func (f *floor) say(r exchange.Report) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, r)
	f.wake()
	return nil
}

func (f *floor) wake() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

func (f *floor) Close() error { return f.prices.Close() }

// desk is an account on a floor.
type desk struct{ floor *floor }

func (d desk) Submit(ctx context.Context, o exchange.NewOrder) (id exchange.ClientID, err error) {
	err = d.floor.do(ctx, func(x *sim.Exchange) (err error) { id, err = x.Submit(ctx, o); return err })
	return id, err
}

func (d desk) Amend(ctx context.Context, a exchange.AmendOrder) error {
	return d.floor.do(ctx, func(x *sim.Exchange) error { return x.Amend(ctx, a) })
}

func (d desk) Cancel(ctx context.Context, c exchange.CancelOrder) error {
	return d.floor.do(ctx, func(x *sim.Exchange) error { return x.Cancel(ctx, c) })
}

func (d desk) CancelAll(ctx context.Context, f exchange.CancelFilter) error {
	return d.floor.do(ctx, func(x *sim.Exchange) error { return x.CancelAll(ctx, f) })
}

func (d desk) ClosePosition(ctx context.Context, s exchange.SymbolID) (id exchange.ClientID, err error) {
	err = d.floor.do(ctx, func(x *sim.Exchange) (err error) { id, err = x.ClosePosition(ctx, s); return err })
	return id, err
}

func (d desk) SetLeverage(ctx context.Context, s exchange.SymbolID, leverage exchange.Ratio) error {
	return d.floor.do(ctx, func(x *sim.Exchange) error { return x.SetLeverage(ctx, s, leverage) })
}

func (d desk) CancelAllAfter(ctx context.Context, timeout time.Duration) error {
	return d.floor.do(ctx, func(x *sim.Exchange) error { return x.CancelAllAfter(ctx, timeout) })
}

func (d desk) Next() exchange.Time {
	d.floor.mu.Lock()
	defer d.floor.mu.Unlock()
	if len(d.floor.reports) == 0 {
		return exchange.Never
	}
	return d.floor.now
}

func (d desk) Advance(_ context.Context, _ exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	d.floor.mu.Lock()
	defer d.floor.mu.Unlock()
	reports = append(reports, d.floor.reports...)
	d.floor.reports = d.floor.reports[:0]
	return reports, nil
}

func (d desk) Ready() <-chan struct{}           { return d.floor.ready }
func (d desk) Flush(context.Context) error      { return nil }
func (d desk) First() (exchange.Time, []string) { return 0, nil }
func (d desk) Abandon() error                   { return nil }
func (d desk) Close() error                     { return nil }

// nag asks for orders whether there are prices or not: every 300 ms it takes its orders
// back and places two beside the newest prices, and every third time it trades.
type nag struct{ times int }

func nagDefinition() engine.Definition {
	return engine.Definition{Name: "nag", Summary: "asks for orders by the clock", New: func(engine.Values) (engine.Strategy, error) { return new(nag), nil }}
}

// Init implements engine.Strategy.
func (n *nag) Init(ctx *engine.Context) error {
	ctx.Every(300 * time.Millisecond)
	return nil
}

// OnTimer implements engine.TimerHandler. What the guard refuses is asked for again.
func (n *nag) OnTimer(ctx *engine.Context, _ engine.TimerID) {
	n.times++
	s, q := ctx.Symbol(), ctx.Quote(ctx.Symbol())
	if q.Mid() == 0 {
		return
	}
	_ = ctx.CancelAll(s)
	far := 20 * ctx.Terms(s).TickSize
	_, _ = ctx.Limit(s, 100, q.BidPrice-far, exchange.PostOnly)
	_, _ = ctx.Limit(s, -100, q.AskPrice+far, exchange.PostOnly)
	if n.times%3 == 0 {
		_, _ = ctx.Market(s, 100*exchange.Qty(1-n.times/3%2*2))
	}
}
