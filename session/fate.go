package session

import (
	"cmp"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Fate is what became of an order that was sent to a live venue: there, and in the
// simulator beside it.
type Fate struct {
	ClientID string         `json:"client_id"`
	Symbol   string         `json:"symbol"`
	Side     exchange.Side  `json:"side"`
	Type     string         `json:"type"`
	Qty      exchange.Qty   `json:"qty"`
	Price    exchange.Price `json:"price"`
	Sent     exchange.Time  `json:"sent"`
	// Left is when the client sent it, after it had waited for a rate limit; 0: it is not known.
	Left  exchange.Time `json:"left,omitempty"`
	Venue Outcome       `json:"venue"`
	Sim   Outcome       `json:"sim"`
	// Joined is what the simulator saw ahead of the order when it joined its level, in
	// contracts, and Ahead what it still saw there when the venue first filled the order
	// as a maker: nothing was there in truth. −1: it does not know.
	Joined exchange.Qty `json:"joined"`
	Ahead  exchange.Qty `json:"ahead"`

	dirty bool // it is to be written
}

// Outcome is what became of an order on one of the two.
type Outcome struct {
	Status string         `json:"status,omitempty"` // empty: nothing was heard
	Told   exchange.Time  `json:"told,omitempty"`   // when it was accepted or refused, by the venue's clock
	Heard  exchange.Time  `json:"heard,omitempty"`  // when the session heard of that
	Filled exchange.Qty   `json:"filled,omitempty"` // contracts
	Price  exchange.Price `json:"price,omitzero"`   // of what was filled, on average
	First  exchange.Time  `json:"first,omitempty"`  // when the session heard of the first fill
	Maker  bool           `json:"maker,omitempty"`  // the first fill added liquidity
	Fees   exchange.Money `json:"fees,omitempty"`   // paid
	ended  bool
}

// fates follows orders until both sides are done with them.
type fates struct {
	names func(exchange.SymbolID) string
	ahead func(exchange.ClientID) (exchange.Qty, bool) // nil: there is no shadow
	open  map[exchange.ClientID]*Fate
	dirty []exchange.ClientID // to be written with the next transaction
	ended func(*Fate)         // may be nil
	// left says when the client sent an order. nil: it is not known, or the session sends no orders.
	left func(exchange.ClientID) (exchange.Time, bool)
}

func (f *fates) command(c *Command) {
	if c.Kind != commandSubmit {
		return
	}
	o := c.New
	f.open[o.ClientID] = &Fate{ClientID: string(o.ClientID), Symbol: f.names(o.Symbol), Side: o.Side, Type: o.Type.String(), Qty: o.Qty, Price: o.Price,
		Sent: c.At, Joined: -1, Ahead: -1}
	f.touch(o.ClientID)
}

func (f *fates) touch(id exchange.ClientID) {
	if fate := f.open[id]; !fate.dirty {
		fate.dirty = true
		f.dirty = append(f.dirty, id)
	}
}

// report takes in what the venue said.
func (f *fates) report(r *exchange.Report) {
	fate := f.of(r)
	if fate == nil {
		return
	}
	if fate.Venue.Heard == 0 && f.left != nil {
		fate.Left, _ = f.left(exchange.ClientID(fate.ClientID))
	}
	first := fate.Venue.Filled == 0
	fate.Venue.report(r)
	if first && fate.Venue.Filled > 0 && fate.Venue.Maker && fate.Sim.Filled == 0 && f.ahead != nil {
		if ahead, known := f.ahead(exchange.ClientID(fate.ClientID)); known {
			fate.Ahead = ahead
		}
	}
}

// simulated takes in what the simulator said.
func (f *fates) simulated(r *exchange.Report) {
	fate := f.of(r)
	if fate == nil {
		return
	}
	fate.Sim.report(r)
	if fate.Joined < 0 && r.Kind == exchange.ReportOrder && r.ExecType == exchange.ExecNew && f.ahead != nil {
		if ahead, known := f.ahead(exchange.ClientID(fate.ClientID)); known {
			fate.Joined = ahead
		}
	}
}

// of is the fate that a report is about, which will be written.
func (f *fates) of(r *exchange.Report) *Fate {
	if r.Kind != exchange.ReportOrder && r.Kind != exchange.ReportFill {
		return nil
	}
	id := cmp.Or(r.Order.ClientID, r.Fill.ClientID)
	if f.open[id] == nil {
		return nil
	}
	f.touch(id)
	return f.open[id]
}

// flush hands over what has changed, if anybody keeps it, and forgets what has ended.
func (f *fates) flush(keep func(*Fate) error) error {
	for _, id := range f.dirty {
		fate := f.open[id]
		fate.dirty = false
		if keep != nil {
			if err := keep(fate); err != nil {
				return err
			}
		}
		if fate.Venue.ended && (f.ahead == nil || fate.Sim.ended) {
			if f.ended != nil {
				f.ended(fate)
			}
			delete(f.open, id)
		}
	}
	f.dirty = f.dirty[:0]
	return nil
}

func (o *Outcome) report(r *exchange.Report) {
	if o.Heard == 0 {
		o.Told, o.Heard = r.Time, r.Arrival
	}
	if r.Order.ClientID != "" {
		o.Status, o.ended = r.Order.Status.String(), r.Order.Status.Final()
	}
	if r.Kind != exchange.ReportFill {
		return
	}
	o.Fees += r.Fill.Fee
	if r.Fill.Qty <= 0 {
		return // it fills nothing, so its price does not count
	}
	if o.Filled == 0 {
		o.First, o.Maker = r.Arrival, r.Fill.Liquidity == exchange.AddedLiquidity
	}
	before := o.Filled
	o.Filled += r.Fill.Qty
	// The average of prices by contracts; what is rounded is below any tick.
	o.Price += exchange.Price(exchange.MulDiv(int64(r.Fill.Price-o.Price), int64(o.Filled-before), int64(o.Filled), exchange.Nearest))
}

// departureTable was added to databases of version 2, and is made when one is opened to be run.
const departureTable = "CREATE TABLE IF NOT EXISTS departures (client_id TEXT PRIMARY KEY, at INTEGER NOT NULL) " +
	"WITHOUT ROWID"

const insertDeparture = "INSERT OR REPLACE INTO departures VALUES (?, ?)"

const insertFate = "INSERT OR REPLACE INTO fates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

func (f *Fate) row() []any {
	row := []any{f.ClientID, f.Symbol, f.Side.String(), f.Type, int64(f.Qty), f.Price.String(), int64(f.Sent), int64(f.Joined), int64(f.Ahead)}
	for _, o := range []*Outcome{&f.Venue, &f.Sim} {
		row = append(row, o.Status, int64(o.Told), int64(o.Heard), int64(o.Filled), o.Price.String(), int64(o.First), o.Maker, int64(o.Fees))
	}
	return row
}
