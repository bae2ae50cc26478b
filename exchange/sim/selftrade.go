package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// SelfTrade says what happens when an order that takes meets a resting order of the
// same account. It meets one before it goes on to a worse price of the market; at an
// equal price what the market shows comes first. BitMEX documents neither a parameter
// nor a rule, and no error message of its list mentions the case: that its orders
// match is an assumption.
type SelfTrade uint8

// What happens to orders of one account that meet.
const (
	SelfTradePass          SelfTrade = iota // they do not see each other
	SelfTradeMatch                          // they trade, and pay both fees
	SelfTradeCancelResting                  // the resting order is cancelled, and the other goes on
	SelfTradeCancelTaking                   // what is left of the order that takes is cancelled
	SelfTradeCancelBoth
)

var selfTradeNames = []string{"pass", "match", "cancel-resting", "cancel-taking", "cancel-both"}

// String returns the name that ParseSelfTrade reads.
func (s SelfTrade) String() string {
	if int(s) < len(selfTradeNames) {
		return selfTradeNames[s]
	}
	return "invalid"
}

// ParseSelfTrade reads pass, match, cancel-resting, cancel-taking or cancel-both.
func ParseSelfTrade(s string) (SelfTrade, error) {
	for i, n := range selfTradeNames {
		if n == s {
			return SelfTrade(i), nil
		}
	}
	return 0, bad("selfTrade", s, "want pass, match, cancel-resting, cancel-taking or cancel-both")
}

const selfTraded = "Canceled: Order would have traded with an order of the same account"

// own returns the resting order of the account that a taker meets before a price of
// the market, if any.
func (x *Exchange) own(o *order, limit, market exchange.Price, offered bool) *order {
	if x.cfg.SelfTrade == SelfTradePass {
		return nil
	}
	for r := range o.s.side(o.Side.Opposite()).all() {
		if limit != 0 && better(o.Side, r.Price, limit) {
			return nil
		}
		if offered && !better(o.Side, market, r.Price) {
			return nil
		}
		if r != o {
			return r
		}
	}
	return nil
}

// meetOwn deals with the resting orders of the account that a taker meets before a
// price of the market, and reports whether it goes on.
func (x *Exchange) meetOwn(o *order, limit, market exchange.Price, offered bool) bool {
	for o.Leaves > 0 {
		r := x.own(o, limit, market, offered)
		if r == nil {
			return true
		}
		switch x.cfg.SelfTrade {
		case SelfTradeMatch:
			q := min(o.Leaves, r.Leaves)
			p := r.Price
			x.fill(r, p, q, r.liquidity(q), exchange.SelfTraded)
			if o.state == gone {
				return false // the other was of its group
			}
			x.fill(o, p, q, exchange.RemovedLiquidity, exchange.SelfTraded)
		case SelfTradeCancelResting:
			x.cancel(r, selfTraded)
		case SelfTradeCancelBoth:
			x.cancel(r, selfTraded)
			fallthrough
		default:
			if o.state != gone {
				x.cancel(o, selfTraded)
			}
		}
	}
	return false
}

// ownOffers returns what orders of the account offer a taker that they may trade with.
func (x *Exchange) ownOffers(o *order, limit exchange.Price) (sum exchange.Qty) {
	if x.cfg.SelfTrade != SelfTradeMatch {
		return 0
	}
	for r := range o.s.side(o.Side.Opposite()).all() {
		if limit != 0 && better(o.Side, r.Price, limit) {
			break
		}
		sum += r.Leaves
	}
	return sum
}
