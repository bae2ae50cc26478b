package strategies_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/strategies"
)

// epoch is a midnight, so that bars and the tests' clocks are easy to read, and
// hours away from funding.
const (
	epoch  exchange.Time  = 1_600_041_600_000_000_000
	half                  = exchange.PriceUnit / 2 // a tick
	rich   exchange.Money = 1_000_000_000_000      // a balance that never is in the way
	minute                = time.Minute
)

// market returns two linear contracts without fees, with a tick of 0.5 and a lot
// of one: prices and quantities can be worked out by hand.
func market(t testing.TB) *exchange.Instruments {
	t.Helper()
	set := new(exchange.Instruments)
	for _, symbol := range []string{"ONE", "TWO"} {
		require.NoError(t, set.Add(&exchange.Instrument{
			Venue: "test", Symbol: symbol, Kind: exchange.Linear, Underlying: symbol, Quote: "USDT",
			Settle: exchange.Currency{Code: "USDt", Major: "USDT", Scale: 6}, Multiplier: 1000, Divisor: 1, ContractsPerUnit: 1,
			Terms: []exchange.Terms{{TickSize: half, LotSize: 1, InitMargin: exchange.MustRatio("0.01"),
				MaintMargin: exchange.MustRatio("0.005"), MaxQty: 1_000_000, MaxPrice: 1_000_000 * exchange.PriceUnit}},
		}))
	}
	return set
}

// events is a feed.
type events []exchange.Event

func (f *events) Next(_ context.Context, into []exchange.Event) (int, error) {
	if len(*f) == 0 {
		return 0, io.EOF
	}
	n := copy(into, *f)
	*f = (*f)[n:]
	return n, nil
}

func (f *events) Close() error { return nil }

// script is a run: what happens and who trades.
type script struct {
	strategy string
	params   map[string]string
	events   []exchange.Event
	latency  time.Duration  // of commands and of reports
	balance  exchange.Money // 0: rich
	symbols  int            // 0: one
	funding  exchange.Ratio // of each funding time
	// instead of the hand-made market
	instruments *exchange.Instruments
	symbol      exchange.SymbolID
}

// command is something that a strategy asked of the exchange.
type command struct {
	at     exchange.Time
	submit *exchange.NewOrder
	amend  *exchange.AmendOrder
	cancel exchange.ClientID
	id     exchange.ClientID // of a new order
}

// String is the form in which tests write commands down: "60s buy 10 Market".
func (c *command) String() string {
	s := c.at.Sub(epoch).String()
	switch {
	case c.submit != nil:
		o := c.submit
		s += fmt.Sprintf(" %s %d", o.Side, o.Qty)
		if o.Price != 0 {
			s += fmt.Sprintf(" at %s", o.Price)
		}
		if o.StopPrice != 0 {
			s += fmt.Sprintf(" stop %s", o.StopPrice)
		}
	case c.amend != nil:
		s += fmt.Sprintf(" amend %s to %s", c.amend.OrigClientID, *c.amend.Price)
	default:
		s += fmt.Sprintf(" cancel %s", c.cancel)
	}
	return s
}

// desk is the simulated exchange with a clerk who notes what is asked and what is
// answered.
type desk struct {
	*sim.Exchange
	now      exchange.Time
	commands []command
	reports  []exchange.Report
	logged   countErrors
	summary  engine.Summary
	end      exchange.Time
}

func (d *desk) Advance(ctx context.Context, now exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	d.now = max(d.now, now)
	return d.Exchange.Advance(ctx, now, reports)
}

func (d *desk) Market(ev *exchange.Event) {
	d.now = max(d.now, ev.Time)
	d.Exchange.Market(ev)
}

func (d *desk) Submit(ctx context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	id, err := d.Exchange.Submit(ctx, o)
	d.commands = append(d.commands, command{at: d.now, submit: &o, id: id})
	return id, err
}

func (d *desk) Amend(ctx context.Context, a exchange.AmendOrder) error {
	price := *a.Price
	a.Price = &price
	d.commands = append(d.commands, command{at: d.now, amend: &a})
	return d.Exchange.Amend(ctx, a)
}

func (d *desk) Cancel(ctx context.Context, c exchange.CancelOrder) error {
	d.commands = append(d.commands, command{at: d.now, cancel: c.ClientID})
	return d.Exchange.Cancel(ctx, c)
}

// Submitted implements engine.Observer.
func (d *desk) Submitted(exchange.SymbolID, exchange.ClientID, exchange.Price) {}

// Report implements engine.Observer.
func (d *desk) Report(r *exchange.Report) error {
	d.reports = append(d.reports, *r)
	return nil
}

// Sample implements engine.Observer.
func (d *desk) Sample(at exchange.Time) error {
	d.end = at
	return nil
}

// countErrors is a log that counts what strategies complain of: nothing here may
// be refused before it is sent.
type countErrors struct{ lines []string }

func (c *countErrors) Enabled(context.Context, slog.Level) bool { return true }
func (c *countErrors) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c *countErrors) WithGroup(string) slog.Handler            { return c }
func (c *countErrors) Handle(_ context.Context, r slog.Record) error {
	c.lines = append(c.lines, r.Message)
	return nil
}

// asked returns the commands as text.
func (d *desk) asked() []string {
	out := []string{}
	for i := range d.commands {
		out = append(out, d.commands[i].String())
	}
	return out
}

// between returns the commands of a stretch of time, both ends included, as text
// and sorted: their order at one instant is of no interest.
func (d *desk) between(from, to time.Duration) []string {
	out := []string{}
	for i := range d.commands {
		if c := &d.commands[i]; c.at >= epoch.Add(from) && c.at <= epoch.Add(to) {
			out = append(out, c.String())
		}
	}
	slices.Sort(out)
	return out
}

// fills returns the executions as text: "1m0s buy 10 at 100 → 10".
func (d *desk) fills() []string {
	out := []string{}
	for i := range d.reports {
		if r := &d.reports[i]; r.Kind == exchange.ReportFill {
			out = append(out, fmt.Sprintf("%s %s %d at %s → %d", r.Fill.Time.Sub(epoch), r.Fill.Side, r.Fill.Qty, r.Fill.Price,
				r.Fill.Position))
		}
	}
	return out
}

// open returns the orders that are still open at the end, by client id.
func (d *desk) open() map[exchange.ClientID]exchange.Order {
	out := make(map[exchange.ClientID]exchange.Order)
	for i := range d.reports {
		r := &d.reports[i]
		if r.Kind != exchange.ReportOrder && r.Kind != exchange.ReportFill || r.Order.ClientID == "" {
			continue
		}
		if out[r.Order.ClientID] = r.Order; r.Order.Status.Final() {
			delete(out, r.Order.ClientID)
		}
	}
	return out
}

// resting returns the open orders as text, sorted.
func (d *desk) resting() []string {
	out := []string{}
	for _, o := range d.open() {
		out = append(out, fmt.Sprintf("%s %d at %s", o.Side, o.Leaves, max(o.Price, o.StopPrice)))
	}
	slices.Sort(out)
	return out
}

// position is the position at the end.
func (d *desk) position() exchange.Qty {
	var q exchange.Qty
	for i := range d.reports {
		if d.reports[i].Kind == exchange.ReportFill {
			q = d.reports[i].Fill.Position
		}
	}
	return q
}

// count returns how many order reports say a thing.
func (d *desk) count(e exchange.ExecType) int {
	n := 0
	for i := range d.reports {
		if r := &d.reports[i]; r.Kind == exchange.ReportOrder && r.ExecType == e {
			n++
		}
	}
	return n
}

func definition(t testing.TB, name string) engine.Definition {
	t.Helper()
	for _, d := range strategies.All() {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no strategy %q", name)
	return engine.Definition{}
}

func build(t testing.TB, name string, params map[string]string) (engine.Strategy, error) {
	t.Helper()
	d := definition(t, name)
	v, err := d.Values(params)
	require.NoError(t, err)
	return d.New(v)
}

// play runs a script.
func play(t testing.TB, s *script) *desk {
	t.Helper()
	d := new(desk)
	e := wire(t, s, d)
	var err error
	d.summary, err = e.Run(t.Context())
	require.NoError(t, err)
	return d
}

func wire(t testing.TB, s *script, d *desk) *engine.Engine {
	t.Helper()
	strategy, err := build(t, s.strategy, s.params)
	require.NoError(t, err)
	set, symbols := s.instruments, []exchange.SymbolID{s.symbol}
	if set == nil {
		set = market(t)
	}
	if s.symbols == 2 {
		symbols = append(symbols, 1)
	}
	balance := s.balance
	if balance == 0 {
		balance = rich
	}
	d.Exchange, err = sim.New(sim.Config{Instruments: set, Symbols: symbols, Currency: set.Get(s.symbol).Settle, Balance: balance,
		FundingRate: s.funding, UseFundingRate: s.funding != 0,
		Latency: sim.ConstantLatency{ToExchange: s.latency, ToStrategy: s.latency}})
	require.NoError(t, err)
	feed := events(slices.Clone(s.events))
	e, err := engine.New(engine.Config{Instruments: set, Symbols: symbols, Sources: sourcesOf(s.events), Feed: &feed,
		Exchange: d, Strategy: strategy, Observer: d, Log: slog.New(&d.logged), BatchRows: 64,
		Margin: d.Account().Margin()})
	require.NoError(t, err)
	return e
}

// sourcesOf says what a feed carries.
func sourcesOf(list []exchange.Event) []engine.Source {
	var out []engine.Source
	for i := range list {
		s := engine.Source{Symbol: list[i].Symbol, Kind: list[i].Kind}
		if s.Kind == exchange.KindBar {
			s.Interval = list[i].BarInterval()
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// price reads whole and half prices.
func price(f float64) exchange.Price { return exchange.Price(f * float64(exchange.PriceUnit)) }

// closes makes a minute bar of each price, flat at it: the open is the close, so
// that a market order fills at the price of the bar that follows the decision.
func closes(prices ...float64) []exchange.Event {
	out := make([]exchange.Event, 0, len(prices))
	for _, p := range prices {
		out = append(out, bar(len(out), p, p, p, p))
	}
	return out
}

// bar is the n-th minute.
func bar(n int, open, high, low, closed float64) exchange.Event {
	start := epoch.Add(time.Duration(n) * minute)
	return exchange.BarEvent(exchange.Bar{Start: start, End: start.Add(minute), Open: price(open), High: price(high),
		Low: price(low), Close: price(closed), Volume: 1000, Trades: 10})
}

func quote(at time.Duration, bid, ask float64) exchange.Event {
	return exchange.QuoteEvent(epoch.Add(at), epoch.Add(at), 0,
		exchange.Quote{BidPrice: price(bid), BidQty: 1000, AskPrice: price(ask), AskQty: 1000})
}

func trade(at time.Duration, side exchange.Side, p float64, q exchange.Qty) exchange.Event {
	return exchange.TradeEvent(epoch.Add(at), epoch.Add(at), 0, exchange.Trade{Side: side, Price: price(p), Qty: q})
}

// with returns parameters: with("fast", "2", "slow", "3").
func with(pairs ...string) map[string]string {
	out := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

func requireParamError(t testing.TB, err error, strategy, name string) {
	t.Helper()
	var p *engine.ParamError
	require.ErrorAs(t, err, &p)
	require.Equal(t, strategy, p.Strategy)
	require.Equal(t, name, p.Name)
}
