package sim

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// operationsVar is the number of operations that TestRandomOperations does:
//
//	DUNAMIS_OPERATIONS=1000000 go test ./exchange/sim -run RandomOperations
const operationsVar = "DUNAMIS_OPERATIONS"

// operationsOfWorld is long enough for orders, positions and markets of every kind to
// meet; rapid makes a hundred worlds a round.
const (
	operationsOfWorld = 200
	someOperations    = 20_000
)

// Whatever is asked for, right or wrong, of whatever market: no panic, and every
// invariant holds after every operation.
func TestRandomOperations(t *testing.T) {
	total := someOperations
	if text := os.Getenv(operationsVar); text != "" {
		var err error
		total, err = strconv.Atoi(text)
		require.NoError(t, err, operationsVar)
	}
	c, done := testConfig(t), 0
	round := func(t *rapid.T) {
		kind := rapid.SampledFrom([]fidelity{fromBars, fromTrades, fromQuotes, fromBook, fromBook}).Draw(t, "data")
		w := &wild{world: newWorld(t, kind, anyConfig(t, c)), levelOrders: rapid.Bool().Draw(t, "orders known"),
			filled: map[exchange.OrderID]exchange.Qty{}, status: map[exchange.OrderID]exchange.OrderStatus{}, pos: map[exchange.SymbolID]exchange.Qty{}}
		if kind != fromBook {
			w.levelOrders = false
		}
		w.tell(w.opening())
		for range operationsOfWorld {
			w.now = w.now.Add(time.Duration(w.int(0, 2000, "ms")) * time.Millisecond)
			w.mid = min(max(w.mid, 100*half), 400*half) // a market has a price
			w.until(w.now)
			w.operate()
			w.until(w.now)
			w.look()
			done++
		}
	}
	for done < total {
		rapid.Check(t, round)
	}
	t.Logf("%d operations", done)
}

// wild is a world in which requests need not make sense. It holds what must be true
// against every report as it comes.
type wild struct {
	*world
	levelOrders bool // the book is told by an order for each of its levels
	short       bool // a snapshot may not have reached to our prices, so that what is there is not known

	seen    int // of the reports
	filled  map[exchange.OrderID]exchange.Qty
	status  map[exchange.OrderID]exchange.OrderStatus
	pos     map[exchange.SymbolID]exchange.Qty
	made    exchange.Time
	arrived exchange.Time
}

// tell gives the exchange events, those of a book as orders if they are to be known.
func (w *wild) tell(events []exchange.Event) {
	for _, ev := range events {
		ev.Time = w.now
		if ev.Kind != exchange.KindBar {
			ev.Arrival = w.now
		}
		if w.levelOrders && ev.Kind == exchange.KindBook {
			l := ev.Level()
			id := uint64(l.Price/half)*2 + uint64(ev.Side) // one order a level, and some behind it
			ev.SetBookOrder(w.now, w.now, 0, ev.Side, exchange.BookOrder{ID: id, Price: l.Price, Qty: l.Qty}, ev.Flags)
		}
		w.x.Market(&ev)
	}
}

// operate does anything.
func (w *wild) operate() {
	ctx := context.Background()
	sym := exchange.SymbolID(max(w.int(-6, 4, "symbol"), 0)) // mostly the first; the last are not traded
	var err error
	switch w.int(0, 19, "operation") {
	default:
		w.tell(w.market())
	case 7:
		w.tell(w.rareMarket())
	case 8, 9, 10, 11:
		o := w.order()
		o.Symbol = sym
		if w.int(0, 3, "spoilt") == 0 {
			w.spoil(o)
		}
		var id exchange.ClientID
		if id, err = w.x.Submit(ctx, *o); err == nil {
			w.ids = append(w.ids, id)
		}
	case 12, 13:
		a := w.wildAmend()
		a.Symbol = sym
		err = w.x.Amend(ctx, a)
	case 14, 15:
		err = w.x.Cancel(ctx, exchange.CancelOrder{Symbol: sym, ClientID: w.someID()})
	case 16:
		err = w.x.CancelAll(ctx, exchange.CancelFilter{Symbol: sym, AllSymbol: w.int(0, 1, "all") == 0, Side: exchange.Side(w.int(0, 3, "side"))})
	case 17:
		_, err = w.x.ClosePosition(ctx, sym)
	case 18:
		switch w.int(0, 2, "account") {
		case 0:
			err = w.x.SetLeverage(ctx, sym, exchange.Ratio(w.int(-1, 120, "leverage"))*exchange.RatioUnit)
		case 1:
			err = w.x.TransferMargin(ctx, sym, exchange.Money(w.int(-1000, 1000, "amount")))
		case 2:
			err = w.x.SetRiskLimit(ctx, sym, exchange.Money(w.int(-1, 1000, "limit"))*1_000_000)
		}
	case 19:
		err = w.x.CancelAllAfter(ctx, time.Duration(w.int(-1, 5, "seconds"))*time.Second)
	}
	if err != nil {
		require.NotEmpty(w.t, err.Error())
	}
}

// rareMarket is what a market seldom does.
func (w *wild) rareMarket() []exchange.Event {
	switch w.int(0, 5, "rare event") {
	case 0:
		return []exchange.Event{exchange.MarkEvent(0, 0, 0, exchange.Mark{Mark: w.price(8, "mark"), Index: w.price(8, "index")})}
	case 1:
		return []exchange.Event{exchange.FundingEvent(0, 0, 0, exchange.Funding{Rate: exchange.Ratio(w.int(-300, 300, "rate")) * exchange.RatioUnit / 100_000,
			Due: w.now.Add(time.Duration(w.int(-5, 5, "due")) * time.Second)})}
	case 2:
		return []exchange.Event{exchange.GapEvent(0, 0, 0, w.now, w.now.Add(time.Second))}
	case 3: // another symbol, and one that has bars too
		return []exchange.Event{exchange.TradeEvent(0, 0, exchange.SymbolID(w.int(1, 4, "other")), exchange.Trade{Side: exchange.Side(w.int(0, 2, "side")),
			Price: w.price(9, "at"), Qty: w.qty("traded")})}
	case 4: // a trade that nobody could have made
		return []exchange.Event{exchange.TradeEvent(0, 0, 0, exchange.Trade{Side: exchange.Side(w.int(0, 2, "side")), Price: exchange.Price(w.int(-1, 1, "at")),
			Qty: exchange.Qty(w.int(0, 1, "traded"))})}
	}
	if w.kind != fromBook {
		return nil
	}
	// A book that is sent again, crossed or not.
	w.short = !w.byOrder
	flags := exchange.FlagClear | exchange.FlagSnapshot
	var events []exchange.Event
	w.levels = [2]map[exchange.Price]exchange.Qty{{}, {}}
	for range w.int(1, 6, "levels") {
		side, p, q := exchange.Side(w.int(1, 2, "side")), w.price(6, "level"), w.qty("shows")
		w.levels[side-1][p] = q
		events = append(events, exchange.LevelEvent(0, 0, 0, side, exchange.Level{Price: p, Qty: q}, flags))
		flags = exchange.FlagSnapshot
	}
	events[len(events)-1].Flags |= exchange.FlagLast
	return events
}

// spoil makes some fields of an order anything.
func (w *wild) spoil(o *exchange.NewOrder) {
	for range w.int(1, 3, "fields") {
		switch w.int(0, 11, "field") {
		case 0:
			o.Side = exchange.Side(w.int(0, 3, "any side"))
		case 1:
			o.Qty = exchange.Qty(w.int(-3, 2_000_000_000, "any qty"))
		case 2:
			o.Price = exchange.Price(w.int(-5, 2_100_000, "any price")) * half / exchange.Price(w.int(1, 3, "off tick"))
		case 3:
			o.StopPrice = exchange.Price(w.int(-5, 500, "any stop")) * half
		case 4:
			o.Type = exchange.OrderType(w.int(0, 9, "any type"))
		case 5:
			o.TimeInForce = exchange.TimeInForce(w.int(0, 6, "any time"))
		case 6:
			o.ExecInst = exchange.ExecInst(w.int(0, 1<<10, "any instructions"))
		case 7:
			o.DisplayQty = exchange.Qty(w.int(-3, 40, "any display"))
		case 8:
			o.PegType, o.PegOffset = exchange.PegPriceType(w.int(0, 7, "any peg")), exchange.Price(w.int(-500, 500, "any offset"))*half
		case 9:
			o.LinkID, o.Contingency = w.group(), exchange.ContingencyType(w.int(0, 3, "any link"))
		case 10:
			o.ClientID = rapid.SampledFrom([]exchange.ClientID{"A", "B", "C", "an id that is longer than thirty-six bytes"}).Draw(w.t, "any id")
		case 11:
			*o = exchange.NewOrder{Side: o.Side, Qty: o.Qty}
		}
	}
}

// wildAmend amends anything of any order.
func (w *wild) wildAmend() exchange.AmendOrder {
	a := exchange.AmendOrder{OrigClientID: w.someID(), Text: "again"}
	for range w.int(1, 2, "fields") {
		p, q := w.price(8, "amended price"), exchange.Qty(w.int(-1, 40, "amended qty"))
		switch w.int(0, 5, "field") {
		case 0:
			a.Price = &p
		case 1:
			a.Qty = &q
		case 2:
			a.Leaves = &q
		case 3:
			a.StopPrice = &p
		case 4:
			offset := exchange.Price(w.int(-9, 9, "amended offset")) * half
			a.PegOffset = &offset
		case 5:
			a.ClientID = rapid.SampledFrom([]exchange.ClientID{"A", "B", "C", "D"}).Draw(w.t, "new id")
		}
	}
	return a
}

// look holds what has come against what must be true.
func (w *wild) look() {
	for ; w.seen < len(w.reports); w.seen++ {
		r := &w.reports[w.seen]
		require.LessOrEqual(w.t, w.made, r.Time)
		require.LessOrEqual(w.t, w.arrived, r.Arrival)
		require.LessOrEqual(w.t, r.Time, r.Arrival)
		w.made, w.arrived = r.Time, r.Arrival
		switch r.Kind {
		case exchange.ReportFill:
			w.fill(&r.Fill, &r.Order)
			w.change(r.ExecType, &r.Order)
		case exchange.ReportOrder:
			w.change(r.ExecType, &r.Order)
		}
	}
	if w.x.commands.due == exchange.Never && w.x.reports.arrival() == exchange.Never {
		// Nothing is on its way: the position rebuilt from the fills is the one kept.
		for id, s := range w.x.byID {
			if s == nil {
				continue
			}
			require.Equal(w.t, w.pos[exchange.SymbolID(id)], s.pos)
			require.Equal(w.t, s.pos, w.x.account.PositionQty(exchange.SymbolID(id)))
		}
	}
	sum := w.x.account.Totals()
	require.Equal(w.t, w.c.Balance+sum.Realised-sum.Fees+sum.Funding+sum.Insurance+sum.Exchanged, w.x.account.Wallet())
	require.GreaterOrEqual(w.t, w.x.account.Wallet(), exchange.Money(0))
	for _, s := range w.x.symbols {
		w.lookAt(s)
	}
}

func (w *wild) fill(f *exchange.Fill, o *exchange.Order) {
	require.Positive(w.t, f.Qty)
	require.Positive(w.t, f.Price)
	before := w.pos[f.Symbol]
	w.pos[f.Symbol] += f.Side.Signed(f.Qty)
	require.Equal(w.t, w.pos[f.Symbol], f.Position)
	if f.Type != exchange.ExecTrade || f.ClientID == "" {
		return
	}
	w.filled[o.OrderID] += f.Qty
	require.LessOrEqual(w.t, w.filled[o.OrderID], o.Qty, "more than the order")
	if o.Price != 0 {
		require.False(w.t, better(f.Side, f.Price, o.Price), "%s at %s, limit %s", f.Side, f.Price, o.Price)
	}
	if o.ExecInst&(exchange.ReduceOnly|exchange.Close) != 0 {
		require.LessOrEqual(w.t, f.Position.Abs(), before.Abs())
		require.False(w.t, f.Position > 0 && before < 0 || f.Position < 0 && before > 0, "it turned the position")
	}
	if f.Liquidity == exchange.RemovedLiquidity && o.DisplayQty == 0 {
		require.False(w.t, o.ExecInst.Has(exchange.PostOnly), "a post-only order took")
	}
}

func (w *wild) change(exec exchange.ExecType, o *exchange.Order) {
	if o.ClientID == "" {
		return
	}
	before, known := w.status[o.OrderID]
	if known && before.Final() {
		require.True(w.t, before == exchange.Filled && exec == exchange.ExecReplaced, "%s after its end: %s", o.OrderID, exec)
	}
	w.status[o.OrderID] = o.Status
	require.Equal(w.t, w.filled[o.OrderID], o.Filled)
	if o.Status.Final() {
		require.Zero(w.t, o.Leaves)
		require.False(w.t, o.Working)
		return
	}
	require.Equal(w.t, o.Qty, o.Filled+o.Leaves)
}

// lookAt holds a symbol's lists against each other.
func (w *wild) lookAt(s *symbol) {
	n := len(s.stops)
	for i, list := range []*ladder{&s.bids, &s.asks} {
		var qty exchange.Qty
		var last *order
		for o := range list.all() {
			n++
			require.Equal(w.t, resting, o.state)
			require.True(w.t, last == nil || last.before(o), "out of order")
			require.False(w.t, last != nil && !o.hidden() && last.Price == o.Price && last.queue.front > o.queue.front, "overtaken")
			require.GreaterOrEqual(w.t, o.queue.front, int64(0))
			if s.fidelity == fromBook && !o.queue.unknown && !w.short {
				require.LessOrEqual(w.t, o.queue.front, int64(s.book.Qty(o.Side, o.Price))*QueueUnit)
			}
			if !o.reduces() {
				qty += o.Leaves
			}
			last = o
		}
		require.Equal(w.t, qty, s.open[i].Qty)
	}
	require.Equal(w.t, n, s.busy)
}
