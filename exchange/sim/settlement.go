package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// expire ends a dated contract: orders are cancelled, and the position is settled.
// The venue settles at an average of the index over the last half hour; the
// simulator takes the index price where the data has one, else the mark price, else
// the last. One that is older than half an hour is counted.
func (x *Exchange) expire(s *symbol, t exchange.Time) {
	s.expireAt, s.expired = exchange.Never, true
	for _, o := range x.selected(exchange.CancelFilter{Symbol: s.id}) {
		if o.state != gone {
			x.cancel(o, "Canceled: Instrument expired")
		}
	}
	x.catchUp(s, t)
	price, of := s.settlementPrice()
	if s.pos == 0 || price <= 0 {
		return
	}
	f := exchange.Fill{Symbol: s.id, Side: exchange.SideOf(-s.pos), Qty: s.pos.Abs(), Price: price, Type: exchange.ExecSettlement, Time: t}
	x.account.Fill(&f)
	x.stats.Settlements++
	x.stats.settledAt(t.Sub(of))
	x.forced(s, &f, "Settlement")
}
