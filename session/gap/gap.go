// Package gap measures how far a simulator is from the venue: of orders that both were
// given, whether both filled them, at what price, how soon, how long messages took, and
// what the simulator took to be ahead of orders that were filled.
//
// It reads what package session keeps of such orders, and is read by the commands and
// the page that show a session.
package gap

import (
	"cmp"
	"math"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
)

// Report is the gap between a venue and the simulator beside it. Times are in seconds.
type Report struct {
	Orders   int  `json:"orders"`
	Shadowed bool `json:"shadowed"` // there is a simulator beside the venue

	// Orders by whether any of them was filled. Those that are still open on either side
	// are not among them.
	Open      int     `json:"open"`
	Both      int     `json:"filled_by_both"`
	Venue     int     `json:"filled_by_venue"`
	Sim       int     `json:"filled_by_simulator"`
	Neither   int     `json:"filled_by_neither"`
	Agreement float64 `json:"agreement"` // share of orders that both filled or neither did

	// Price is by how much the venue's is worse for us than the simulator's, in basis
	// points.
	Price Quantiles `json:"price_bp"`
	// From sending to hearing of the first fill, and how much later the venue's was.
	VenueWait Quantiles `json:"venue_wait"`
	SimWait   Quantiles `json:"simulator_wait"`
	Later     Quantiles `json:"venue_later"`
	// From sending to hearing that the order was taken or refused.
	Seen     Quantiles `json:"latency_seen"`
	Modelled Quantiles `json:"latency_modelled"`
	// Queue is what the simulator saw ahead of orders at the moment at which the venue
	// filled them, as a share of what it saw when they joined: 0 is the truth. Of those
	// that it filled before it is not known by how much it was wrong: Early counts them.
	Queue Quantiles `json:"queue_left"`
	Early int       `json:"filled_early"`
}

// Quantiles describe a distribution.
type Quantiles struct {
	Count int     `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
}

// Of describes a distribution; it sorts the values.
func Of(values []float64) (q Quantiles) {
	if len(values) == 0 {
		return q
	}
	slices.Sort(values)
	at := func(p float64) float64 { return values[max(0, int(math.Ceil(p*float64(len(values))))-1)] }
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return Quantiles{Count: len(values), Mean: sum / float64(len(values)), P50: at(0.5), P90: at(0.9), P99: at(0.99)}
}

// Measure compares what became of orders.
func Measure(list []session.Fate) *Report {
	r := &Report{Orders: len(list)}
	var m measured
	for i := range list {
		f := &list[i]
		r.Shadowed = r.Shadowed || f.Sim.Heard != 0
		m.times(f)
		r.count(f)
		if f.Venue.Filled > 0 && f.Sim.Filled > 0 {
			m.both(f)
		}
		r.Early += m.queueOf(f)
	}
	if counted := r.Both + r.Venue + r.Sim + r.Neither; counted > 0 {
		r.Agreement = float64(r.Both+r.Neither) / float64(counted)
	}
	r.Price, r.VenueWait, r.SimWait, r.Later = Of(m.price), Of(m.venueWait), Of(m.simWait), Of(m.later)
	r.Seen, r.Modelled, r.Queue = Of(m.seen), Of(m.modelled), Of(m.queue)
	return r
}

// measured are the values of a report.
type measured struct{ price, venueWait, simWait, later, seen, modelled, queue []float64 }

func (r *Report) count(f *session.Fate) {
	final := func(o *session.Outcome) bool {
		var s exchange.OrderStatus
		return s.UnmarshalText([]byte(o.Status)) == nil && s.Final()
	}
	switch {
	case f.Sim.Heard == 0 && f.Venue.Status != exchange.Rejected.String(): // no simulator, or not heard yet
		return
	case f.Venue.Filled > 0 && f.Sim.Filled > 0:
		r.Both++
	case !final(&f.Venue) || !final(&f.Sim):
		r.Open++
	case f.Venue.Filled > 0:
		r.Venue++
	case f.Sim.Filled > 0:
		r.Sim++
	default:
		r.Neither++
	}
}

func seconds(from, to exchange.Time) float64 { return to.Sub(from).Seconds() }

func (m *measured) times(f *session.Fate) {
	if f.Venue.Heard != 0 {
		m.seen = append(m.seen, seconds(f.Sent, f.Venue.Heard))
	}
	if f.Sim.Heard != 0 {
		m.modelled = append(m.modelled, seconds(f.Sent, f.Sim.Heard))
	}
	if f.Venue.First != 0 {
		m.venueWait = append(m.venueWait, seconds(f.Sent, f.Venue.First))
	}
	if f.Sim.First != 0 {
		m.simWait = append(m.simWait, seconds(f.Sent, f.Sim.First))
	}
}

func (m *measured) both(f *session.Fate) {
	worse := float64(f.Venue.Price-f.Sim.Price) / float64(f.Sim.Price) * 1e4
	if f.Side == exchange.Sell {
		worse = -worse
	}
	m.price = append(m.price, cmp.Or(worse, 0)) // no negative zero
	m.later = append(m.later, seconds(f.Sim.First, f.Venue.First))
}

// queueOf notes what was left of the queue, or that the simulator had no queue any more.
func (m *measured) queueOf(f *session.Fate) (early int) {
	if f.Venue.Filled == 0 || !f.Venue.Maker || f.Joined < 0 {
		return 0
	}
	if f.Ahead < 0 {
		if f.Sim.Filled > 0 {
			return 1
		}
		return 0
	}
	left := 0.0
	if f.Ahead > 0 {
		left = float64(f.Ahead) / float64(max(f.Joined, f.Ahead))
	}
	m.queue = append(m.queue, left)
	return 0
}
