package ledger

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// hurry is a walk that draws once and then goes fast: what it looks at after every
// operation costs no more than the operation.
type hurry struct {
	tb
	*rand.Rand
	a     *Account
	fills [][]exchange.Fill
}

func (h *hurry) symbol() exchange.SymbolID { return exchange.SymbolID(h.IntN(len(markets))) }

// near is a price on the tick within some percent of the mark.
func (h *hurry) near(s exchange.SymbolID, percent int64) exchange.Price {
	mark, tick := h.a.positions[s].mark, h.a.positions[s].terms.TickSize
	within := int64(mark) * percent / 100
	return max((mark + exchange.Price(h.Int64N(2*within+1)-within)).RoundTick(tick), 10*tick)
}

func (h *hurry) fill(s exchange.SymbolID, side exchange.Side, qty exchange.Qty, price exchange.Price) {
	if h.a.CanPay(s, side, qty, price) != nil {
		return
	}
	f := exchange.Fill{Symbol: s, Side: side, Qty: qty, Price: price, Liquidity: exchange.Liquidity(1 + h.IntN(2))}
	h.a.Fill(&f)
	h.fills[s] = append(h.fills[s], f)
}

// order opens, adds, reduces or turns, as far as it may; orders may have prices that no
// market would fill.
func (h *hurry) order() {
	s := h.symbol()
	p := &h.a.positions[s]
	side := exchange.Side(1 + h.IntN(2))
	qty := exchange.Qty(1+h.Int64N(largest[s]/10)) * markets[s].lot
	price := h.near(s, 2)
	if h.IntN(3) == 0 && p.held.Qty != 0 {
		side, qty = exchange.SideOf(-p.held.Qty), p.held.Qty.Abs()
	}
	if h.a.CheckOrder(s, side, qty, price, 0) != nil {
		return
	}
	o := *p.side(side)
	h.a.SetOpen(s, side, o.Qty+qty, o.Cost+p.terms.Value(qty, price))
	if h.IntN(4) > 0 {
		h.a.SetOpen(s, side, o.Qty, o.Cost)
		h.fill(s, side, qty, price)
	}
}

func (h *hurry) operate() {
	s := h.symbol()
	switch n := h.IntN(40); {
	case n < 16:
		h.order()
	case n < 32:
		usual := exchange.MustPrice(prices[s])
		price := h.near(s, 1+h.Int64N(4))
		if price > 3*usual || price < usual/3 {
			price = usual
		}
		h.a.SetMark(s, price, 0)
	case n < 34:
		h.a.Fund(s, exchange.Ratio(h.Int64N(75_000_001)-37_500_000), 0)
	case n < 35:
		h.a.SetFundingRate(s, exchange.Ratio(h.Int64N(75_000_001)-37_500_000))
	case n < 36:
		h.a.SetOpen(s, exchange.Side(1+h.IntN(2)), 0, 0)
	case n < 37:
		_ = h.a.SetLeverage(s, exchange.MustRatio(leverages[h.IntN(len(leverages))]), 0)
	case n < 38:
		_ = h.a.SetRiskLimit(s, exchange.Money(1e9+h.Int64N(6e12)), 0)
	default:
		_ = h.a.TransferMargin(s, exchange.Money(h.Int64N(2e8)-1e8), 0)
	}
	h.liquidate()
	h.check()
}

// liquidate takes the steps, the second as the market likes.
func (h *hurry) liquidate() {
	for list := h.a.MustLiquidate(0); len(list) > 0; list = h.a.MustLiquidate(0) {
		s := list[0]
		p := &h.a.positions[s]
		if h.a.LowerRiskLimit(s, 0) {
			continue
		}
		if qty, limit := h.a.Excess(s, 0); qty > 0 && h.IntN(2) == 0 {
			h.fill(s, exchange.SideOf(-p.held.Qty), qty, limit)
			continue
		}
		isolated, margin, before := p.isolated(), p.margin.total, p.wallet.amount
		f, ok := liquidate(h.a, s, 0)
		if !ok || isolated && p.wallet.amount < before-margin {
			require.Fail(h, "an isolated position lost more than its margin", "%s: %d of %d", markets[s].symbol, before-p.wallet.amount, margin)
		}
		h.fills[s] = append(h.fills[s], f)
	}
}

// check looks at what can be told in a few comparisons.
func (h *hurry) check() {
	for n := range h.a.wallets {
		w := &h.a.wallets[n]
		sum := &w.totals
		if w.deposit+sum.Realised-sum.Fees+sum.Funding+sum.Insurance+sum.Exchanged != w.amount {
			require.Fail(h, "the wallet does not add up", "%+v", *w)
		}
		if w.dirty {
			h.a.refresh(w)
		}
		if w.sums.crossCount > 0 && w.equity() <= w.sums.crossMaint {
			require.Fail(h, "cross positions were left to lose", "%+v", *w)
		}
	}
	for _, f := range h.a.fund.states {
		if f.Balance != f.Deposit+f.Received-f.Paid || f.Balance < 0 {
			require.Fail(h, "the fund does not add up", "%+v", f)
		}
	}
}

// A million operations leave accounts that add up, in which no isolated position lost more
// than its margin, and whose positions are those that their fills make.
func TestAMillionOperations(t *testing.T) {
	const perCheck = 10_000
	began, done := time.Now(), 0
	rapid.Check(t, func(t *rapid.T) {
		if time.Since(began) > 20*time.Second {
			return // a machine that is this slow has seen enough
		}
		seed := rapid.Uint64().Draw(t, "seed")
		h := &hurry{tb: t, Rand: rand.New(rand.NewPCG(seed, 1)), fills: make([][]exchange.Fill, len(markets))}
		a, err := New(Config{
			Instruments: setOf(t, markets...), Currency: xbt, Balance: exchange.Money(h.Int64N(5e9)), Wallets: []Deposit{{usdt, exchange.Money(h.Int64N(5e12))}},
			Leverage: exchange.MustRatio(leverages[h.IntN(len(leverages))]), Fund: NewFund(Deposit{xbt, exchange.Money(h.Int64N(1e8))}),
		})
		require.NoError(t, err)
		h.a = a
		for s := range markets {
			setMark(a, exchange.SymbolID(s), prices[s])
		}
		for range perCheck {
			h.operate()
		}
		requireBooks(t, a)
		for s := range markets {
			p := &a.positions[s]
			if p.coin != nil {
				continue
			}
			qty, cost, realised := rebuild(p.terms, h.fills[s])
			require.Equal(t, []int64{int64(qty), int64(cost), int64(realised)}, []int64{int64(p.held.Qty), int64(p.held.Cost), int64(p.realised)}, markets[s].symbol)
		}
		done += perCheck
	})
	t.Logf("%d operations", done)
}
