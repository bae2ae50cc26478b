package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// relot follows a change of the lot under orders and a position, as the venue did when
// it changed the lot of XBTUSD: what is left of orders is rounded down to whole lots,
// orders of less than a lot are cancelled, and what a position has beyond whole lots is
// closed at the mark price without a fee.
func (x *Exchange) relot(s *symbol) {
	lot := s.terms.LotSize
	for _, o := range x.selected(exchange.CancelFilter{Symbol: s.id}) {
		switch odd := o.Leaves % lot; {
		case o.state == gone || odd == 0:
		case odd == o.Leaves:
			x.cancel(o, "Canceled: Order quantity is less than the new lot size")
		default:
			x.cut(o, o.Leaves-odd)
			o.shown = min(o.shown, o.Leaves)
		}
	}
	x.catchUp(s, x.at)
	mark := s.markPrice()
	if s.pos%lot == 0 || mark <= 0 {
		return
	}
	x.account.SetMark(s.id, mark, x.at)
	if f, ok := x.account.CloseOddLot(s.id, x.at); ok {
		x.forced(s, &f, "Odd lot closed")
	}
}
