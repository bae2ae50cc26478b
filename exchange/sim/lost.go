package sim

import (
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// lostCommand is a request that never arrives, and when and what its client will know.
type lostCommand struct {
	command
	reason string
	// bounced: the answer has travelled already by command.arrival. Otherwise the
	// client asks the venue then, and its answer takes its time.
	bounced bool
}

// miss keeps a request from arriving and tells its client why at a time.
func (x *Exchange) miss(c *command, at exchange.Time, reason string) { x.lost(c, at, reason, false) }

// bounce rejects a request before it has reached the exchange, if the latency model
// knows that it was.
func (x *Exchange) bounce(c *command, now exchange.Time) bool {
	after, rejected := c.symbol.bounces.rejects(now)
	if rejected {
		x.stats.Bounced++
		x.lost(c, now.Add(after), "Request was rejected on its way", true)
	}
	return rejected
}

func (x *Exchange) lost(c *command, at exchange.Time, reason string, bounced bool) {
	c.arrival = at
	list := &x.trouble.lost
	i := len(*list)
	for i > 0 && (*list)[i-1].arrival > at {
		i--
	}
	*list = slices.Insert(*list, i, lostCommand{*c, reason, bounced})
	x.clocks.set(&x.clocks.lost, x.trouble.asked())
	x.next = min(x.next, at)
}

// asked returns when a client next hears of a request that was lost.
func (t *trouble) asked() exchange.Time {
	if len(t.lost) == 0 {
		return exchange.Never
	}
	return t.lost[0].arrival
}

// answerLost tells the clients of lost requests what became of them.
func (x *Exchange) answerLost(t exchange.Time) {
	for x.trouble.asked() <= t {
		c := x.trouble.lost[0]
		x.trouble.lost = slices.Delete(x.trouble.lost, 0, 1)
		x.clocks.set(&x.clocks.lost, x.trouble.asked())
		if !c.bounced {
			x.turnAway(&c.command, c.reason)
			continue
		}
		model := c.symbol.latency
		c.symbol.latency = ZeroLatency{}
		x.turnAway(&c.command, c.reason)
		c.symbol.latency = model
	}
}
