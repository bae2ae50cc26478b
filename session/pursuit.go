package session

import (
	"fmt"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Goals of a pursuit.
const (
	GoalNoOrders = "no-orders" // no order is open
	GoalFlat     = "flat"      // no order is open and every position is 0
)

// Pursuit is a state of the account that a session brings about: after a kill, a tripped
// limit or a request to end, that no order is open; after a request to flatten, that no
// position is left either. The session repeats its requests until the venue's reports
// confirm it. It is part of [State], so it survives the death of the process.
type Pursuit struct {
	Goal      string          `json:"goal"`           // GoalNoOrders or GoalFlat
	Rule      string          `json:"rule"`           // what required it: a rule of the risk guard, or flatten
	Since     exchange.Time   `json:"since"`          // when it was required
	Attempts  int             `json:"attempts"`       // rounds of requests so far
	Last      exchange.Time   `json:"last"`           // of the newest round
	Next      *exchange.Time  `json:"next,omitempty"` // of the next one; absent: none is due
	Confirmed *exchange.Time  `json:"confirmed,omitempty"`
	Orders    []PursuedOrder  `json:"orders,omitempty"`    // that are open and should not be; the first 20
	Open      int             `json:"open_orders"`         // how many those are in all
	Positions []PursuedAmount `json:"positions,omitempty"` // that are not 0 and should be
}

// PursuedOrder is an order that is to be cancelled.
type PursuedOrder struct {
	ClientID exchange.ClientID `json:"client_id"`
	Symbol   string            `json:"symbol"`
	Side     string            `json:"side"`
	Leaves   exchange.Qty      `json:"leaves"`
}

// PursuedAmount is a position that is to be closed.
type PursuedAmount struct {
	Symbol string       `json:"symbol"`
	Qty    exchange.Qty `json:"qty"`
}

// MaxPursuedOrders is how many orders a Pursuit lists.
const MaxPursuedOrders = 20

// Done reports whether the venue has confirmed what was required, or nothing was.
func (p *Pursuit) Done() bool { return p == nil || p.Confirmed != nil }

// cancelling reports whether orders are open that should not be.
func (p *Pursuit) cancelling() bool { return p != nil && p.Confirmed == nil && p.Open > 0 }

// Left says what is open that should not be.
func (p *Pursuit) Left() string {
	var parts []string
	if p.Open > 0 {
		var ids []string
		for _, o := range p.Orders {
			ids = append(ids, string(o.ClientID))
		}
		more := ""
		if p.Open > len(ids) {
			more = ", ..."
		}
		parts = append(parts, fmt.Sprintf("%d open orders (%s%s)", p.Open, strings.Join(ids, ", "), more))
	}
	for _, q := range p.Positions {
		parts = append(parts, fmt.Sprintf("a position of %d %s", q.Qty, q.Symbol))
	}
	if len(parts) == 0 {
		return "what is open is not known: the account is not heard"
	}
	return strings.Join(parts, ", ")
}

// Expirer is a venue whose dead man's switch can be left to expire.
type Expirer interface {
	// LetExpire stops the refreshing of the dead man's switch, or takes it up again.
	LetExpire(expire bool)
}

// letExpire leaves the dead man's switch to expire while orders are open that should not
// be: if no request of the session gets through, the venue cancels them by itself. Once
// they are gone the switch protects what is placed later.
func (s *Session) letExpire() {
	if v, ok := s.cfg.Live.venue.(Expirer); ok {
		v.LetExpire(s.state.Pursuit.cancelling())
	}
}

// flat reports whether what a request to flatten requires is confirmed.
func (s *Session) flat() bool {
	s.mu.Lock()
	asked := len(s.orders) > 0
	s.mu.Unlock()
	return !asked && (s.Pursued == nil || s.Pursued().Done())
}
