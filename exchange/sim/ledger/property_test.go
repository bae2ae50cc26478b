package ledger

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The market of the property tests: every kind of contract in one currency, one
// whose positions are no whole lots, a spot pair, and one that settles in
// another currency.
var (
	markets = []contract{
		{symbol: "XBTUSD", kind: exchange.Inverse, settle: xbt, multiplier: 1e8, tick: "0.5", lot: 100, im: "0.01", mm: "0.005", maker: "-0.00025", taker: "0.00075", limit: 2e10, step: 1e10},
		{symbol: "ETHUSD", kind: exchange.Quanto, settle: xbt, multiplier: 100, tick: "0.05", lot: 1, im: "0.02", mm: "0.01", maker: "-0.00025", taker: "0.00075", limit: 5e9, step: 5e9},
		{symbol: "LTCXBT", kind: exchange.Linear, settle: xbt, multiplier: 1e8, tick: "0.000001", lot: 1, im: "0.05", mm: "0.025", maker: "0.0002", taker: "0.0005", maxPrice: "100"},
		{symbol: "ODD", kind: exchange.Inverse, settle: xbt, multiplier: 1e8, tick: "0.5", lot: 7, im: "0.01", mm: "0.004", taker: "0.00075"},
		{symbol: "ETH_XBT", kind: exchange.Spot, settle: xbt, multiplier: 1e6, divisor: 10, tick: "0.0001", lot: 10, im: "1", mm: "1", taker: "0.001", maxPrice: "1000"},
		{symbol: "XBTUSDT", kind: exchange.Linear, settle: usdt, multiplier: 1, tick: "0.5", lot: 1000, im: "0.01", mm: "0.005"},
	}
	prices  = []string{"50000", "3000", "0.005", "9000", "0.06"}
	largest = []int64{20_000, 5_000, 2_000, 100_000, 1_000} // lots in an order
)

const traded = 5 // markets that the account may trade

var leverages = []string{"0", "0", "0.5", "1", "2", "3", "7.5", "10", "20"}

func drawMarket(t *rapid.T) exchange.SymbolID {
	return exchange.SymbolID(rapid.IntRange(0, traded-1).Draw(t, "symbol"))
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
	balance := exchange.Money(rapid.Int64Range(0, 20_000_000_000).Draw(t, "balance"))
	a := openAccount(t, balance, rapid.SampledFrom(leverages).Draw(t, "leverage"), markets...)
	w := &walk{T: t, a: a, fills: make([][]exchange.Fill, len(markets))}
	for s := range traded {
		a.SetMark(exchange.SymbolID(s), exchange.MustPrice(prices[s]), 0)
	}
	return w
}

func (w *walk) fill(s exchange.SymbolID, side exchange.Side, qty exchange.Qty, price exchange.Price) {
	before := w.a.Wallet()
	f := exchange.Fill{
		Symbol: s, Side: side, Qty: qty, Price: price, Type: exchange.ExecTrade,
		Liquidity: rapid.SampledFrom([]exchange.Liquidity{exchange.AddedLiquidity, exchange.RemovedLiquidity}).Draw(w.T, "liquidity"),
	}
	w.a.Fill(&f)
	w.fills[s] = append(w.fills[s], f)
	require.Equal(w, before+f.Realised-f.Fee, w.a.Wallet())
	require.Equal(w, w.a.PositionQty(s), f.Position)
}

// order places one if it may be placed.
func (w *walk) order(s exchange.SymbolID, fills bool) {
	side, qty, price := drawSide(w.T), drawQty(w.T, s), drawPrice(w.T, s, 10)
	o := *w.a.positions[s].side(side)
	before := w.a.Margin(0).Available
	if w.a.CheckOrder(s, side, qty, price, 0) != nil {
		return
	}
	w.a.SetOpen(s, side, o.qty+qty, o.cost+w.a.positions[s].terms.Value(qty, price))
	require.GreaterOrEqual(w, w.a.Margin(0).Available, min(0, before), "an order takes what is there")
	if p := &w.a.positions[s]; p.spot() && side == exchange.Sell {
		require.LessOrEqual(w, p.sells.qty, p.qty)
	}
	if fills {
		w.a.SetOpen(s, side, o.qty, o.cost)
		w.fill(s, side, qty, price)
	}
}

// anyFill trades without asking.
func (w *walk) anyFill(s exchange.SymbolID) {
	side, qty, price := drawSide(w.T), drawQty(w.T, s), drawPrice(w.T, s, 20)
	if held := w.a.PositionQty(s); rapid.Bool().Draw(w.T, "closes") && held != 0 {
		side, qty = exchange.SideOf(-held), held.Abs()
	}
	if markets[s].kind == exchange.Spot && side == exchange.Sell && qty > w.a.PositionQty(s) {
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

// liquidate closes what must be closed.
func (w *walk) liquidate() {
	list := w.a.MustLiquidate(0)
	for n := range markets {
		s := exchange.SymbolID(n)
		require.Equal(w, w.a.due(s), slices.Contains(list, s), "MustLiquidate")
		if w.a.positions[s].mark != 0 {
			require.Equal(w, w.a.due(s), w.a.SetMark(s, w.a.positions[s].mark, 0), "SetMark where it is")
		}
	}
	cross := false
	for _, s := range slices.Clone(list) {
		p := w.a.Position(s)
		held, before := w.a.positions[s].margin.total, w.a.Wallet()
		f, ok := w.a.Liquidate(s, 0)
		require.True(w, ok)
		require.Equal(w, p.Qty.Abs(), f.Qty)
		require.Zero(w, w.a.PositionQty(s))
		w.fills[s] = append(w.fills[s], f)
		if p.Leverage != 0 {
			require.GreaterOrEqual(w, w.a.Wallet(), before-held, "an isolated position loses no more than its margin")
		}
		cross = cross || p.Leverage == 0
		requireBooks(w, w.a)
	}
	if cross {
		_, _, left := w.a.crossState()
		require.Zero(w, left)
		require.GreaterOrEqual(w, w.a.Wallet(), exchange.Money(0))
	}
	if len(list) > 0 {
		require.Empty(w, w.a.MustLiquidate(0))
	}
}

func (w *walk) check() {
	requireBooks(w, w.a)
	equity, required, _ := w.a.crossState()
	require.Equal(w, equity, w.a.crossEquity())
	require.Equal(w, required, w.a.sums.crossMaint)
	for n := range markets {
		s, p := exchange.SymbolID(n), &w.a.positions[n]
		qty, cost, realised := rebuild(p.terms, w.fills[n])
		require.Equal(w, qty, w.a.PositionQty(s))
		require.Equal(w, []exchange.Money{cost, realised}, []exchange.Money{p.cost, p.realised}, "from the fills of %s", markets[n].symbol)
		total, maint, unrealised := p.needs()
		got := w.a.Position(s)
		require.Equal(w, unrealised, got.Unrealised)
		if p.isolated() {
			require.Equal(w, []exchange.Money{total, maint}, []exchange.Money{p.margin.total, p.margin.maint})
		} else {
			require.Equal(w, maint, got.MaintMargin)
		}
		if p.spot() {
			require.Equal(w, p.buys.cost, p.gross)
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
				for s := range traded {
					w.mark(exchange.SymbolID(s))
				}
			},
			"liquidate": func(*rapid.T) { w.liquidate() },
			"fund": func(t *rapid.T) {
				s, before := drawMarket(t), w.a.Wallet()
				paid, ok := w.a.Fund(s, exchange.Ratio(rate.Draw(t, "rate")), 0)
				require.Equal(t, w.a.PositionQty(s) != 0 && markets[s].kind != exchange.Spot, ok)
				require.Equal(t, before+paid.Amount, w.a.Wallet())
			},
			"funding": func(t *rapid.T) { w.a.SetFundingRate(drawMarket(t), exchange.Ratio(rate.Draw(t, "rate"))) },
			"cancel": func(t *rapid.T) {
				s := drawMarket(t)
				w.a.SetOpen(s, exchange.Buy, 0, 0)
				w.a.SetOpen(s, exchange.Sell, 0, 0)
			},
			"leverage": func(t *rapid.T) {
				s, was := drawMarket(t), w.a.Margin(0)
				p := w.a.Position(s)
				l := exchange.MustRatio(rapid.SampledFrom(leverages).Draw(t, "leverage"))
				if err := w.a.SetLeverage(s, l, 0); err != nil {
					require.Equal(t, was, w.a.Margin(0))
					require.Equal(t, p, w.a.Position(s))
					return
				}
				require.Equal(t, l, w.a.Position(s).Leverage)
				require.GreaterOrEqual(t, w.a.Margin(0).Available, min(0, was.Available))
				require.False(t, w.a.due(s))
			},
			"limit": func(t *rapid.T) {
				s, was := drawMarket(t), w.a.Margin(0)
				limit := exchange.Money(rapid.Int64Range(1e9, 6e10).Draw(t, "limit"))
				if w.a.SetRiskLimit(s, limit, 0) != nil {
					require.Equal(t, was, w.a.Margin(0))
				}
			},
		})
	})
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
		require.GreaterOrEqual(t, w.a.Margin(0).Available, exchange.Money(-1))
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
			require.Equal(t, whole.positions[s].cost, split.positions[s].cost)
			require.Equal(t, whole.totals.Turnover, split.totals.Turnover)
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
				require.Equal(t, -a.positions[s].qty, b.positions[s].qty)
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
			before, was := w.a.Equity(), p.mark
			price := drawPrice(t, s, 30)
			w.a.SetMark(s, price, 0)
			var want exchange.Money
			if p.qty != 0 {
				want = p.terms.Cost(p.qty, price) - p.terms.Cost(p.qty, was)
			}
			require.Equal(t, before+want, w.a.Equity())
		}
	})
}

// safeMarks may be narrow, but never lets a mark pass that it should not, and is
// not far from the edge.
func TestSafeMarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := exchange.SymbolID(rapid.IntRange(0, 3).Draw(t, "symbol"))
		a := openAccount(t, 1e12, "0", markets...)
		f := exchange.Fill{Symbol: s, Side: drawSide(t), Qty: drawQty(t, s), Price: drawPrice(t, s, 30)}
		a.Fill(&f)
		p := &a.positions[s]
		bound := exchange.Money(rapid.Int64Range(-2*int64(f.Value), 2*int64(f.Value)).Draw(t, "floor"))
		lo, hi := p.safeMarks(bound)
		safe := func(price exchange.Price) bool {
			return price > 0 && p.terms.Cost(p.qty, price)-p.cost > bound
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
