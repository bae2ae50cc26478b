package ledger

import (
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The market of the property tests: every kind of contract in one currency, one
// whose positions are no whole lots, a spot pair, and one that settles in
// another currency, with a pair of the two.
var (
	markets = []contract{
		{symbol: "XBTUSD", kind: exchange.Inverse, settle: xbt, multiplier: 1e8, tick: "0.5", lot: 100, im: "0.01", mm: "0.005", maker: "-0.00025", taker: "0.00075", limit: 5e9, step: 2e9},
		{symbol: "ETHUSD", kind: exchange.Quanto, settle: xbt, multiplier: 100, tick: "0.05", lot: 1, im: "0.02", mm: "0.01", maker: "-0.00025", taker: "0.00075", limit: 5e9, step: 5e9},
		{symbol: "LTCXBT", kind: exchange.Linear, settle: xbt, multiplier: 1e8, tick: "0.000001", lot: 1, im: "0.05", mm: "0.025", maker: "0.0002", taker: "0.0005", maxPrice: "100"},
		{symbol: "ODD", kind: exchange.Inverse, settle: xbt, multiplier: 1e8, tick: "0.5", lot: 7, im: "0.01", mm: "0.004", taker: "0.00075"},
		{symbol: "ETH_XBT", kind: exchange.Spot, settle: xbt, multiplier: 1e6, divisor: 10, tick: "0.0001", lot: 10, im: "1", mm: "1", taker: "0.001", maxPrice: "1000"},
		{symbol: "XBTUSDT", kind: exchange.Linear, settle: usdt, multiplier: 1, tick: "0.5", lot: 1000, im: "0.01", mm: "0.005", taker: "0.0005", limit: 1e12, step: 1e12},
		{symbol: "XBT_USDT", kind: exchange.Spot, settle: usdt, multiplier: 1, divisor: 100, tick: "0.5", lot: 1000, im: "1", mm: "1", maker: "-0.0001", taker: "0.001", underlying: "XBT"},
	}
	prices  = []string{"50000", "3000", "0.005", "9000", "0.06", "50000", "50000"}
	largest = []int64{20_000, 5_000, 2_000, 100_000, 1_000, 10_000, 100_000} // lots in an order
)

const traded = 5 // markets that an account in XBt may trade; one in both currencies trades all

var leverages = []string{"0", "0", "0.5", "1", "2", "3", "7.5", "10", "20"}

// roundings are those of BitMEX and Binance, and others that a venue might have.
var roundings = []exchange.MoneyRounding{
	{},
	{PerFill: true, Fee: exchange.Floor},
	{PerFill: true, Value: exchange.Floor, Fee: exchange.Ceil},
	{PerFill: true, Value: exchange.Ceil, Unit: 10},
	{Value: exchange.Ceil, Fee: exchange.Floor, Unit: 10},
	{Value: exchange.Floor},
}

// drawRounding returns contracts that one rounding is drawn for.
func drawRounding(t *rapid.T, list []contract) []contract {
	list = slices.Clone(list)
	r := rapid.SampledFrom(roundings).Draw(t, "rounding")
	for n := range list {
		list[n].rounding = r
	}
	return list
}

func drawMarket(t *rapid.T) exchange.SymbolID {
	return exchange.SymbolID(rapid.IntRange(0, len(markets)-1).Draw(t, "symbol"))
}

// drawPrice draws a price on the tick within a part of the usual one.
func drawPrice(t *rapid.T, s exchange.SymbolID, percent int64) exchange.Price {
	usual := exchange.MustPrice(prices[s])
	within := int64(usual) * percent / 100
	p := usual + exchange.Price(rapid.Int64Range(-within, within).Draw(t, "price"))
	tick := exchange.MustPrice(markets[s].tick)
	return max(p.RoundTick(tick), tick)
}

func drawQty(t *rapid.T, s exchange.SymbolID) exchange.Qty {
	lots := rapid.Int64Range(1, largest[s]).Draw(t, "lots")
	q := exchange.Qty(lots) * markets[s].lot
	if markets[s].symbol == "ODD" {
		q += exchange.Qty(rapid.Int64Range(-6, 6).Draw(t, "odd"))
	}
	return q
}

func drawSide(t *rapid.T) exchange.Side {
	return rapid.SampledFrom([]exchange.Side{exchange.Buy, exchange.Sell}).Draw(t, "side")
}

// walk is an account that random things happen to.
type walk struct {
	*rapid.T
	a     *Account
	fills [][]exchange.Fill
}

func newWalk(t *rapid.T) *walk {
	a, err := New(Config{
		Instruments: setOf(t, drawRounding(t, markets)...), Currency: xbt,
		Balance:  exchange.Money(rapid.Int64Range(0, 20_000_000_000).Draw(t, "balance")),
		Wallets:  []Deposit{{usdt, exchange.Money(rapid.Int64Range(0, 20_000_000_000_000).Draw(t, "dollars"))}},
		Leverage: exchange.MustRatio(rapid.SampledFrom(leverages).Draw(t, "leverage")),
		Fund:     NewFund(Deposit{xbt, exchange.Money(rapid.Int64Range(0, 100_000_000).Draw(t, "fund"))}),
	})
	require.NoError(t, err)
	w := &walk{T: t, a: a, fills: make([][]exchange.Fill, len(markets))}
	for s := range markets {
		a.SetMark(exchange.SymbolID(s), exchange.MustPrice(prices[s]), 0)
	}
	return w
}

func (w *walk) fill(s exchange.SymbolID, side exchange.Side, qty exchange.Qty, price exchange.Price) {
	p := &w.a.positions[s]
	before := p.wallet.amount
	f := exchange.Fill{
		Symbol: s, Side: side, Qty: qty, Price: price, Type: exchange.ExecTrade,
		Liquidity: rapid.SampledFrom([]exchange.Liquidity{exchange.AddedLiquidity, exchange.RemovedLiquidity}).Draw(w.T, "liquidity"),
	}
	if p.coin != nil {
		w.swap(p, &f)
		return
	}
	w.a.Fill(&f)
	w.fills[s] = append(w.fills[s], f)
	require.Equal(w, before+f.Realised-f.Fee, p.wallet.amount)
	require.Equal(w, w.a.PositionQty(s), f.Position)
}

// swap fills an order of a pair of two wallets, if it can be paid.
func (w *walk) swap(p *position, f *exchange.Fill) {
	money, coins := p.wallet.amount, p.coin.amount
	if w.a.CanPay(f.Symbol, f.Side, f.Qty, f.Price) != nil {
		require.Panics(w, func() { w.a.Fill(f) })
		require.Equal(w, []exchange.Money{money, coins}, []exchange.Money{p.wallet.amount, p.coin.amount})
		return
	}
	w.a.Fill(f)
	sign := exchange.Money(f.Side.Sign())
	require.Equal(w, coins+sign*exchange.Money(f.Qty), p.coin.amount)
	require.Equal(w, money-sign*f.Value-f.Fee, p.wallet.amount)
	spent := p.wallet.amount
	if f.Side == exchange.Sell {
		spent = p.coin.amount
	}
	require.GreaterOrEqual(w, spent, exchange.Money(0), "only what is there is spent")
}

// order places one if it may be placed.
func (w *walk) order(s exchange.SymbolID, fills bool) {
	side, qty, price := drawSide(w.T), drawQty(w.T, s), drawPrice(w.T, s, 10)
	o := *w.a.positions[s].side(side)
	p := &w.a.positions[s]
	from := p.wallet
	if p.coin != nil && side == exchange.Sell {
		from = p.coin
	}
	before := w.a.marginOf(from, 0).Available
	if w.a.CheckOrder(s, side, qty, price, 0) != nil {
		return
	}
	w.a.SetOpen(s, side, o.Qty+qty, o.Cost+p.terms.Value(qty, price))
	require.GreaterOrEqual(w, w.a.marginOf(from, 0).Available, min(0, before), "an order takes what is there")
	if p.spot() && p.coin == nil && side == exchange.Sell {
		require.LessOrEqual(w, p.sells.Qty, p.held.Qty)
	}
	if fills {
		w.a.SetOpen(s, side, o.Qty, o.Cost)
		w.fill(s, side, qty, price)
	}
}

// anyFill trades without asking.
func (w *walk) anyFill(s exchange.SymbolID) {
	side, qty, price := drawSide(w.T), drawQty(w.T, s), drawPrice(w.T, s, 20)
	if held := w.a.PositionQty(s); rapid.Bool().Draw(w.T, "closes") && held != 0 {
		side, qty = exchange.SideOf(-held), held.Abs()
	}
	if s == 4 && side == exchange.Sell && qty > w.a.PositionQty(s) {
		return
	}
	w.fill(s, side, qty, price)
}

// mark moves a mark anywhere, or about the price of liquidation.
func (w *walk) mark(s exchange.SymbolID) {
	price := drawPrice(w.T, s, 30)
	p := w.a.Position(s)
	if p.LiquidationPrice != 0 && rapid.Bool().Draw(w.T, "near") {
		tick := int64(exchange.MustPrice(markets[s].tick))
		price = p.LiquidationPrice + exchange.Price(rapid.Int64Range(-2*tick, 2*tick).Draw(w.T, "off"))
		price = min(max(price, 1), exchange.MaxPrice)
		if markets[s].kind == exchange.Inverse {
			price = max(price, exchange.MustPrice("1"))
		}
	}
	due := w.a.SetMark(s, price, 0)
	require.Equal(w, w.a.due(s), due, "SetMark")
	require.Equal(w, due, w.a.SetMark(s, price, 0), "the same mark again")
}

// liquidate closes what must be closed, in steps.
func (w *walk) liquidate() {
	list := w.a.MustLiquidate(0)
	for n := range markets {
		s := exchange.SymbolID(n)
		require.Equal(w, w.a.due(s), slices.Contains(list, s), "MustLiquidate")
		if w.a.positions[s].mark != 0 {
			require.Equal(w, w.a.due(s), w.a.SetMark(s, w.a.positions[s].mark, 0), "SetMark where it is")
		}
	}
	require.True(w, slices.IsSorted(list))
	for again := true; again; {
		again = w.lower() || w.reduce()
	}
	list = slices.Clone(w.a.MustLiquidate(0))
	cross := map[*wallet]bool{}
	for _, s := range list {
		w.takeOver(s)
		if p := &w.a.positions[s]; !p.isolated() {
			cross[p.wallet] = true
		}
		requireBooks(w, w.a)
	}
	for n := range w.a.wallets {
		if from := &w.a.wallets[n]; cross[from] {
			_, _, left := w.a.crossState(from)
			require.Zero(w, left)
			require.GreaterOrEqual(w, from.amount, exchange.Money(0))
		}
	}
	require.Empty(w, w.a.MustLiquidate(0))
}

// takeOver is the last step.
func (w *walk) takeOver(s exchange.SymbolID) {
	p := &w.a.positions[s]
	held, margin, before, fund := p.held.Qty, p.margin.total, p.wallet.amount, w.a.Insurance().In(p.wallet.currency.Code)
	f, ok := liquidate(w.a, s, 0)
	require.True(w, ok)
	require.Equal(w, held.Abs(), f.Qty)
	require.Zero(w, w.a.PositionQty(s))
	w.fills[s] = append(w.fills[s], f)
	if p.isolated() {
		require.GreaterOrEqual(w, p.wallet.amount, before-margin, "an isolated position loses no more than its margin")
	}
	// What the account lost beyond the mark, the fund gained, and the other way round.
	now := w.a.Insurance().In(p.wallet.currency.Code)
	lacked := p.wallet.amount - before - f.Realised + f.Fee
	gained := p.terms.Cost(held, p.mark) - p.terms.Cost(held, f.Price)
	got := now.Balance - fund.Balance - (now.Deleveraged - fund.Deleveraged)
	if p.terms.Rounding.PerFill { // what the fund closes, and what is left for the other side, are rounded one by one
		require.InDelta(w, int64(gained-lacked), int64(got), float64(max(p.terms.Rounding.Unit, 1)))
	} else {
		require.Equal(w, gained-lacked, got)
	}
	require.Equal(w, fund.Takeovers+1, now.Takeovers)
}

// lower is the first step, and reduce the second: each makes the position need less,
// and none takes from an account what a takeover would not.
func (w *walk) lower() (done bool) {
	for _, s := range slices.Clone(w.a.MustLiquidate(0)) {
		p := &w.a.positions[s]
		was, steps := p.margin.maint, p.steps
		if !w.a.LowerRiskLimit(s, 0) {
			continue
		}
		done = true
		require.Less(w, p.steps, steps)
		require.LessOrEqual(w, p.markValue.Abs(), p.riskLimit())
		w.a.refresh(p.wallet)
		require.LessOrEqual(w, p.margin.maint, was)
	}
	return done
}

func (w *walk) reduce() (done bool) {
	for _, s := range slices.Clone(w.a.MustLiquidate(0)) {
		p := &w.a.positions[s]
		qty, limit := w.a.Excess(s, 0)
		require.Equal(w, qty == 0, limit == 0)
		if qty == 0 || !rapid.Bool().Draw(w.T, "the market takes it") {
			continue
		}
		done = true
		require.Positive(w, p.steps)
		require.Less(w, qty, p.held.Qty.Abs())
		w.fill(s, exchange.SideOf(-p.held.Qty), qty, limit)
		w.a.refresh(p.wallet)
		require.True(w, w.a.LowerRiskLimit(s, 0), "it is below the next step now")
	}
	return done
}

func (w *walk) check() {
	requireBooks(w, w.a)
	for n := range w.a.wallets {
		from := &w.a.wallets[n]
		equity, required, _ := w.a.crossState(from)
		require.Equal(w, equity, from.equity())
		require.Equal(w, required, from.sums.crossMaint)
	}
	for n := range markets {
		s, p := exchange.SymbolID(n), &w.a.positions[n]
		qty, cost, realised := rebuild(p.terms, w.fills[n])
		require.Equal(w, qty, w.a.PositionQty(s))
		require.Equal(w, []exchange.Money{cost, realised}, []exchange.Money{p.held.Cost, p.realised}, "from the fills of %s", markets[n].symbol)
		total, maint, unrealised := p.needs()
		got := w.a.Position(s)
		require.Equal(w, unrealised, got.Unrealised)
		if p.isolated() {
			require.Equal(w, []exchange.Money{total, maint}, []exchange.Money{p.margin.total, p.margin.maint})
		} else {
			require.Equal(w, maint, got.MaintMargin)
		}
		if p.spot() {
			require.Equal(w, p.buys.Cost, p.gross)
			continue
		}
		gross := ceil(grossByHand(qty, p.buys, p.sells))
		require.GreaterOrEqual(w, p.gross, gross)
		require.LessOrEqual(w, p.gross, gross+1, "two sides are rounded up one by one")
	}
}

func TestWalks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWalk(t)
		rate := rapid.Int64Range(-37_500_000, 37_500_000)
		w.Repeat(map[string]func(*rapid.T){
			"":      func(*rapid.T) { w.check() },
			"order": func(t *rapid.T) { w.order(drawMarket(t), false) },
			"trade": func(t *rapid.T) { w.order(drawMarket(t), true) },
			"fill":  func(t *rapid.T) { w.anyFill(drawMarket(t)) },
			"mark":  func(t *rapid.T) { w.mark(drawMarket(t)) },
			"marks": func(t *rapid.T) {
				for s := range markets {
					w.mark(exchange.SymbolID(s))
				}
			},
			"liquidate": func(*rapid.T) { w.liquidate() },
			"fund": func(t *rapid.T) {
				s := drawMarket(t)
				from := w.a.positions[s].wallet
				before := from.amount
				paid, ok := w.a.Fund(s, exchange.Ratio(rate.Draw(t, "rate")), 0)
				require.Equal(t, w.a.PositionQty(s) != 0 && markets[s].kind != exchange.Spot, ok)
				require.Equal(t, before+paid.Amount, from.amount)
			},
			"replace": func(*rapid.T) { w.replace() },
			"funding": func(t *rapid.T) { w.a.SetFundingRate(drawMarket(t), exchange.Ratio(rate.Draw(t, "rate"))) },
			"cancel": func(t *rapid.T) {
				s := drawMarket(t)
				w.a.SetOpen(s, exchange.Buy, 0, 0)
				w.a.SetOpen(s, exchange.Sell, 0, 0)
			},
			// The open orders of several symbols become fewer before anybody asks for a figure.
			"fewer": func(t *rapid.T) {
				for range rapid.IntRange(2, 5).Draw(t, "times") {
					s, side := drawMarket(t), drawSide(t)
					all := *w.a.positions[s].side(side)
					qty := exchange.Qty(rapid.Int64Range(0, int64(all.Qty)).Draw(t, "qty"))
					w.a.SetOpen(s, side, qty, part(all.Cost, qty, max(all.Qty, 1), exchange.Floor))
				}
			},
			"leverage": func(t *rapid.T) {
				l := exchange.MustRatio(rapid.SampledFrom(leverages).Draw(t, "leverage"))
				w.change(func(s exchange.SymbolID) error { return w.a.SetLeverage(s, l, 0) }, func(p *position) { require.Equal(t, l, p.leverage) })
			},
			"limit": func(t *rapid.T) {
				limit := exchange.Money(rapid.Int64Range(1e9, 6e12).Draw(t, "limit"))
				w.change(func(s exchange.SymbolID) error { return w.a.SetRiskLimit(s, limit, 0) }, func(p *position) {
					require.GreaterOrEqual(t, p.riskLimit(), limit)
				})
			},
			"transfer": func(t *rapid.T) {
				amount := exchange.Money(rapid.Int64Range(-1e9, 1e9).Draw(t, "amount"))
				w.change(func(s exchange.SymbolID) error { return w.a.TransferMargin(s, amount, 0) }, func(p *position) {
					require.True(t, p.isolated())
					require.True(t, amount > 0 || p.margin.total >= p.margin.init+p.margin.comm, "no deeper than the initial margin")
				})
			},
		})
	})
}

// replace asks whether an order may take the place of others: as if those had gone
// before.
func (w *walk) replace() {
	s := drawMarket(w.T)
	w.order(s, false)
	side, price := drawSide(w.T), drawPrice(w.T, s, 10)
	if all := w.a.positions[s].side(side.Opposite()); all.Qty > 0 && rapid.Bool().Draw(w.T, "which has some") {
		side = side.Opposite()
	}
	all := *w.a.positions[s].side(side)
	was := Open{Qty: exchange.Qty(rapid.Int64Range(0, int64(all.Qty)).Draw(w.T, "was"))}
	was.Cost = part(all.Cost, was.Qty, max(all.Qty, 1), exchange.Floor)
	apart := func(qty exchange.Qty) error {
		w.a.SetOpen(s, side, all.Qty-was.Qty, all.Cost-was.Cost)
		defer w.a.SetOpen(s, side, all.Qty, all.Cost)
		return w.a.CheckOrder(s, side, qty, price, 0)
	}
	// The greatest that may, and the next one that may not, besides any.
	edge := exchange.Qty(sort.Search(1<<30, func(qty int) bool { return apart(exchange.Qty(1+qty)) != nil }))
	for _, qty := range []exchange.Qty{max(edge, 1), edge + 1, drawQty(w.T, s)} {
		require.Equal(w, apart(qty), w.a.CheckChange(s, side, was, Open{qty, w.a.positions[s].terms.Value(qty, price)}, price, 0))
	}
}

// change asks for a change of what a position needs, which is made whole or not at all
// and never takes more than is available.
func (w *walk) change(ask func(exchange.SymbolID) error, then func(*position)) {
	s := drawMarket(w.T)
	before, was := w.a.MarginOf(s, 0), w.a.Position(s)
	if err := ask(s); err != nil {
		require.Equal(w, before, w.a.MarginOf(s, 0))
		require.Equal(w, was, w.a.Position(s))
		return
	}
	after := w.a.MarginOf(s, 0)
	then(&w.a.positions[s])
	require.Equal(w, before.Wallet, after.Wallet)
	require.GreaterOrEqual(w, after.Available, min(0, before.Available))
	require.False(w, w.a.due(s))
}

// A filled order needs no more than what was asked of it.
func TestOrdersCoverTheirFills(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWalk(t)
		s, side := drawMarket(t), drawSide(t)
		qty := drawQty(t, s)
		qty = max(markets[s].lot, qty-qty%markets[s].lot)
		price := drawPrice(t, s, 10)
		if w.a.CheckOrder(s, side, qty, price, 0) != nil {
			return
		}
		w.fill(s, side, qty, price)
		require.GreaterOrEqual(t, w.a.MarginOf(s, 0).Available, exchange.Money(-1))
		require.Empty(t, w.a.MustLiquidate(0))
	})
}

// Whole lots: neither cost nor what is realised depends on how a fill is split.
func TestSplitFills(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, split := openAccount(t, 1e12, "0", markets...), openAccount(t, 1e12, "0", markets...)
		s := exchange.SymbolID(rapid.IntRange(0, 2).Draw(t, "symbol"))
		lot := markets[s].lot
		for range rapid.IntRange(1, 6).Draw(t, "fills") {
			side, price := drawSide(t), drawPrice(t, s, 20)
			lots := rapid.Int64Range(1, 50).Draw(t, "lots")
			var realised exchange.Money
			left := lots
			for left > 0 {
				n := rapid.Int64Range(1, left).Draw(t, "part")
				f := exchange.Fill{Symbol: s, Side: side, Qty: exchange.Qty(n) * lot, Price: price}
				split.Fill(&f)
				realised += f.Realised
				left -= n
			}
			f := exchange.Fill{Symbol: s, Side: side, Qty: exchange.Qty(lots) * lot, Price: price}
			whole.Fill(&f)
			require.Equal(t, f.Realised, realised)
			require.Equal(t, whole.positions[s].held.Cost, split.positions[s].held.Cost)
			require.Equal(t, whole.Totals().Turnover, split.Totals().Turnover)
		}
	})
}

// Two accounts that only trade with each other, without fees, own together what
// they owned at first: at every mark, to the unit.
func TestCounterparties(t *testing.T) {
	list := slices.Clone(markets[:traded-1])
	for n := range list {
		list[n].maker, list[n].taker = "", ""
	}
	rapid.Check(t, func(t *rapid.T) {
		list := drawRounding(t, list)
		a, b := openAccount(t, 1e12, "0", list...), openAccount(t, 1e12, "10", list...)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			s := exchange.SymbolID(rapid.IntRange(0, len(list)-1).Draw(t, "symbol"))
			switch price := drawPrice(t, s, 30); rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				side, qty := drawSide(t), drawQty(t, s)
				f := exchange.Fill{Symbol: s, Side: side, Qty: qty, Price: price}
				a.Fill(&f)
				f = exchange.Fill{Symbol: s, Side: side.Opposite(), Qty: qty, Price: price}
				b.Fill(&f)
			case 1:
				rate := exchange.Ratio(rapid.Int64Range(-37_500_000, 37_500_000).Draw(t, "rate"))
				a.Fund(s, rate, 0)
				b.Fund(s, rate, 0)
			default:
				a.SetMark(s, price, 0)
				b.SetMark(s, price, 0)
			}
			for s := range list {
				require.Equal(t, a.positions[s].mark, b.positions[s].mark)
				require.Equal(t, -a.positions[s].held.Qty, b.positions[s].held.Qty)
			}
			require.Equal(t, exchange.Money(2e12), a.Equity()+b.Equity())
		}
	})
}

// Between marks equity moves by what the contracts held are worth, and by
// nothing else.
func TestEquityFollowsMarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWalk(t)
		for range rapid.IntRange(1, 6).Draw(t, "fills") {
			w.anyFill(drawMarket(t))
		}
		for range 5 {
			s := drawMarket(t)
			p := &w.a.positions[s]
			before, was := w.a.MarginOf(s, 0).Balance, p.mark
			price := drawPrice(t, s, 30)
			w.a.SetMark(s, price, 0)
			var want exchange.Money
			if p.held.Qty != 0 {
				want = p.terms.Cost(p.held.Qty, price) - p.terms.Cost(p.held.Qty, was)
			}
			require.Equal(t, before+want, w.a.MarginOf(s, 0).Balance)
		}
	})
}

// safeMarks may be narrow, but never lets a mark pass that it should not, and is
// not far from the edge.
func TestSafeMarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := exchange.SymbolID(rapid.IntRange(0, 3).Draw(t, "symbol"))
		a := openAccount(t, 1e12, "0", drawRounding(t, markets)...)
		f := exchange.Fill{Symbol: s, Side: drawSide(t), Qty: drawQty(t, s), Price: drawPrice(t, s, 30)}
		a.Fill(&f)
		p := &a.positions[s]
		bound := exchange.Money(rapid.Int64Range(-2*int64(f.Value), 2*int64(f.Value)).Draw(t, "floor"))
		lo, hi := p.safeMarks(bound)
		safe := func(price exchange.Price) bool {
			return price > 0 && p.terms.Cost(p.held.Qty, price)-p.held.Cost > bound
		}
		worst := exchange.MustPrice("0.5")
		if markets[s].kind != exchange.Inverse {
			worst = 1
		}
		for _, price := range []exchange.Price{lo, hi, lo + 1, hi - 1, drawPrice(t, s, 90)} {
			if lo <= price && price <= hi && price >= worst && price <= exchange.MustPrice("1000000") {
				require.True(t, safe(price), "%s in %d to %d", price, lo, hi)
			}
		}
	})
}

// The comparison without a division is the one with it.
func TestCoversIsNotLessThanTheShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gross := exchange.Money(rapid.Int64Range(0, 1e17).Draw(t, "gross"))
		rate := exchange.Ratio(rapid.Int64Range(0, int64(exchange.RatioUnit)).Draw(t, "rate"))
		need := share(gross, rate, exchange.Ceil)
		require.True(t, covers(need, gross, rate))
		require.False(t, covers(need-1, gross, rate))
		require.True(t, covers(need+exchange.Money(rapid.Int64Range(0, 1e17).Draw(t, "more")), gross, rate))
	})
}
