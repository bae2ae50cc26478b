package sim

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// startDay counts an order that ends with the day.
func (x *Exchange) startDay(o *order) {
	if o.TimeInForce != exchange.Day {
		return
	}
	o.daily = true
	x.daily++
	if x.clocks.midnight == exchange.Never {
		x.clocks.set(&x.clocks.midnight, x.at.Date().Add(24*time.Hour))
	}
}

// endDay cancels the orders for the day, oldest first, at 00:00 UTC.
func (x *Exchange) endDay() {
	for _, o := range x.selected(exchange.CancelFilter{AllSymbol: true}) {
		if o.daily && o.state != gone {
			x.cancelFor(o, "Canceled: Order had timeInForce of Day")
		}
	}
}
