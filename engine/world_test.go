package engine_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// t0 is midnight of a day after the last dated change of the instruments used.
var t0 = exchange.TimeOf(time.Date(2022, 3, 1, 0, 0, 0, 0, time.UTC))

const (
	xbt exchange.SymbolID = 0
	eth exchange.SymbolID = 1
)

// instruments are two inverse contracts of one dollar in lots of one: XBTUSD and
// ETHUSD.
func instruments(t testing.TB) *exchange.Instruments {
	t.Helper()
	builtin, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	perp, err := builtin.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	set := new(exchange.Instruments)
	for _, symbol := range []string{"XBTUSD", "ETHUSD"} {
		in := *perp
		in.Symbol = symbol
		in.Terms = slices.Clone(perp.Terms)
		for i := range in.Terms {
			in.Terms[i].LotSize = 1
		}
		require.NoError(t, set.Add(&in))
	}
	return set
}

// at is a time of the day of t0.
func at(d time.Duration) exchange.Time { return t0.Add(d) }

// since prints a time as the tests write it.
func since(t exchange.Time) string { return t.Sub(t0).String() }

func price(p float64) exchange.Price { return exchange.MustPrice(fmt.Sprint(p)) }

func trade(d time.Duration, p float64, q exchange.Qty) exchange.Event {
	return exchange.TradeEvent(at(d), at(d), xbt, exchange.Trade{Side: exchange.Buy, Price: price(p), Qty: q})
}

func quote(d time.Duration, bid, ask float64) exchange.Event {
	return exchange.QuoteEvent(at(d), at(d), xbt, exchange.Quote{BidPrice: price(bid), BidQty: 10, AskPrice: price(ask), AskQty: 10})
}

func mark(d time.Duration, p float64) exchange.Event {
	return exchange.MarkEvent(at(d), at(d), xbt, exchange.Mark{Mark: price(p)})
}

func level(d time.Duration, side exchange.Side, p float64, q exchange.Qty, f exchange.Flags) exchange.Event {
	return exchange.LevelEvent(at(d), at(d), xbt, side, exchange.Level{Price: price(p), Qty: q}, f)
}

// bar is a bar that begins at d and closes at p.
func bar(d, interval time.Duration, p float64) exchange.Event {
	return exchange.BarEvent(exchange.Bar{Symbol: xbt, Start: at(d), End: at(d + interval), Open: price(p), High: price(p),
		Low: price(p), Close: price(p), Volume: 100, Turnover: 7, Trades: 3})
}

// arrives changes when the strategy hears of an event.
func arrives(ev exchange.Event, d time.Duration) exchange.Event {
	ev.Arrival = at(d)
	return ev
}

func onStream(ev exchange.Event, stream uint16) exchange.Event {
	ev.Stream = stream
	return ev
}

// list is a feed of given events that gives at most rows at a time.
type list struct {
	events []exchange.Event
	rows   int
	fail   error // instead of io.EOF
	closed bool
}

func (l *list) Next(_ context.Context, events []exchange.Event) (int, error) {
	if len(l.events) == 0 {
		if l.fail != nil {
			return 0, l.fail
		}
		return 0, io.EOF
	}
	n := min(len(l.events), len(events))
	if l.rows > 0 {
		n = min(n, l.rows)
	}
	copy(events, l.events[:n])
	l.events = l.events[n:]
	return n, nil
}

func (l *list) Close() error { l.closed = true; return nil }

// venue is an exchange that fills whatever it is sent: commands travel for entry,
// reports for response. It writes what it does into the journal.
type venue struct {
	journal  *journal
	entry    time.Duration
	response time.Duration
	travel   []command
	reports  []exchange.Report
	refuse   error // of Submit
	broken   error // of Advance
	now      exchange.Time
	resting  []exchange.Order
	held     map[exchange.SymbolID]exchange.Qty // positions
	ignores  int                                // so many requests to cancel or close arrive and are not carried out
	thin     exchange.Qty                       // so much of a position is closed by one order; 0: all
	invalid  int                                // so many requests to cancel or close are refused at once
	closings int
}

// ignored reports whether a request is one of those that are not carried out.
func (v *venue) ignored() bool {
	v.ignores--
	return v.ignores >= 0
}

// refused is the error of a request that is refused at once.
func (v *venue) refused() error {
	if v.invalid--; v.invalid >= 0 {
		return &exchange.ValidationError{Field: "symbol", Value: "x", Reason: "is not open"}
	}
	return nil
}

// end reports that an order is cancelled.
func (v *venue) end(o exchange.Order) {
	o.Status, o.Leaves = exchange.Canceled, 0
	v.report(exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecCanceled, Symbol: o.Symbol, Order: o})
}

type command struct {
	at exchange.Time
	do func(now exchange.Time)
}

func (v *venue) send(do func(now exchange.Time)) {
	v.travel = append(v.travel, command{at: v.now.Add(v.entry), do: do})
}

func (v *venue) report(r exchange.Report) {
	r.Time = v.now
	r.Arrival = v.now.Add(v.response)
	v.reports = append(v.reports, r)
}

func (v *venue) Submit(_ context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	if v.refuse != nil {
		return "", v.refuse
	}
	v.send(func(now exchange.Time) {
		v.journal.add(now, "venue takes %s %s %d", o.ClientID, o.Side, o.Qty)
		order := exchange.Order{ClientID: o.ClientID, Symbol: o.Symbol, Side: o.Side, Qty: o.Qty, Leaves: o.Qty, Price: o.Price,
			Type: o.Type, Status: exchange.New}
		v.report(exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecNew, Symbol: o.Symbol, Order: order})
		if o.Type != exchange.Market {
			v.resting = append(v.resting, order)
			return
		}
		if v.held == nil {
			v.held = map[exchange.SymbolID]exchange.Qty{}
		}
		v.held[o.Symbol] += o.Side.Signed(o.Qty)
		order.Status, order.Leaves, order.Filled = exchange.Filled, 0, o.Qty
		v.report(exchange.Report{Kind: exchange.ReportFill, ExecType: exchange.ExecTrade, Symbol: o.Symbol, Order: order,
			Fill: exchange.Fill{ClientID: o.ClientID, Symbol: o.Symbol, Side: o.Side, Qty: o.Qty, Position: o.Side.Signed(o.Qty)}})
	})
	return o.ClientID, nil
}

func (v *venue) Amend(_ context.Context, a exchange.AmendOrder) error {
	v.send(func(now exchange.Time) {
		v.report(exchange.Report{Kind: exchange.ReportReject, Reject: exchange.Reject{Command: "amend", ClientID: a.ClientID, Reason: "no"}})
	})
	return nil
}

func (v *venue) Cancel(_ context.Context, c exchange.CancelOrder) error {
	v.send(func(now exchange.Time) {
		v.journal.add(now, "venue cancels %s", c.ClientID)
		if v.ignored() {
			return
		}
		v.resting = slices.DeleteFunc(v.resting, func(o exchange.Order) bool { return o.ClientID == c.ClientID })
		v.report(exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecCanceled, Symbol: c.Symbol,
			Order: exchange.Order{ClientID: c.ClientID, Symbol: c.Symbol, Status: exchange.Canceled}})
	})
	return nil
}

func (v *venue) CancelAll(_ context.Context, f exchange.CancelFilter) error {
	if err := v.refused(); err != nil {
		return err
	}
	v.send(func(now exchange.Time) {
		v.journal.add(now, "venue cancels all of %d", f.Symbol)
		if v.ignored() {
			return
		}
		v.resting = slices.DeleteFunc(v.resting, func(o exchange.Order) bool {
			if o.Symbol == f.Symbol {
				v.end(o)
			}
			return o.Symbol == f.Symbol
		})
	})
	return nil
}

func (v *venue) ClosePosition(_ context.Context, s exchange.SymbolID) (exchange.ClientID, error) {
	if err := v.refused(); err != nil {
		return "", err
	}
	v.closings++
	id := exchange.ClientID(fmt.Sprintf("close-%d", v.closings))
	v.send(func(now exchange.Time) {
		v.journal.add(now, "venue closes %d", s)
		if v.held[s] == 0 {
			return
		}
		o := exchange.Order{
			ClientID: id,
			Symbol:   s,
			Side:     exchange.SideOf(-v.held[s]),
			Qty:      v.held[s].Abs(),
			Type:     exchange.Market,
		}
		if v.ignored() {
			o.Status, o.RejectReason = exchange.Rejected, "overloaded"
			v.report(exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecRejected, Symbol: s, Order: o})
			return
		}
		if o.Filled = o.Qty; v.thin > 0 {
			o.Filled = min(o.Qty, v.thin)
		}
		v.held[s] += o.Side.Signed(o.Filled)
		if o.Status = exchange.Filled; o.Filled < o.Qty {
			o.Status = exchange.Canceled
		}
		v.report(exchange.Report{Kind: exchange.ReportFill, ExecType: exchange.ExecTrade, Symbol: s, Order: o,
			Fill: exchange.Fill{ClientID: id, Symbol: s, Side: o.Side, Qty: o.Filled, Position: v.held[s]}})
	})
	return id, nil
}

func (v *venue) SetLeverage(_ context.Context, s exchange.SymbolID, l exchange.Ratio) error {
	v.send(func(now exchange.Time) { v.journal.add(now, "venue sets leverage of %d to %s", s, l) })
	return nil
}

func (v *venue) CancelAllAfter(context.Context, time.Duration) error { return nil }

func (v *venue) Next() exchange.Time {
	t := exchange.Never
	for _, c := range v.travel {
		t = min(t, c.at)
	}
	for i := range v.reports {
		t = min(t, v.reports[i].Arrival)
	}
	return t
}

func (v *venue) Advance(_ context.Context, now exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	v.now = now
	if v.broken != nil {
		return reports, v.broken
	}
	for len(v.travel) > 0 && v.travel[0].at <= now {
		c := v.travel[0]
		v.travel = v.travel[1:]
		c.do(now)
	}
	var later []exchange.Report
	for i := range v.reports {
		if v.reports[i].Arrival <= now {
			reports = append(reports, v.reports[i])
		} else {
			later = append(later, v.reports[i])
		}
	}
	v.reports = later
	return reports, nil
}

func (v *venue) Close() error { return nil }

// simulated is a venue that must be told of the market.
type simulated struct{ *venue }

func (s simulated) Market(ev *exchange.Event) {
	s.now = ev.Time
	s.journal.add(ev.Time, "market %s on %d", ev.Kind, ev.Stream)
}

// Drain gives the reports that have not arrived.
func (s simulated) Drain(reports []exchange.Report) []exchange.Report {
	return append(reports, s.reports...)
}

// journal is everything that happened, in order.
type journal struct{ lines []string }

func (j *journal) add(t exchange.Time, format string, args ...any) {
	j.lines = append(j.lines, since(t)+" "+fmt.Sprintf(format, args...))
}

// listener is a strategy that hears of everything and writes it down.
type listener struct {
	*journal
	init  func(ctx *engine.Context) error
	bar   func(ctx *engine.Context, b *engine.Bar)
	trade func(ctx *engine.Context, t exchange.Trade)
	timer func(ctx *engine.Context, id engine.TimerID)
	order func(ctx *engine.Context, o *exchange.Order)
	fill  func(ctx *engine.Context, f *exchange.Fill)
	gap   func(ctx *engine.Context)
	stop  func(ctx *engine.Context)
}

func (l *listener) Init(ctx *engine.Context) error {
	if l.init == nil {
		return nil
	}
	return l.init(ctx)
}

func (l *listener) OnBar(ctx *engine.Context, b *engine.Bar) {
	l.add(ctx.Now(), "bar %s from %s: %s %s %s %s, %d in %d", b.Spec, since(b.Start), b.Open, b.High, b.Low, b.Close, b.Volume, b.Trades)
	if l.bar != nil {
		l.bar(ctx, b)
	}
}

func (l *listener) OnTrade(ctx *engine.Context, s exchange.SymbolID, t exchange.Trade) {
	l.add(ctx.Now(), "trade of %d at %s", s, t.Price)
	if l.trade != nil {
		l.trade(ctx, t)
	}
}

func (l *listener) OnQuote(ctx *engine.Context, s exchange.SymbolID, q exchange.Quote) {
	l.add(ctx.Now(), "quote of %d %s/%s", s, q.BidPrice, q.AskPrice)
}

func (l *listener) OnBook(ctx *engine.Context, s exchange.SymbolID, b exchange.BookView) {
	l.add(ctx.Now(), "book of %d %s/%s", s, b.Bid().Price, b.Ask().Price)
}

func (l *listener) OnMark(ctx *engine.Context, s exchange.SymbolID, m exchange.Mark) {
	l.add(ctx.Now(), "mark of %d %s, index %s", s, m.Mark, m.Index)
}

func (l *listener) OnOrder(ctx *engine.Context, o *exchange.Order, what exchange.ExecType) {
	l.add(ctx.Now(), "order %s %s", o.ClientID, what)
	if l.order != nil {
		l.order(ctx, o)
	}
}

func (l *listener) OnFill(ctx *engine.Context, f *exchange.Fill) {
	l.add(ctx.Now(), "fill %s %d, holds %d", f.ClientID, f.Qty, f.Position)
	if l.fill != nil {
		l.fill(ctx, f)
	}
}

func (l *listener) OnPosition(ctx *engine.Context, p *exchange.Position) {
	l.add(ctx.Now(), "position %d", p.Qty)
}

func (l *listener) OnFunding(ctx *engine.Context, p *exchange.FundingPayment) {
	l.add(ctx.Now(), "funding %d", p.Amount)
}

func (l *listener) OnReject(ctx *engine.Context, r *exchange.Reject) {
	l.add(ctx.Now(), "reject %s of %s", r.Command, r.ClientID)
}

func (l *listener) OnTimer(ctx *engine.Context, id engine.TimerID) {
	l.add(ctx.Now(), "timer %d", id)
	if l.timer != nil {
		l.timer(ctx, id)
	}
}

func (l *listener) OnGap(ctx *engine.Context, s exchange.SymbolID, from, to exchange.Time) {
	l.add(ctx.Now(), "gap of %d from %s to %s", s, since(from), since(to))
	if l.gap != nil {
		l.gap(ctx)
	}
}

func (l *listener) OnStop(ctx *engine.Context) {
	l.add(ctx.Now(), "stop")
	if l.stop != nil {
		l.stop(ctx)
	}
}

// run is one run of a listener over a list of events at a simulated venue.
type run struct {
	engine   *engine.Engine
	journal  journal
	listener listener
	venue    venue
	feed     list
	config   engine.Config
	summary  engine.Summary
}

func newRun(t testing.TB, events ...exchange.Event) *run {
	t.Helper()
	r := &run{feed: list{events: events}}
	r.listener.journal = &r.journal
	r.venue.journal = &r.journal
	r.config = engine.Config{Instruments: instruments(t), Symbols: []exchange.SymbolID{xbt}, Feed: &r.feed,
		Exchange: simulated{&r.venue}, Strategy: &r.listener, Sources: sourcesOf(events)}
	return r
}

// sourcesOf lists what a feed carries, as the catalog does.
func sourcesOf(events []exchange.Event) []engine.Source {
	var out []engine.Source
	for i := range events {
		src := engine.Source{Symbol: events[i].Symbol, Kind: events[i].Kind}
		if src.Kind == exchange.KindBar {
			src.Interval = events[i].BarInterval()
		}
		if !slices.Contains(out, src) {
			out = append(out, src)
		}
	}
	return out
}

func (r *run) run(t testing.TB) error {
	t.Helper()
	e, err := engine.New(r.config)
	require.NoError(t, err)
	r.engine = e
	r.summary, err = e.RunRecovered(t.Context())
	return err
}

// lines runs and returns the journal.
func (r *run) lines(t testing.TB) []string {
	t.Helper()
	require.NoError(t, r.run(t))
	return r.journal.lines
}

// heard runs and returns the lines of the journal that begin with one of the words.
func (r *run) heard(t testing.TB, words ...string) []string {
	t.Helper()
	return slices.DeleteFunc(r.lines(t), func(line string) bool {
		var when, word string
		_, err := fmt.Sscan(line, &when, &word)
		return err != nil || !slices.Contains(words, word)
	})
}

func of(ev exchange.Event, s exchange.SymbolID) exchange.Event {
	ev.Symbol = s
	return ev
}
