package ledger

import (
	"math"
	"math/bits"
	"slices"
	"sort"

	"github.com/dunamis-engine/dunamis/exchange"
)

// SetMark moves the mark price of a symbol and reports whether its position must
// be liquidated now. Nearly all marks lie where that is impossible, which two
// comparisons tell; the rest are tested exactly.
func (a *Account) SetMark(s exchange.SymbolID, mark exchange.Price, at exchange.Time) (liquidate bool) {
	p := &a.positions[s]
	p.time = at
	if mark != p.mark && mark > 0 {
		p.mark, p.stale = mark, true
		if p.wallet != nil {
			p.wallet.dirty = true
		}
	}
	if p.lo <= mark && mark <= p.hi && at < a.nextTerms {
		return false
	}
	return a.testMark(p, at)
}

func (a *Account) testMark(p *position, at exchange.Time) bool {
	a.advance(at)
	a.refresh(p.wallet)
	if !a.mustLiquidate(p) {
		a.arm(p)
		return false
	}
	// The other cross positions are due as well, wherever their marks are.
	for _, s := range p.wallet.touched {
		a.positions[s].disarm()
	}
	return true
}

// MustLiquidate returns the symbols whose positions must be liquidated now,
// ascending: isolated ones, and of each wallet either all cross positions or none.
// The slice is valid until the next call.
func (a *Account) MustLiquidate(at exchange.Time) []exchange.SymbolID {
	a.advance(at)
	a.forced = a.forced[:0]
	for n := range a.wallets {
		w := &a.wallets[n]
		a.refresh(w)
		for _, s := range w.touched {
			if a.mustLiquidate(&a.positions[s]) {
				a.forced = append(a.forced, s)
			}
		}
	}
	slices.Sort(a.forced)
	return a.forced
}

// mustLiquidate is the exact test, on refreshed state.
func (a *Account) mustLiquidate(p *position) bool {
	switch {
	case p.held.Qty == 0 || p.spot():
		return false
	case p.isolated():
		return p.margin.total+p.unrealised <= p.margin.maint
	}
	return p.wallet.equity() <= p.wallet.sums.crossMaint
}

// arm computes the marks between which a position that is safe now stays safe.
//
// Cross positions are armed together, since each stands for the others. Each may
// use up an equal part of what the account has above its maintenance, so as long
// as none leaves its range their losses together are less than that.
func (a *Account) arm(p *position) {
	switch {
	case p.held.Qty == 0 || p.spot():
		p.free()
		return
	case p.isolated():
		p.lo, p.hi = p.safeMarks(p.margin.maint - p.margin.total)
		return
	}
	w := p.wallet
	spare := (w.equity() - w.sums.crossMaint - 1) / exchange.Money(w.sums.crossCount)
	for _, s := range w.touched {
		if c := &a.positions[s]; c.held.Qty != 0 && !c.isolated() {
			c.lo, c.hi = c.safeMarks(c.unrealised - spare - 1)
		}
	}
}

// safeMarks returns a range of marks at which the unrealised PnL is certainly
// above a floor. It may be narrower than it could be by the rounding of a lot,
// and empty.
func (p *position) safeMarks(floor exchange.Money) (lo, hi exchange.Price) {
	lo, hi = math.MinInt64, math.MaxInt64
	inverse := p.terms.Kind == exchange.Inverse
	edge := p.held.Cost + floor // safe while the signed value is above
	unit := max(p.terms.Rounding.Unit, 1)
	if (p.held.Qty > 0) != inverse {
		// The value is positive: safe while it is at least edge+1. Rounding takes off less
		// than a unit.
		if edge < 0 {
			return lo, hi
		}
		if inverse {
			hi = p.worth(edge+unit, exchange.Ceil, exchange.Floor)
		} else {
			lo = p.worth(edge+unit, exchange.Ceil, exchange.Ceil)
		}
		return lo, hi
	}
	// The value counts against the position: safe while it is at most -edge-1. Rounding adds
	// less than a unit.
	if -edge <= unit {
		return math.MaxInt64, math.MinInt64
	}
	if inverse {
		lo = p.worth(-edge-unit, exchange.Floor, exchange.Ceil)
	} else {
		hi = p.worth(-edge-unit, exchange.Floor, exchange.Floor)
	}
	return lo, hi
}

// worth returns the price at which the position is worth v > 0, the greatest one if that is
// too high to represent. Where values are rounded per lot, the value of a lot is rounded
// first, and as perLot says.
func (p *position) worth(v exchange.Money, perLot, price exchange.Rounding) exchange.Price {
	if !p.terms.Rounding.PerFill {
		return p.lotPrice(p.perLot(v, perLot), price)
	}
	at := p.terms.PriceWorth(p.held.Qty, v, price)
	if at >= exchange.MaxPrice {
		return math.MaxInt64
	}
	return at
}

// perLot returns the value of one lot of a position that is worth v >= 0. It ends
// where lotPrice would overflow, which is far beyond the value at any price that
// occurs: a small position in a rich account gets there.
func (p *position) perLot(v exchange.Money, r exchange.Rounding) exchange.Money {
	most := uint64(math.MaxInt64 / p.terms.Divisor)
	hi, lo := bits.Mul64(uint64(v), uint64(p.terms.LotSize))
	qty := uint64(p.held.Qty.Abs())
	if hi >= qty {
		return exchange.Money(most)
	}
	q, rem := bits.Div64(hi, lo, qty)
	if r == exchange.Ceil && rem > 0 {
		q++
	}
	if unit := uint64(max(p.terms.Rounding.Unit, 1)); unit > 1 {
		odd := q % unit
		q -= odd
		if r == exchange.Ceil && odd > 0 {
			q += unit
		}
	}
	return exchange.Money(min(q, most))
}

// lotPrice returns the price at which a lot is worth u, the greatest one if that
// is too high to represent.
func (p *position) lotPrice(u exchange.Money, r exchange.Rounding) exchange.Price {
	lot := uint64(p.terms.Multiplier) * uint64(p.terms.LotSize)
	num, den := uint64(u)*uint64(p.terms.Divisor), lot
	if p.terms.Kind == exchange.Inverse {
		num, den = den, num
	}
	hi, lo := bits.Mul64(num, uint64(exchange.PriceUnit))
	if hi >= den {
		return math.MaxInt64
	}
	q, rem := bits.Div64(hi, lo, den)
	if r == exchange.Ceil && rem > 0 {
		q++
	}
	return exchange.Price(min(q, math.MaxInt64))
}

// liquidationPrices returns the marks at which the position is liquidated and at
// which all that stands behind it is lost, other marks staying as they are. Both
// are rounded to the tick towards the entry price.
func (a *Account) liquidationPrices(p *position) (liquidation, bankrupt exchange.Price) {
	if p.priced != p.wallet.round {
		p.priced = p.wallet.round
		p.liquidation, p.bankrupt = p.edges()
	}
	return p.liquidation, p.bankrupt
}

func (p *position) edges() (liquidation, bankrupt exchange.Price) {
	m := &p.margin
	if p.isolated() {
		return p.priceAt(m.total - m.maint), p.priceAt(m.total - m.comm)
	}
	behind := p.wallet.equity() - p.unrealised
	most := p.terms.MaxPrice
	return min(p.priceAt(behind-p.wallet.sums.crossMaint), most), min(p.priceAt(behind), most)
}

// priceAt returns the price at which the position has lost an amount: that many
// lots for that much value, the value of a lot (where the venue rounds it) rounded in the
// owner's favour and then the price. A price that does not exist becomes the greatest or, where the
// value would be negative, a tick.
func (p *position) priceAt(loss exchange.Money) exchange.Price {
	inverse, long := p.terms.Kind == exchange.Inverse, p.held.Qty > 0
	value := p.held.Cost - loss
	if long == inverse {
		value = -value
	}
	if value <= 0 {
		if inverse {
			return p.terms.MaxPrice
		}
		return p.terms.TickSize
	}
	perLot, round := exchange.Floor, exchange.Floor
	if long != inverse {
		perLot = exchange.Ceil
	}
	if long {
		round = exchange.Ceil
	}
	price := p.worth(value, perLot, round)
	if price > exchange.MaxPrice || !inverse && price > p.terms.MaxPrice {
		return p.terms.MaxPrice
	}
	if long {
		price = price.CeilTick(p.terms.TickSize)
	} else {
		price = price.FloorTick(p.terms.TickSize)
	}
	return max(price, p.terms.TickSize)
}

// CloseOddLot closes what a position has beyond whole lots, at its mark and without a
// fee. ok is false when there is none.
func (a *Account) CloseOddLot(s exchange.SymbolID, at exchange.Time) (f exchange.Fill, ok bool) {
	a.advance(at)
	p := &a.positions[s]
	odd := p.held.Qty % p.terms.LotSize
	if odd == 0 {
		return f, false
	}
	f = exchange.Fill{
		Symbol: s, Side: exchange.SideOf(-odd), Qty: odd.Abs(), Price: p.mark,
		Type: exchange.ExecSettlement, Cause: exchange.ForcedClose, Time: at,
	}
	a.bookAt(p, &f, 0)
	return f, true
}

// LowerRiskLimit is the first step of a liquidation: it lowers a risk limit that was
// raised to the least that holds the value of the position, and with it what the
// position needs. It reports whether it did.
func (a *Account) LowerRiskLimit(s exchange.SymbolID, at exchange.Time) bool {
	a.advance(at)
	p := &a.positions[s]
	a.refresh(p.wallet)
	lowered := false
	for p.steps > 0 && p.markValue.Abs() <= p.riskLimit()-p.terms.RiskStep {
		p.steps--
		lowered = true
	}
	if lowered {
		a.altered(p)
	}
	return lowered
}

// Excess is the second step: it returns how many contracts of a position are above
// the next lower risk limit, and the price beyond which they are not to be closed. It
// returns 0 for a position whose risk limit is at the base: that is taken over whole.
func (a *Account) Excess(s exchange.SymbolID, at exchange.Time) (qty exchange.Qty, price exchange.Price) {
	a.advance(at)
	p := &a.positions[s]
	a.refresh(p.wallet)
	if p.steps == 0 || p.mark == 0 {
		return 0, 0
	}
	held, lot, limit := p.held.Qty.Abs(), p.terms.LotSize, p.riskLimit()-p.terms.RiskStep
	if p.terms.Value(held, p.mark) <= limit {
		return 0, 0
	}
	fits := exchange.Qty(sort.Search(int(held/lot), func(lots int) bool {
		return p.terms.Value(exchange.Qty(lots+1)*lot, p.mark) > limit
	})) * lot
	return held - fits, a.takeoverPrice(p)
}

// Liquidate is the last step: the insurance fund takes the position of a symbol over
// at its bankruptcy price, with the taker fee, and adds what the account then lacks.
// The caller has the fund close and settle what it took. held is nil when there is
// nothing to liquidate.
func (a *Account) Liquidate(s exchange.SymbolID, at exchange.Time) (f exchange.Fill, held *Takeover) {
	a.advance(at)
	p := &a.positions[s]
	a.refresh(p.wallet)
	if p.held.Qty == 0 || p.spot() {
		return f, nil
	}
	w, qty, isolated, margin := p.wallet, p.held.Qty, p.isolated(), p.margin.total
	f = exchange.Fill{
		Symbol: s, Side: exchange.SideOf(-qty), Qty: qty.Abs(), Price: a.takeoverPrice(p),
		Type: exchange.ExecLiquidation, Liquidity: exchange.RemovedLiquidity, Cause: exchange.ForcedClose, Time: at,
	}
	held = a.fund.takeOver(p, qty, f.Price)
	a.book(p, &f)
	a.refresh(w)
	missing := -w.equity()
	if isolated {
		missing = f.Fee - f.Realised - margin
	}
	if missing > 0 {
		held.lacked = missing
		w.amount += missing
		w.totals.Insurance += missing
		a.changed(w)
	}
	return f, held
}

// takeoverPrice is the bankruptcy price. Cross positions go bankrupt together,
// each with a part of the account in proportion to its maintenance margin.
func (a *Account) takeoverPrice(p *position) exchange.Price {
	if p.isolated() {
		return p.priceAt(p.margin.total - p.margin.comm)
	}
	w := p.wallet
	left := w.equity()
	mine := left / exchange.Money(w.sums.crossCount)
	if w.sums.crossMaint > 0 {
		mine = exchange.Money(exchange.MulDiv(int64(left), int64(p.margin.maint), int64(w.sums.crossMaint), exchange.Floor))
	}
	return p.priceAt(mine - p.unrealised)
}
