package gateway

import (
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// publishMarket takes a market event into the tables. What a message says of the
// book goes out when the message ends.
func (g *Gateway) publishMarket(m *market, ev *exchange.Event) {
	if ev.Time >= m.until {
		m.refresh(ev.Time)
	}
	switch ev.Kind {
	case exchange.KindTrade:
		row := m.addTrade(ev.Trade(), ev.Time)
		g.insert(g.hub.trade, m, &row)
		g.fillLiquidations(m, ev.Trade())
		g.publishInstrument(m)
	case exchange.KindQuote:
		m.best = ev.Quote()
		m.showQuote(m.best)
		g.publishBook(m, ev.Time)
	case exchange.KindBook:
		if m.orders != nil {
			return // they say more
		}
		m.booked = true
		if ev.Flags&exchange.FlagClear != 0 {
			m.clearBook()
		}
		m.setLevel(ev.Side, ev.Level())
		if ev.Flags&exchange.FlagLast != 0 {
			g.publishBook(m, ev.Time)
		}
	case exchange.KindOrder:
		g.publishOrder(m, ev)
	case exchange.KindBar:
		m.pending = append(m.pending, *ev)
	case exchange.KindMark:
		g.publishMark(m, ev.Mark())
	case exchange.KindFunding:
		g.publishFunding(m, ev.Funding())
	case exchange.KindLiquidation:
		g.publishLiquidation(m, ev)
	}
}

// publishOrder takes a change of one order of a book into the levels that are shown.
func (g *Gateway) publishOrder(m *market, ev *exchange.Event) {
	if m.orders == nil {
		m.orders, m.booked = exchange.NewOrderBook(m.terms.TickSize), true
		m.clearBook()
	}
	if ev.Flags&exchange.FlagClear != 0 {
		m.clearBook()
	}
	was, now := m.orders.Apply(ev)
	for _, o := range [2]*exchange.Queued{&was, &now} {
		if o.Qty > 0 {
			m.setLevel(o.Side, exchange.Level{Price: o.Price, Qty: m.orders.Book().Qty(o.Side, o.Price)})
		}
	}
	if ev.Flags&exchange.FlagLast != 0 {
		g.publishBook(m, ev.Time)
	}
}

func (g *Gateway) publishMark(m *market, mark exchange.Mark) {
	if mark.Mark != 0 {
		m.mark.Mark = mark.Mark
	}
	if mark.Index != 0 {
		m.mark.Index = mark.Index
	}
	g.publishInstrument(m)
}

// publishFunding: a rate says what will be settled, and is history from then on.
func (g *Gateway) publishFunding(m *market, f exchange.Funding) {
	if was := m.rate; was.Due != 0 && was.Due < f.Due {
		row := api.Funding{Timestamp: api.Time(was.Due), Symbol: m.inst.Symbol, FundingInterval: api.IntervalTime(m.inst.FundingInterval),
			FundingRate: api.RatioNumber(was.Rate), FundingRateDaily: api.RatioNumber(was.Rate * exchange.Ratio(day/max(1, m.inst.FundingInterval)))}
		m.rates = keep(m.rates, row, keptRates)
		g.insert(g.hub.funding, m, &row)
	}
	m.rate = f
	g.publishInstrument(m)
}

// publishBar shows a bar that has ended. The data behind it has no book: the quote and the book are one level
// on each side, a tick from the close, so that programs which need either can trade on bars. The size is what
// traded in the bar, and at least a lot.
func (g *Gateway) publishBar(m *market, ev *exchange.Event) {
	bar := ev.Bar()
	m.last = bar.Close
	for n := range m.bins {
		if m.bins[n].span >= ev.BarInterval() {
			m.bins[n].bar(m, &bar)
		}
	}
	if !m.booked && m.best == (exchange.Quote{}) {
		tick, size := m.terms.TickSize, max(bar.Volume, m.terms.LotSize)
		m.showQuote(exchange.Quote{BidPrice: bar.Close - tick, BidQty: size, AskPrice: bar.Close + tick, AskQty: size})
		g.publishBook(m, ev.Arrival)
	}
	g.publishInstrument(m)
}

// insert tells of a new row of a market, if anyone listens.
func (g *Gateway) insert(t *table, m *market, row any) {
	if t.heard(0, m.inst.Symbol) {
		t.publish(0, m.inst.Symbol, "insert", rowJSON(row))
	}
}

// endIntervals ends what is over by now: bars first, because bins are made of them.
func (g *Gateway) endIntervals(m *market) {
	if len(m.liquidations) > 0 {
		g.dropLiquidations(m, func(l *liquidation) bool { return l.until <= g.now })
	}
	if m.inst.Expiry != 0 && !m.settled && m.inst.Expiry <= g.now {
		g.settle(m)
	}
	if m.due() <= g.now {
		g.skipIntervals(m)
	}
	for m.due() <= g.now {
		for ev := m.endedBar(g.now); ev != nil; ev = m.endedBar(g.now) {
			g.publishBar(m, ev)
		}
		for n := range binSizes {
			for m.bins[n].due() <= g.now {
				g.insert(g.hub.bins[n], m, m.bins[n].close(m))
			}
			for m.quotes[n].due() <= g.now {
				g.insert(g.hub.quoteBins[n], m, m.quotes[n].close())
			}
		}
	}
}

// skipIntervals passes over those that would be dropped again by now, up to the end of the next bar.
func (g *Gateway) skipIntervals(m *market) {
	until := g.now
	if len(m.pending) > 0 {
		until = min(until, m.pending[0].Arrival)
	}
	for n := range binSizes {
		m.bins[n].skip(m, until)
		m.quotes[n].skip(until)
	}
}

// publishBook tells what one message changed, an action at a time as the venue does.
func (g *Gateway) publishBook(m *market, at exchange.Time) {
	if len(m.touched) == 0 {
		return
	}
	symbol := m.inst.Symbol
	if g.hub.book.heard(0, symbol) {
		deleted, updated, inserted := m.changes(at)
		g.hub.book.publish(0, symbol, "delete", deleted...)
		g.hub.book.publish(0, symbol, "update", updated...)
		g.hub.book.publish(0, symbol, "insert", inserted...)
	}
	m.forgetTouches()
	g.publishTop(m, at)
	bid, ask := m.book.Bid(), m.book.Ask()
	quote := api.Quote{Timestamp: api.Time(at), Symbol: symbol, BidSize: new(int64(bid.Qty)), BidPrice: api.PriceNumber(bid.Price),
		AskPrice: api.PriceNumber(ask.Price), AskSize: new(int64(ask.Qty))}
	if was := &m.quote; was.BidPrice == quote.BidPrice && was.AskPrice == quote.AskPrice && was.BidSize != nil &&
		*was.BidSize == *quote.BidSize && *was.AskSize == *quote.AskSize {
		return
	}
	m.quote = quote
	g.publishQuote(m)
	g.publishInstrument(m)
}

func (g *Gateway) publishQuote(m *market) {
	g.insert(g.hub.quote, m, &m.quote)
	for n := range m.quotes {
		m.quotes[n].add(m.quote, exchange.Time(m.quote.Timestamp))
	}
}

// publishTop tells how the window of the best levels has changed.
func (g *Gateway) publishTop(m *market, at exchange.Time) {
	symbol := m.inst.Symbol
	if g.hub.book10.heard(0, symbol) {
		row := m.book10(at)
		g.hub.book10.publish(0, symbol, "update", rowJSON(&row))
	}
	if !g.hub.book25.heard(0, symbol) {
		m.top25, m.bid25 = m.top25[:0], 0
		return
	}
	was, wasBids := slices.Clone(m.top25), m.bid25
	m.window()
	var rows [3][][]byte // delete, update, insert
	compare := func(side exchange.Side, old, now []exchange.Level) {
		for _, l := range old {
			if !slices.ContainsFunc(now, func(x exchange.Level) bool { return x.Price == l.Price }) {
				row := m.levelRow(side, l, at)
				rows[0] = append(rows[0], rowJSON(&row))
			}
		}
		for _, l := range now {
			row := m.levelRow(side, l, at)
			n := slices.IndexFunc(old, func(x exchange.Level) bool { return x.Price == l.Price })
			switch {
			case n < 0:
				rows[2] = append(rows[2], rowJSON(&row))
			case old[n].Qty != l.Qty:
				rows[1] = append(rows[1], rowJSON(&row))
			}
		}
	}
	compare(exchange.Buy, was[:wasBids], m.top25[:m.bid25])
	compare(exchange.Sell, was[wasBids:], m.top25[m.bid25:])
	for n, action := range []string{"delete", "update", "insert"} {
		g.hub.book25.publish(0, symbol, action, rows[n]...)
	}
}

// window takes the best 25 levels of each side.
func (m *market) window() {
	m.top25 = m.book.AppendLevels(m.top25[:0], exchange.Buy, 25)
	m.bid25 = len(m.top25)
	m.top25 = m.book.AppendLevels(m.top25, exchange.Sell, 25)
}

func (m *market) book10(at exchange.Time) book10Row {
	side := func(s exchange.Side) [][2]api.Number {
		list := [][2]api.Number{}
		for _, l := range m.book.AppendLevels(nil, s, 10) {
			list = append(list, [2]api.Number{api.PriceNumber(l.Price), intNumber(int64(l.Qty))})
		}
		return list
	}
	return book10Row{Symbol: m.inst.Symbol, Bids: side(exchange.Buy), Asks: side(exchange.Sell), Timestamp: api.Time(at)}
}

// publishInstrument tells what has changed in the row of a symbol.
func (g *Gateway) publishInstrument(m *market) {
	if !g.hub.instrument.heard(0, m.inst.Symbol) {
		return
	}
	m.live(g.now)
	if row := g.hub.instrument.diff(&m.shown, &m.row, "timestamp"); row != nil {
		g.hub.instrument.publish(0, m.inst.Symbol, "update", row)
	}
	m.shown = m.row
}

// live brings the row of a symbol up to now.
func (m *market) live(now exchange.Time) {
	r := &m.row
	m.restat(now)
	r.Timestamp = api.Time(now)
	r.LastPrice, r.LastPriceProtected = api.PriceNumber(m.last), api.PriceNumber(m.last)
	r.BidPrice, r.AskPrice = m.quote.BidPrice, m.quote.AskPrice
	bid, _ := m.quote.BidPrice.Price() // our own numbers
	ask, _ := m.quote.AskPrice.Price()
	r.MidPrice, r.HasLiquidity = "", bid > 0 && ask > 0
	if r.HasLiquidity {
		r.MidPrice = api.PriceNumber((bid + ask) / 2)
	}
	r.ImpactBidPrice, r.ImpactMidPrice, r.ImpactAskPrice = r.BidPrice, r.MidPrice, r.AskPrice
	mark := m.mark.Mark
	if mark == 0 {
		mark = m.last
	}
	r.MarkPrice, r.FairPrice = api.PriceNumber(mark), api.PriceNumber(mark)
	index := m.mark.Index
	if index == 0 {
		index = mark
	}
	r.IndicativeSettlePrice = api.PriceNumber(index)
	if m.mark.Index != 0 && m.mark.Mark != 0 {
		r.FairBasis = number((m.mark.Mark - m.mark.Index).Decimal())
	}
	if m.inst.FundingInterval > 0 {
		r.FundingTimestamp = api.Time(m.inst.NextFunding(now))
		r.FundingRate, r.IndicativeFundingRate = api.RatioNumber(m.rate.Rate), api.RatioNumber(m.rate.Rate)
	}
}

// publishReports takes what an exchange says of an account into its rows. An order
// that changed several times is told of once, as it is in the end; each change is an
// execution.
func (g *Gateway) publishReports(a *account, reports []exchange.Report) {
	type change struct{ before, now *api.Order }
	touched := map[string]*change{}
	var changes []*change
	put := func(o *exchange.Order) *api.Order {
		before, now := a.put(a.orderRow(o))
		if c := touched[now.OrderID]; c == nil {
			c = &change{before, now}
			touched[now.OrderID] = c
			changes = append(changes, c)
		}
		row := *now
		return &row
	}
	executions := map[string][][]byte{}
	var symbols []string
	insert := func(row api.Execution) {
		a.executions = keep(a.executions, row, keptExecutions)
		if executions[row.Symbol] == nil {
			symbols = append(symbols, row.Symbol)
		}
		executions[row.Symbol] = append(executions[row.Symbol], rowJSON(&row))
	}
	valued := false
	for n := range reports {
		r := &reports[n]
		for _, w := range a.waiters {
			w.see(r)
		}
		switch r.Kind {
		case exchange.ReportOrder:
			insert(a.execution(put(&r.Order), r.ExecType, a.newExecID()))
		case exchange.ReportFill:
			o := a.systemOrder(r.Symbol, r.Fill.Type.String(), r.Time)
			if r.Order.OrderID != "" && r.Order.OrderID != noOrder && r.Fill.Cause != exchange.ForcedClose {
				o = put(&r.Order)
			}
			row := a.fillRow(r, o)
			insert(row)
			a.book(a.purseOf(r.Symbol), "RealisedPNL", row.Symbol, r.Fill.Realised-r.Fill.Fee, r.Fill.Fee, r.Time)
			if m := g.market(r.Symbol); r.Fill.Type == exchange.ExecLiquidation {
				g.publishTakeover(m, &r.Fill, row.ExecID)
			}
		case exchange.ReportFunding:
			row := a.fundingRow(&r.Funding)
			insert(row)
			a.book(a.purseOf(r.Symbol), "Funding", row.Symbol, r.Funding.Amount, -r.Funding.Amount, r.Time)
		case exchange.ReportPosition:
			valued = true
		case exchange.ReportMargin:
			valued = true
			a.bookSpot(r)
		}
	}
	for _, s := range symbols {
		g.hub.execution.publish(a.id, s, "insert", executions[s]...)
	}
	for _, c := range changes {
		if c.before == nil {
			g.hub.order.publish(a.id, c.now.Symbol, "insert", rowJSON(c.now))
		} else if row := g.hub.order.diff(c.before, c.now, "clOrdID", "account", "symbol", "timestamp"); row != nil {
			g.hub.order.publish(a.id, c.now.Symbol, "update", row)
		}
	}
	if valued || len(changes) > 0 {
		g.publishValue(a)
	}
	a.answer()
}

// answer lets the requests go whose commands are done.
func (a *account) answer() {
	a.waiters = slices.DeleteFunc(a.waiters, func(w *waiter) bool {
		ready := w.ready()
		if ready {
			close(w.done)
		}
		return ready
	})
}

// publishValue tells what an account's positions and margin are at the prices of now.
func (g *Gateway) publishValue(a *account) {
	for _, m := range g.markets {
		p := a.now.Position(m.inst.ID)
		known := a.positions[m.inst.ID]
		if known == nil && p.Qty == 0 && p.Leverage == 0 && p.Realised == 0 && !a.symbols[m.inst.Symbol] {
			continue
		}
		row := a.positionRow(&p)
		if known == nil {
			a.positions[m.inst.ID] = &row
			g.hub.position.publish(a.id, m.inst.Symbol, "insert", rowJSON(&row))
			continue
		}
		if d := g.hub.position.diff(known, &row, "currentQty", "timestamp"); d != nil {
			g.hub.position.publish(a.id, m.inst.Symbol, "update", d)
		}
		*known = row
	}
	margins := a.margins()
	for n, w := range a.purses {
		row, wallet := a.marginRow(w, &margins[n]), a.walletRow(w, &margins[n])
		if d := g.hub.margin.diff(&w.margin, &row, "timestamp"); d != nil {
			g.hub.margin.publish(a.id, "", "update", d)
		}
		if d := g.hub.wallet.diff(&w.wallet, &wallet, "timestamp"); d != nil {
			g.hub.wallet.publish(a.id, "", "update", d)
		}
		w.margin, w.wallet = row, wallet
	}
}

// bookSpot enters what a spot pair moved between wallets, which no fill says of both.
func (a *account) bookSpot(r *exchange.Report) {
	i := a.g.cfg.Instruments.Get(r.Symbol)
	if w := a.purse(r.Margin.Currency); w != nil && i.Kind == exchange.Spot {
		a.book(w, "SpotTrade", i.Symbol, r.Margin.Wallet-w.balance, 0, r.Time)
	}
}
