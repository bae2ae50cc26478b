package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Rules are limits of a venue beyond those of its instruments. A zero is no limit.
type Rules struct {
	OpenOrders int            // of a symbol
	Stops      int            // of a symbol, among its open orders
	PriceBand  exchange.Ratio // how far beyond the mark price, else the last, an order may trade
	PerMinute  int            // requests
	PerSecond  int            // requests
	// AccountRisk is what the positions and orders that settle in XBt may be worth
	// together, in satoshis. Limits of other currencies are not known.
	AccountRisk exchange.Money
}

// BitMEXRules are those of BitMEX since February 2021: 200 open orders and 10 stops
// of a symbol, nothing more than 5 % beyond the mark, 60 requests a minute and 10 a
// second, positions and orders worth 10 000 XBT.
func BitMEXRules() Rules {
	return Rules{OpenOrders: 200, Stops: 10, PriceBand: exchange.RatioUnit / 20, PerMinute: 60, PerSecond: 10, AccountRisk: 1_000_000_000_000}
}

func (r Rules) String() string {
	if r == (Rules{}) {
		return "none"
	}
	return fmt.Sprintf("%d open orders, %d stops, %s price band, %d requests a minute, %d a second, %s XBT in positions and orders",
		r.OpenOrders, r.Stops, r.PriceBand, r.PerMinute, r.PerSecond, r.AccountRisk.Decimal(8))
}

// Faults are what happens to requests on a bad day, drawn with the seed.
type Faults struct {
	// Overload is the share of new orders and amendments that the venue turns away
	// unread. Cancellations always pass.
	Overload exchange.Ratio
	// Lost is the share of requests that never arrive. The client asks the venue for
	// them after LostAfter, which has not heard of them.
	Lost      exchange.Ratio
	LostAfter time.Duration // 0: 10 seconds
}

func (f Faults) String() string {
	if f.Overload == 0 && f.Lost == 0 {
		return "none"
	}
	return fmt.Sprintf("overload %s, lost %s", f.Overload, f.Lost)
}

func (c *Config) checkRules() error {
	r, f := &c.Rules, &c.Faults
	switch {
	case r.OpenOrders < 0 || r.Stops < 0 || r.PerMinute < 0 || r.PerSecond < 0 || r.AccountRisk < 0:
		return bad("rules", r.String(), "must not be negative")
	case r.PriceBand < 0 || r.PriceBand >= exchange.RatioUnit:
		return bad("rules.priceBand", r.PriceBand, "want 0 to 1")
	case f.Overload < 0 || f.Lost < 0 || f.Overload > exchange.RatioUnit || f.Lost > exchange.RatioUnit:
		return bad("faults", f.String(), "want shares from 0 to 1")
	case f.LostAfter < 0:
		return bad("faults.lostAfter", f.LostAfter, "must not be negative")
	}
	return nil
}

// trouble is the state of rules and faults.
type trouble struct {
	rand   *rand.Rand
	lost   []lostCommand // never to arrive, in the order in which their clients know
	minute exchange.Time
	second exchange.Time // when the bucket of a limit is full again
}

func newTrouble(seed uint64) trouble {
	return trouble{rand: rand.New(rand.NewPCG(seed, 0x6661756c7473))}
}

// happens draws whether something of a probability happens.
func (t *trouble) happens(p exchange.Ratio) bool {
	return p > 0 && exchange.Ratio(t.rand.Int64N(int64(exchange.RatioUnit))) < p
}

// lose keeps a request from arriving, if chance will have it.
func (x *Exchange) lose(c *command) bool {
	if !x.trouble.happens(x.cfg.Faults.Lost) {
		return false
	}
	wait := x.cfg.Faults.LostAfter
	if wait == 0 {
		wait = 10 * time.Second
	}
	x.stats.Lost++
	x.miss(c, max(x.now, 0).Add(wait), "Request timed out; the venue does not know it")
	return true
}

// hinders returns why a request that has arrived is not even read, if so.
func (x *Exchange) hinders(c *command) string {
	if !x.withinRate() {
		return "Rate limit exceeded, retry in 1 seconds."
	}
	if (c.kind == cmdSubmit || c.kind == cmdAmend) && x.trouble.happens(x.cfg.Faults.Overload) {
		x.stats.Overloads++
		return "The system is currently overloaded. Please try again later."
	}
	return ""
}

// withinRate takes a request off both buckets: a bucket of n that refills in a span
// is ahead of the clock by n-1 n-ths of it at the most.
func (x *Exchange) withinRate() bool {
	r, t := &x.cfg.Rules, &x.trouble
	if r.PerMinute == 0 && r.PerSecond == 0 {
		return true
	}
	minute, ok := fill(t.minute, x.at, r.PerMinute, time.Minute)
	if !ok {
		return false
	}
	second, ok := fill(t.second, x.at, r.PerSecond, time.Second)
	if !ok {
		return false
	}
	t.minute, t.second = minute, second
	return true
}

func fill(full, now exchange.Time, n int, span time.Duration) (exchange.Time, bool) {
	if n == 0 {
		return full, true
	}
	full = max(full, now).Add(span / time.Duration(n))
	return full, full.Sub(now) <= span
}

// turnAway answers a request that was not carried out.
func (x *Exchange) turnAway(c *command, reason string) {
	s := c.symbol
	switch c.kind {
	case cmdSubmit:
		o := x.orderOf(c)
		x.stats.Orders++
		x.reject(o, reason)
	case cmdAmend:
		x.refuseAmend(s, &c.amend, reason)
	case cmdCancel:
		x.reportReject(s, "cancel", c.cancel.OrderID, c.cancel.ClientID, reason)
	default:
		x.reportReject(s, c.name(), "", "", reason)
	}
}

// crowded returns why a symbol cannot have another order, if it cannot.
func (x *Exchange) crowded(o *order) string {
	r, s := &x.cfg.Rules, o.s
	if r.OpenOrders > 0 && s.busy >= r.OpenOrders {
		return "Too many open orders"
	}
	if r.Stops > 0 && o.Type.Triggered() && len(s.stops) >= r.Stops {
		return "Too many open stop orders"
	}
	return ""
}

// bound returns the price beyond which an order may not trade; 0: none.
func (x *Exchange) bound(s *symbol, side exchange.Side) exchange.Price {
	if x.cfg.Rules.PriceBand == 0 {
		return 0
	}
	ref := s.markPrice()
	if ref <= 0 {
		return 0
	}
	band := exchange.Price(exchange.MulDiv(int64(ref), int64(x.cfg.Rules.PriceBand), int64(exchange.RatioUnit), exchange.Floor))
	if side == exchange.Buy {
		return (ref + band).FloorTick(s.terms.TickSize)
	}
	return (ref - band).CeilTick(s.terms.TickSize)
}

// beyond returns why an order's limit is out of the price band, if it is.
func (x *Exchange) beyond(o *order, price exchange.Price) string {
	if x.cfg.Rules.PriceBand == 0 {
		return ""
	}
	return x.beyondBand(o, price)
}

func (x *Exchange) beyondBand(o *order, price exchange.Price) string {
	bound := x.bound(o.s, o.Side)
	switch {
	case bound == 0 || !o.limited() || !better(o.Side, price, bound):
		return ""
	case o.Side == exchange.Buy:
		return "Price greater than limitUpPrice"
	}
	return "Price less than limitDownPrice"
}
