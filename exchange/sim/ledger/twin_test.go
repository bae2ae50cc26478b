package ledger

import (
	"math/big"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The twin computes what the package computes from as little as it can: from
// fills alone or from the plain state, in fractions, without caches, bounds or
// running sums.

func rat(a, b int64) *big.Rat { return big.NewRat(a, b) }

func ratio(r exchange.Ratio) *big.Rat { return rat(int64(r), int64(exchange.RatioUnit)) }

func mul(x, y *big.Rat) *big.Rat { return new(big.Rat).Mul(x, y) }

func add(x, y *big.Rat) *big.Rat { return new(big.Rat).Add(x, y) }

// floor rounds towards zero, ceil away from zero.
func floor(x *big.Rat) exchange.Money {
	return exchange.Money(new(big.Int).Quo(x.Num(), x.Denom()).Int64())
}

func ceil(x *big.Rat) exchange.Money {
	q, r := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	if r.Sign() != 0 {
		q.Add(q, big.NewInt(int64(x.Sign())))
	}
	return exchange.Money(q.Int64())
}

// rebuild returns the position that a history of fills leaves. It goes contract
// by contract group: what is open was opened by the fills since the last one
// that enlarged it.
func rebuild(terms *exchange.Terms, fills []exchange.Fill) (qty exchange.Qty, cost, realised exchange.Money) {
	var bestQty exchange.Qty // after the last enlargement
	var bestCost, spent exchange.Money
	for _, f := range fills {
		step := f.Side.Signed(f.Qty)
		paid := terms.Cost(step, f.Price)
		spent += paid
		next := qty + step
		switch {
		case next == 0:
			cost = 0
		case qty == 0 || qty.Sign() == step.Sign():
			cost += paid
			bestQty, bestCost = next, cost
		case next.Sign() == qty.Sign():
			cost = floor(mul(rat(int64(bestCost), int64(bestQty)), rat(int64(next), 1)))
		default:
			cost = floor(mul(rat(int64(paid), int64(step)), rat(int64(next), 1)))
			bestQty, bestCost = next, cost
		}
		qty = next
	}
	return qty, cost, cost - spent
}

// needs returns the margin of a position, what it needs, and its unrealised PnL.
func (p *position) needs() (total, maint, unrealised exchange.Money) {
	if p.held.Qty == 0 {
		return 0, 0, 0
	}
	cost, t := p.held.Cost.Abs(), p.terms
	unrealised = t.Cost(p.held.Qty, p.mark) - p.held.Cost
	if t.Kind == exchange.Spot {
		return cost, 0, unrealised
	}
	side := exchange.Ratio(p.held.Qty.Sign())
	rate := t.MaintMargin*exchange.Ratio(1+p.steps) + max(0, side*p.fundingRate)
	maint = ceil(mul(rat(int64(cost), 1), ratio(rate)))
	if p.leverage == 0 {
		return 0, maint, unrealised
	}
	level := ratio(t.InitMargin + t.MaintMargin*exchange.Ratio(p.steps))
	if own := new(big.Rat).Inv(ratio(p.leverage)); own.Cmp(level) > 0 {
		level = own
	}
	init := ceil(mul(rat(int64(cost), 1), level))
	comm := ceil(mul(rat(int64(cost+init+p.added), 1), ratio(max(t.MakerFee, t.TakerFee, t.SettleFee, 0))))
	if t.Kind == exchange.Inverse && p.held.Qty < 0 && p.leverage <= exchange.RatioUnit {
		comm, maint = 0, 0
	}
	return max(0, init+comm+p.added-p.lost), maint + comm, unrealised
}

// due tells whether a position must be liquidated, from the state alone.
func (a *Account) due(s exchange.SymbolID) bool {
	p := &a.positions[s]
	if p.held.Qty == 0 || p.terms.Kind == exchange.Spot {
		return false
	}
	if p.leverage != 0 {
		total, maint, unrealised := p.needs()
		return total+unrealised <= maint
	}
	equity, required, _ := a.crossState(p.wallet)
	return equity <= required
}

// crossState returns the equity behind the cross positions of a wallet, what they need,
// and how many there are.
func (a *Account) crossState(w *wallet) (equity, required exchange.Money, count int) {
	sum := &w.totals
	equity = w.deposit + sum.Realised - sum.Fees + sum.Funding + sum.Insurance + sum.Exchanged
	for n := range a.positions {
		p := &a.positions[n]
		if p.wallet != w {
			continue
		}
		total, maint, unrealised := p.needs()
		if p.leverage != 0 || p.terms.Kind == exchange.Spot {
			equity -= total
			continue
		}
		equity += unrealised
		required += maint
		if p.held.Qty != 0 {
			count++
		}
	}
	return equity, required, count
}

// grossByHand walks the contracts that could open one by one.
func grossByHand(held exchange.Qty, buys, sells Open) *big.Rat {
	avg := func(o Open) *big.Rat {
		if o.Qty == 0 {
			return new(big.Rat)
		}
		return rat(int64(o.Cost), int64(o.Qty))
	}
	b, s := buys.Qty, sells.Qty
	if held > 0 {
		s = max(0, s-held)
	} else {
		b = max(0, b+held)
	}
	both := min(b, s)
	dear := avg(buys)
	if avg(sells).Cmp(dear) > 0 {
		dear = avg(sells)
	}
	sum := mul(rat(int64(both), 1), dear)
	sum = add(sum, mul(rat(int64(b-both), 1), avg(buys)))
	return add(sum, mul(rat(int64(s-both), 1), avg(sells)))
}
