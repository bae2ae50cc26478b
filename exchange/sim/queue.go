package sim

import (
	"math"
	"strconv"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// QueueUnit is one contract in a queue. Places in a queue are fixed point, so
// that they are the same on every processor.
const QueueUnit = 1 << 20

// maxQueue is the largest quantity that a place can express.
const maxQueue = exchange.Qty(math.MaxInt64 / QueueUnit / 4)

// QueueModel says what a fall of a price level means for the quantity ahead of
// our order there. A model has no state of its own.
type QueueModel interface {
	// Join returns the quantity ahead, in QueueUnits, of an order that joins a
	// level that shows a quantity.
	Join(shown exchange.Qty) int64
	// Change returns the quantity ahead after the level changed. What the model
	// returns is limited to what the level shows, and an order of ours is never less
	// far back than one that came before it at its price.
	Change(c LevelChange) int64
	// String returns the name that ParseQueue reads.
	String() string
}

// LevelChange is a change of the quantity that a price level shows.
type LevelChange struct {
	Front  int64        // ahead of our order, in QueueUnits; trades are taken off already
	Before exchange.Qty // shown before
	After  exchange.Qty // shown after
	Traded exchange.Qty // at this price since the level last changed
}

// Cancelled returns what left the level without a trade; 0 or less means that
// the level grew.
func (c *LevelChange) Cancelled() exchange.Qty { return c.Before - c.After - c.Traded }

// change applies a model within the limits that hold for every model: nothing
// but a trade or a cancel moves an order, and only forwards.
func change(m QueueModel, c LevelChange) int64 {
	front := c.Front
	if c.Cancelled() > 0 {
		front = min(front, max(m.Change(c), 0))
	}
	return min(front, int64(min(c.After, maxQueue))*QueueUnit)
}

// RiskAverse takes every cancel to be behind our order: the lower bound.
type RiskAverse struct{}

// Join implements [QueueModel].
func (RiskAverse) Join(shown exchange.Qty) int64 { return int64(shown) * QueueUnit }

// Change implements [QueueModel].
func (RiskAverse) Change(c LevelChange) int64 { return c.Front }

// String implements [QueueModel].
func (RiskAverse) String() string { return "risk-averse" }

// FrontOfQueue puts every order at the front: the upper bound.
type FrontOfQueue struct{}

// Join implements [QueueModel].
func (FrontOfQueue) Join(exchange.Qty) int64 { return 0 }

// Change implements [QueueModel].
func (FrontOfQueue) Change(LevelChange) int64 { return 0 }

// String implements [QueueModel].
func (FrontOfQueue) String() string { return "front" }

// Probabilistic spreads a cancel before and behind our order. With b behind and
// F ahead, P is the probability that a cancelled contract was behind us:
//
//	prob-power:k   b^k / (b^k + F^k)
//	prob-log       ln(1+b) / (ln(1+b) + ln(1+F))
//	prob-log2      ln(1+b) / ln(1+b+F)
//	prob-power2:k  b^k / (b+F)^k
//	prob-power3:k  1 - (F/(F+b))^k
//
// Of c cancelled contracts (1-P)·c come off F, and whatever of P·c there was
// not behind us.
type Probabilistic struct {
	// Compatible takes b to be Before - F, as hftbacktest does. That counts what
	// has traded since the last change as still behind us. Otherwise b is
	// Before - Traded - F.
	Compatible bool

	name   string
	power  float64 // 0: the function has none
	behind func(b, f, k float64) float64
}

// ProbPower is the model prob-power:k.
func ProbPower(k float64) Probabilistic {
	return Probabilistic{name: "prob-power", power: k, behind: behindPower}
}

// ProbLog is the model prob-log.
func ProbLog() Probabilistic { return Probabilistic{name: "prob-log", behind: behindLog} }

// ProbLog2 is the model prob-log2.
func ProbLog2() Probabilistic { return Probabilistic{name: "prob-log2", behind: behindLog2} }

// ProbPower2 is the model prob-power2:k.
func ProbPower2(k float64) Probabilistic {
	return Probabilistic{name: "prob-power2", power: k, behind: behindPower2}
}

// ProbPower3 is the model prob-power3:k.
func ProbPower3(k float64) Probabilistic {
	return Probabilistic{name: "prob-power3", power: k, behind: behindPower3}
}

// Join implements [QueueModel].
func (p Probabilistic) Join(shown exchange.Qty) int64 { return int64(shown) * QueueUnit }

// Change implements [QueueModel].
func (p Probabilistic) Change(c LevelChange) int64 {
	if c.Front <= 0 {
		return 0
	}
	f := float64(c.Front) / QueueUnit
	b := float64(c.Before) - f
	if !p.Compatible {
		b -= float64(c.Traded)
	}
	b = max(b, 0)
	return leftAhead(b, f, float64(c.Cancelled()), p.behind(b, f, p.power))
}

// leftAhead is what is ahead of an order after a cancel, in QueueUnits: of f contracts,
// when b are behind it and the cancelled ones were behind it with a probability.
func leftAhead(b, f, cancelled, prob float64) int64 {
	// The conversions forbid fused multiplication and addition, which would
	// round differently on some processors.
	ahead := float64((1 - prob) * cancelled)
	beyond := min(b-float64(prob*cancelled), 0)
	return int64(math.Round(float64((f - ahead + beyond) * QueueUnit)))
}

// String implements [QueueModel].
func (p Probabilistic) String() string {
	s := p.name
	if p.power != 0 {
		s += ":" + strconv.FormatFloat(p.power, 'g', -1, 64)
	}
	if p.Compatible {
		s += ",compat"
	}
	return s
}

func behindPower(b, f, k float64) float64 {
	m := max(b, f) // keeps the powers in range
	bk, fk := pow(b/m, k), pow(f/m, k)
	return bk / (bk + fk)
}

func behindLog(b, f, _ float64) float64 {
	lb := ln(1 + b)
	return lb / (lb + ln(1+f))
}

func behindLog2(b, f, _ float64) float64 { return ln(1+b) / ln(1+b+f) }

func behindPower2(b, f, k float64) float64 { return pow(b/(b+f), k) }

func behindPower3(b, f, k float64) float64 { return 1 - pow(f/(f+b), k) }

// QueueNames lists the names that ParseQueue reads, with example parameters.
func QueueNames() []string {
	return []string{"risk-averse", "front", "prob-power:3", "prob-log", "prob-log2", "prob-power2:3", "prob-power3:3", "cancels:0.1/0.3/0.6"}
}

// ParseQueue reads the name of a queue model, such as prob-power:3. The suffix
// ",compat" makes a probabilistic model compute as hftbacktest does.
func ParseQueue(s string) (QueueModel, error) {
	head, suffix, _ := strings.Cut(s, ",")
	name, param, hasParam := strings.Cut(head, ":")
	if suffix != "" && suffix != "compat" {
		return nil, badQueue(s)
	}
	compatible := suffix == "compat"
	if name == "cancels" && suffix == "" {
		return parseCancels(s, param)
	}
	if !hasParam && !compatible {
		switch name {
		case "risk-averse":
			return RiskAverse{}, nil
		case "front":
			return FrontOfQueue{}, nil
		}
	}
	m, ok := probabilistic(name, param, hasParam)
	if !ok {
		return nil, badQueue(s)
	}
	m.Compatible = compatible
	return m, nil
}

// probabilistic returns a model by the name of its function and its power, 3 if there is
// none.
func probabilistic(name, param string, hasParam bool) (m Probabilistic, ok bool) {
	k := 3.0
	if hasParam {
		var err error
		if k, err = strconv.ParseFloat(param, 64); err != nil || !(k > 0 && k <= 100) {
			return m, false
		}
	}
	switch {
	case name == "prob-power":
		return ProbPower(k), true
	case name == "prob-power2":
		return ProbPower2(k), true
	case name == "prob-power3":
		return ProbPower3(k), true
	case name == "prob-log" && !hasParam:
		return ProbLog(), true
	case name == "prob-log2" && !hasParam:
		return ProbLog2(), true
	}
	return m, false
}

func badQueue(s string) error {
	return bad("queue", s, "want one of "+strings.Join(QueueNames(), ", ")+
		"; the number may be any from 0 to 100, prob-... may end in ,compat, and cancels has one or more shares from 0 to 1 that do not fall")
}
