package exchange

// Basis is a position with what it cost, by average cost. The zero Basis is flat.
// Whatever is rounded, the costs of all fills and all that they realised add up to
// the cost of the position.
type Basis struct {
	Qty  Qty   // signed
	Cost Money // signed in the convention of [Terms.Cost]

	// The position when it last grew: parts are taken of that, so that closing in
	// small steps rounds no more than closing at once.
	baseQty  Qty
	baseCost Money
}

// BasisOf returns a position that an account already has.
func BasisOf(q Qty, cost Money) Basis { return Basis{q, cost, q, cost} }

// Apply moves the position by a signed quantity at a signed cost, and returns what
// closing a part of it realised, before fees. A fill that turns the position around
// is split pro rata, and the part that opens is rounded down, as on BitMEX.
func (b *Basis) Apply(q Qty, cost Money) (realised Money) {
	switch {
	case b.Qty == 0 || (b.Qty < 0) == (q < 0):
		b.grow(q, cost)
		return 0
	case q.Abs() <= b.Qty.Abs():
		return b.shrink(q, cost)
	}
	opens := b.Qty + q
	opened := Money(MulDiv(int64(cost), int64(opens), int64(q), Floor))
	realised = b.shrink(-b.Qty, cost-opened)
	b.grow(opens, opened)
	return realised
}

func (b *Basis) grow(q Qty, cost Money) {
	b.Qty += q
	b.Cost += cost
	b.baseQty, b.baseCost = b.Qty, b.Cost
}

func (b *Basis) shrink(q Qty, cost Money) (realised Money) {
	left, was := b.Qty+q, b.Cost
	if left == 0 {
		b.Cost, b.baseQty, b.baseCost = 0, 0, 0
	} else {
		b.Cost = Money(MulDiv(int64(b.baseCost), int64(left), int64(b.baseQty), Floor))
	}
	b.Qty = left
	return b.Cost - was - cost
}
