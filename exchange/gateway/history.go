package gateway

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// indexSymbol names the index that a contract is settled to, as the venue does: .BXBT,
// .BXBTT for prices in USDT, .BXRPXBT for prices in XBT.
func indexSymbol(i *exchange.Instrument) string {
	switch i.Quote {
	case "USD":
		return ".B" + i.Underlying
	case "USDT":
		return ".B" + i.Underlying + "T"
	}
	return ".B" + i.Underlying + i.Quote
}

// referenceSymbol is the same, or its average of half an hour for contracts that end.
func referenceSymbol(i *exchange.Instrument) string {
	if i.Expiry != 0 {
		return indexSymbol(i) + "30M"
	}
	return indexSymbol(i)
}

// indices returns a row for each index whose price the market data tells.
func (g *Gateway) indices() (rows []api.Instrument) {
	seen := map[string]bool{}
	for _, m := range g.markets {
		name := indexSymbol(m.inst)
		if m.mark.Index == 0 || seen[name] {
			continue
		}
		seen[name] = true
		price := api.PriceNumber(m.mark.Index)
		rows = append(rows, api.Instrument{Symbol: name, RootSymbol: m.inst.Underlying, State: "Unlisted", Typ: "MRCXXX", Underlying: m.inst.Underlying,
			QuoteCurrency: m.inst.Quote, UnderlyingSymbol: m.inst.Underlying + "=", Reference: "BMI", ReferenceSymbol: name,
			TickSize: api.PriceNumber(exchange.PriceUnit / 100), MarkMethod: "LastPrice", LastPrice: price, MarkPrice: price, Timestamp: api.Time(g.now)})
	}
	return rows
}

// liquidation is a liquidation order that is open on the market.
type liquidation struct {
	row   api.Liquidation
	side  exchange.Side
	price exchange.Price
	left  exchange.Qty
	until exchange.Time
}

// liquidationLife is how long a liquidation order is shown that nothing is seen to fill:
// the data says when one comes, and not when it goes.
const liquidationLife = time.Minute

func (m *market) liquidationRows() []api.Liquidation {
	rows := make([]api.Liquidation, len(m.liquidations))
	for n := range m.liquidations {
		rows[n] = m.liquidations[n].row
	}
	return rows
}

// publishLiquidation shows a liquidation order of the market data.
func (g *Gateway) publishLiquidation(m *market, ev *exchange.Event) {
	o := ev.Liquidation()
	m.matchN++
	l := liquidation{side: o.Side, price: o.Price, left: o.Qty, until: ev.Time.Add(liquidationLife), row: api.Liquidation{
		OrderID: guid(uint64(m.index), m.matchN), Symbol: m.inst.Symbol, Side: o.Side.String(), Price: api.PriceNumber(o.Price), LeavesQty: new(int64(o.Qty))}}
	m.liquidations = append(m.liquidations, l)
	g.insert(g.hub.liquidation, m, &l.row)
}

// fillLiquidations counts a trade against the liquidation orders that may have made it:
// on its side and at their price, or at a better one.
func (g *Gateway) fillLiquidations(m *market, t exchange.Trade) {
	left := t.Qty
	for n := range m.liquidations {
		l := &m.liquidations[n]
		fits := t.Price >= l.price && l.side == exchange.Sell || t.Price <= l.price && l.side == exchange.Buy
		if left == 0 || !fits || t.Side != l.side && t.Price != l.price {
			continue
		}
		done := min(left, l.left)
		left, l.left = left-done, l.left-done
		if l.left > 0 {
			before := l.row
			l.row.LeavesQty = new(int64(l.left))
			g.hub.liquidation.publish(0, m.inst.Symbol, "update", g.hub.liquidation.diff(&before, &l.row))
		}
	}
	g.dropLiquidations(m, func(l *liquidation) bool { return l.left == 0 })
}

// dropLiquidations removes liquidation orders that are over.
func (g *Gateway) dropLiquidations(m *market, over func(*liquidation) bool) {
	m.liquidations = slices.DeleteFunc(m.liquidations, func(l liquidation) bool {
		if !over(&l) {
			return false
		}
		g.hub.liquidation.publish(0, m.inst.Symbol, "delete", rowJSON(&l.row))
		return true
	})
}

// publishTakeover shows that an account's position was taken over: its order is filled
// as soon as it is there.
func (g *Gateway) publishTakeover(m *market, f *exchange.Fill, orderID string) {
	row := api.Liquidation{OrderID: orderID, Symbol: m.inst.Symbol, Side: f.Side.String(), Price: api.PriceNumber(f.Price), LeavesQty: new(int64(f.Qty))}
	g.insert(g.hub.liquidation, m, &row)
	g.hub.liquidation.publish(0, m.inst.Symbol, "delete", rowJSON(&row))
}

// settle ends a contract at its expiry, at its index or, without one, its mark.
func (g *Gateway) settle(m *market) {
	m.settled = true
	price := m.mark.Index
	if price == 0 {
		price = m.mark.Mark
	}
	if price == 0 {
		price = m.last
	}
	row := api.Settlement{Timestamp: api.Time(m.inst.Expiry), Symbol: m.inst.Symbol, SettlementType: "Settlement", SettledPrice: api.PriceNumber(price)}
	m.settlements = append(m.settlements, row)
	g.insert(g.hub.settlement, m, &row)
	m.row.State, m.row.SettledPrice = "Settled", row.SettledPrice
	g.publishInstrument(m)
}

// turnover is what traded, in whole dollars, over the last day, month, year and ever
// since the data begins.
type turnover struct{ day, month, year, all int64 }

func (t *turnover) add(o turnover) {
	t.day, t.month, t.year, t.all = t.day+o.day, t.month+o.month, t.year+o.year, t.all+o.all
}

// dollars adds up the foreign notionals of a market that is priced in dollars.
func (m *market) dollars(now exchange.Time) (t turnover, priced bool) {
	if m.inst.Quote != "USD" && m.inst.Quote != "USDT" || m.inst.Kind == exchange.Quanto {
		return t, false
	}
	bins := m.bins[3].rows
	if o := m.bins[3].open; o != nil {
		bins = append(slices.Clip(bins), m.bins[3].row(m, o))
	}
	for n := range bins {
		whole := wholePart(bins[n].ForeignNotional)
		age := now.Sub(exchange.Time(bins[n].Timestamp))
		t.all += whole
		if age < 30*day {
			t.month += whole
		}
		if age < 365*day {
			t.year += whole
		}
	}
	m.restat(now)
	t.day = wholePart(m.row.ForeignNotional24h)
	return t, true
}

// wholePart is the whole part of one of our own numbers, without its sign.
func wholePart(n api.Number) int64 {
	d, err := decimal.NewFromString(string(n))
	if err != nil {
		return 0
	}
	return d.Abs().IntPart()
}

func (g *Gateway) getUSDVolume(ctx context.Context, r *request) (any, error) {
	q, err := r.query(500, 500)
	if err != nil {
		return nil, err
	}
	return publicRows(ctx, g, q, func() (rows []api.StatsUSDBySymbol) {
		for _, m := range g.markets {
			if t, priced := m.dollars(g.now); priced {
				rows = append(rows, api.StatsUSDBySymbol{Symbol: m.inst.Symbol, Currency: m.inst.Settle.Code, Turnover24h: &t.day, Turnover30d: &t.month,
					Turnover365d: &t.year, Turnover: &t.all})
			}
		}
		return rows
	}, "symbol")
}

func (g *Gateway) getStatsUSD(ctx context.Context, _ *request) (any, error) {
	return publicRows(ctx, g, query{count: 500}, func() (rows []api.StatsUSD) {
		sums := map[string]*turnover{}
		for _, m := range g.markets {
			t, priced := m.dollars(g.now)
			if !priced {
				continue
			}
			if s := sums[m.inst.Underlying]; s != nil {
				s.add(t)
				continue
			}
			sums[m.inst.Underlying] = &t
			rows = append(rows, api.StatsUSD{RootSymbol: m.inst.Underlying, Currency: m.inst.Settle.Code, Turnover24h: &t.day, Turnover30d: &t.month,
				Turnover365d: &t.year, Turnover: &t.all})
		}
		return rows
	})
}

// getStatsHistory answers with what traded on each day that has ended.
func (g *Gateway) getStatsHistory(ctx context.Context, _ *request) (any, error) {
	return publicRows(ctx, g, query{count: 10_000, reverse: true}, func() (rows []api.StatsHistory) {
		for _, m := range g.markets {
			for n := range m.bins[3].rows {
				b := &m.bins[3].rows[n]
				rows = append(rows, api.StatsHistory{Date: api.Time(exchange.Time(b.Timestamp).Add(-day)), RootSymbol: m.inst.Underlying,
					Currency: m.inst.Settle.Code, Volume: b.Volume, Turnover: b.Turnover})
			}
		}
		slices.SortStableFunc(rows, func(a, b api.StatsHistory) int { return int((a.Date - b.Date) / api.Time(day)) })
		return rows
	})
}

// getExecutionHistory answers with what moved money on the day of an instant.
func (g *Gateway) getExecutionHistory(ctx context.Context, r *request) (any, error) {
	at, err := r.time("timestamp")
	if err != nil || at == 0 {
		return nil, invalid("timestamp is invalid")
	}
	if g.bySymbol[r.params["symbol"]] == nil {
		return nil, refused("Invalid symbol")
	}
	from := exchange.Time(at).Date()
	q := query{symbol: r.params["symbol"], count: keptExecutions, from: api.Time(from), to: api.Time(from.Add(day) - 1)}
	return accountRows(ctx, g, r, q, (*account).moneyRows, "execID")
}

// moneyRows returns the executions that moved money.
func (a *account) moneyRows() (rows []api.Execution) {
	for n := range a.executions {
		if a.executions[n].LastQty != nil {
			rows = append(rows, a.executions[n])
		}
	}
	return rows
}

// getTradingVolume answers with the average of the last 30 days, in dollars.
func (g *Gateway) getTradingVolume(ctx context.Context, r *request) (any, error) {
	var sum int64
	err := g.withAccount(ctx, r, func(a *account) {
		from := api.Time(g.now.Add(-30 * day))
		for n := range a.executions {
			e := &a.executions[n]
			if m := g.bySymbol[e.Symbol]; e.ExecType != "Trade" || e.Timestamp < from || m.inst.Kind == exchange.Quanto || m.inst.Quote == "XBT" {
				continue
			}
			sum += wholePart(e.ForeignNotional)
		}
	})
	average := intNumber(sum / 30)
	return []api.TradingVolume{{AdvUSD: average, AdvUSDSpot: "0", AdvUSDContract: average}}, err
}

// book enters a change of a wallet into its history.
func (a *account) book(w *purse, kind, symbol string, amount, fee exchange.Money, at exchange.Time) {
	if amount == 0 {
		return
	}
	w.balance += amount
	a.numbers++
	row := api.Transaction{TransactID: guidOf(a.id, "transact", strconv.FormatUint(a.numbers, 10)), Account: &a.id, Currency: w.code,
		TransactType: kind, Amount: new(int64(amount)), Fee: new(int64(fee)), TransactStatus: "Completed", Address: symbol, TransactTime: api.Time(at),
		Timestamp: api.Time(at), WalletBalance: new(int64(w.balance))}
	a.ledger = keep(a.ledger, row, keptTransactions)
	s := summary{w.code, kind, symbol}
	if _, known := a.sums[s]; !known {
		a.summaries = append(a.summaries, s)
	}
	a.sums[s] += amount
	a.g.hub.transact.publish(a.id, "", "insert", rowJSON(&row))
}

// summary is what transactions are added up by.
type summary struct{ currency, kind, symbol string }

// asked returns the wallets that a request is about: that of its currency, the main one if
// it names none, or all.
func (a *account) asked(r *request) (list []*purse) {
	currency := r.params["currency"]
	for _, w := range a.purses {
		if currency == "all" || w == a.purse(currency) {
			list = append(list, w)
		}
	}
	return list
}

// walletRows answers with rows of the wallets that a request is about.
func walletRows[T any](ctx context.Context, g *Gateway, r *request, q query, collect func(a *account, asked []*purse) []T, keys ...string) (any, error) {
	known := true
	answer, err := accountRows(ctx, g, r, q, func(a *account) []T {
		list := a.asked(r)
		known = len(list) > 0
		return collect(a, list)
	}, keys...)
	if err == nil && !known {
		return nil, refused("Account has no [" + r.params["currency"] + "]")
	}
	return answer, err
}

// getWalletHistory answers with what changed a wallet, newest first unless asked
// otherwise: the first row is what open positions would come to.
func (g *Gateway) getWalletHistory(ctx context.Context, r *request) (any, error) {
	q, err := r.query(10_000, 10_000)
	if err != nil {
		return nil, err
	}
	if q.reverse, err = r.flag("reverse", true); err != nil {
		return nil, err
	}
	return walletRows(ctx, g, r, q, func(a *account, asked []*purse) (rows []api.Transaction) {
		for n := range a.ledger {
			if slices.Contains(asked, a.purse(a.ledger[n].Currency)) {
				rows = append(rows, a.ledger[n])
			}
		}
		for n, m := range a.margins() {
			if w := a.purses[n]; m.Unrealised != 0 && slices.Contains(asked, w) {
				rows = append(rows, api.Transaction{TransactID: noOrder, Account: &a.id, Currency: w.code, TransactType: "UnrealisedPNL",
					Amount: new(int64(m.Unrealised)), Fee: new(int64(0)), TransactStatus: "Pending", Timestamp: api.Time(g.now), WalletBalance: new(int64(m.Balance))})
			}
		}
		return rows
	}, "transactID")
}

// getWalletSummary answers with what the transactions of each kind come to, and a total.
func (g *Gateway) getWalletSummary(ctx context.Context, r *request) (any, error) {
	return walletRows(ctx, g, r, query{count: 10_000}, func(a *account, asked []*purse) (rows []api.WalletSummary) {
		for n, m := range a.margins() {
			if slices.Contains(asked, a.purses[n]) {
				rows = append(rows, a.summary(a.purses[n], &m)...)
			}
		}
		return rows
	})
}

// summary adds up the transactions of a wallet.
func (a *account) summary(w *purse, m *exchange.Margin) (rows []api.WalletSummary) {
	row := func(s summary, amount exchange.Money) api.WalletSummary {
		return api.WalletSummary{Account: &a.id, Currency: s.currency, TransactType: s.kind, Symbol: s.symbol, Amount: intNumber(int64(amount))}
	}
	var realised exchange.Money
	for _, s := range a.summaries {
		if s.currency != w.code {
			continue
		}
		rows = append(rows, row(s, a.sums[s]))
		if s.kind != "Deposit" && s.kind != "SpotTrade" {
			realised += a.sums[s]
		}
	}
	total := row(summary{w.code, "Total", ""}, w.balance)
	total.PendingDebit, total.RealisedPnl, total.WalletBalance = "0", intNumber(int64(realised)), intNumber(int64(m.Wallet))
	total.UnrealisedPnl, total.MarginBalance = intNumber(int64(m.Unrealised)), intNumber(int64(m.Balance))
	return append(rows, total)
}
