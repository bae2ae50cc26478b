package sim

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Impact is what an order that takes pays beyond the prices of the book, because the
// market draws back from it: the square-root law, by which an order of size Q moves
// the price by
//
//	K · sigma · sqrt(Q / V)
//
// of itself, with sigma the volatility and V the volume of a day. Parts of an order
// together pay what the whole pays. A fill is moved by whole ticks, rounded to the
// nearest, and never beyond the order's limit. The zero value is no impact.
type Impact struct {
	K float64
	// Sigma and Volume of a day, as a fraction and in contracts. 0: measured from the
	// trades or bars of the last 24 hours, or of as many as there are.
	Sigma  float64
	Volume exchange.Qty
}

// String returns the name that ParseImpact reads.
func (m Impact) String() string {
	if m.K == 0 {
		return "none"
	}
	s := "sqrt:" + strconv.FormatFloat(m.K, 'g', -1, 64)
	if m.Volume != 0 {
		s += ":" + strconv.FormatFloat(m.Sigma, 'g', -1, 64) + ":" + strconv.FormatInt(int64(m.Volume), 10)
	}
	return s
}

// ParseImpact reads none, sqrt:K, or sqrt:K:SIGMA:VOLUME with the volatility and the
// volume of a day.
func ParseImpact(s string) (m Impact, err error) {
	wrong := bad("impact", s, "want none, sqrt:K such as sqrt:0.7, or sqrt:K:SIGMA:VOLUME such as sqrt:0.7:0.03:500000000, "+
		"with the volatility and the volume of a day")
	if s == "" || s == "none" {
		return m, nil
	}
	f := strings.Split(s, ":")
	if f[0] != "sqrt" || len(f) != 2 && len(f) != 4 {
		return m, wrong
	}
	if m.K, err = strconv.ParseFloat(f[1], 64); err != nil || !(m.K > 0 && m.K <= 100) {
		return Impact{}, wrong
	}
	if len(f) == 2 {
		return m, nil
	}
	if m.Sigma, err = strconv.ParseFloat(f[2], 64); err != nil || !(m.Sigma > 0 && m.Sigma <= 10) {
		return Impact{}, wrong
	}
	if m.Volume, err = exchange.ParseQty(f[3]); err != nil || m.Volume <= 0 {
		return Impact{}, wrong
	}
	return m, nil
}

func (m Impact) check() error {
	if !(m.K >= 0 && m.K <= 100) || !(m.Sigma >= 0 && m.Sigma <= 10) || m.Volume < 0 || (m.Sigma == 0) != (m.Volume == 0) {
		return bad("impact", fmt.Sprint(m), "want K from 0 to 100, and both sigma and volume or neither")
	}
	return nil
}

// bias says in which direction the model errs.
func (m Impact) bias() string {
	if m.K == 0 {
		return "our orders do not move the market"
	}
	return "what our orders do to the market ends with them"
}

// meter returns what measures the market for a model, nil if it need not be measured.
func (m Impact) meter() *meter {
	if m.K == 0 || m.Volume != 0 {
		return nil
	}
	return new(meter)
}

const (
	minutesOfDay = 24 * 60
	leastMinutes = 10 // of a market before it is measured
)

// meter adds up the squared returns and the volume of the minutes of the last day.
type meter struct {
	squares [minutesOfDay]float64
	volumes [minutesOfDay]exchange.Qty
	minute  int64 // since 1970, the newest
	first   int64
	last    exchange.Price // at the end of the newest minute so far
	before  exchange.Price // at the end of the minute before
	bar     exchange.Bar   // that has not ended; it may not be looked at
}

// see takes in a trade, or a bar once it has ended.
func (m *meter) see(ev *exchange.Event) {
	m.endBar(ev.Time)
	switch ev.Kind {
	case exchange.KindTrade:
		t := ev.Trade()
		m.add(ev.Time, t.Price, t.Qty)
	case exchange.KindBar:
		if m.bar.End == 0 || ev.BarInterval() <= m.bar.End.Sub(m.bar.Start) {
			m.bar = ev.Bar()
		}
	}
}

func (m *meter) endBar(now exchange.Time) {
	if m.bar.End != 0 && m.bar.End <= now {
		m.add(m.bar.End-1, m.bar.Close, m.bar.Volume)
		m.bar = exchange.Bar{}
	}
}

func (m *meter) add(at exchange.Time, p exchange.Price, q exchange.Qty) {
	if p <= 0 || at < 0 {
		return
	}
	m.turn(int64(at) / int64(time.Minute))
	m.last = p
	m.volumes[m.minute%minutesOfDay] += q
}

// turn ends the minutes before one.
func (m *meter) turn(minute int64) {
	if m.first == 0 {
		m.first, m.minute = minute, minute
		return
	}
	if minute <= m.minute {
		return
	}
	if m.before > 0 {
		r := ln(float64(m.last) / float64(m.before))
		m.squares[m.minute%minutesOfDay] = float64(r * r)
	}
	m.before = m.last
	for n := max(m.minute+1, minute-minutesOfDay); n <= minute; n++ {
		m.squares[n%minutesOfDay], m.volumes[n%minutesOfDay] = 0, 0
	}
	m.minute = minute
}

// day returns the volatility and the volume of a day, ok if enough of it has been seen.
func (m *meter) day(now exchange.Time) (sigma, volume float64, ok bool) {
	m.endBar(now)
	m.turn(int64(max(now, 0)) / int64(time.Minute))
	minutes := min(m.minute-m.first, minutesOfDay)
	if m.first == 0 || minutes < leastMinutes {
		return 0, 0, false
	}
	var squares float64
	var sum exchange.Qty
	for i := range m.squares {
		squares += m.squares[i]
		sum += m.volumes[i]
	}
	scale := float64(minutesOfDay) / float64(minutes)
	return math.Sqrt(float64(squares * scale)), float64(float64(sum) * scale), sum > 0
}

// push is the impact of one order while it takes.
type push struct {
	unit float64 // of the price, for the square root of a contract
	done exchange.Qty
}

// push begins an order's impact.
func (x *Exchange) push(s *symbol) push {
	m := x.cfg.Impact
	sigma, volume, ok := m.Sigma, float64(m.Volume), m.Volume != 0
	if s.meter != nil {
		sigma, volume, ok = s.meter.day(x.at)
	}
	if m.K == 0 || !ok {
		return push{}
	}
	return push{unit: float64(m.K*sigma) / math.Sqrt(volume)}
}

// warnOfImpact notes that an order had no impact because there was nothing to measure.
func (x *Exchange) warnOfImpact(s *symbol, m push) {
	if s.meter != nil && m.unit == 0 {
		x.stats.warn(WarnNoVolume)
	}
}

// price moves the price of the next part of an order away from it, at most to a limit.
func (m *push) price(side exchange.Side, p exchange.Price, q exchange.Qty, limit, tick exchange.Price) exchange.Price {
	if m.unit == 0 || q <= 0 {
		return p
	}
	from, to := float64(m.done), float64(m.done+q)
	m.done += q
	share := float64(m.unit*(float64(to*math.Sqrt(to))-float64(from*math.Sqrt(from)))) / float64(q)
	away := exchange.Price(math.Round(min(float64(float64(p)*share)/float64(tick), 1e9))) * tick
	moved := max(p+away*exchange.Price(side.Sign()), tick)
	if limit != 0 && better(side, moved, limit) {
		return limit
	}
	return moved
}
