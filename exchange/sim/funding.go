package sim

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// sameFunding is how far the due time of a rate may be from the instrument's
// funding time: venues publish times that are milliseconds off.
const sameFunding = time.Minute

func (x *Exchange) fundingEvent(s *symbol, ev *exchange.Event) {
	f := ev.Funding()
	if n := &s.rates[1]; n.Due != f.Due {
		s.rates[0] = *n
	}
	s.rates[1] = f
	if f.Due > x.at {
		x.announce(s, f.Rate)
	}
	if s.unfunded != 0 && near(f.Due, s.unfunded) {
		// The rate of a funding time that has passed comes to be known only now.
		s.unfunded = 0
		x.settle(s, f.Rate)
		x.reschedule()
	}
}

// announce tells the account the rate of the next funding, which the side that
// is to pay must be able to bear.
func (x *Exchange) announce(s *symbol, rate exchange.Ratio) {
	x.account.SetFundingRate(s.id, rate)
	if s.pos == 0 {
		return
	}
	x.catchUp(s, x.at)
	s.liquidation = x.account.Position(s.id).LiquidationPrice
	x.remark(s)
	s.touch(x.at)
	x.reschedule()
}

func near(a, b exchange.Time) bool {
	d := a.Sub(b)
	return d > -sameFunding && d < sameFunding
}

// fund settles funding at one of the instrument's funding times.
func (x *Exchange) fund(s *symbol, t exchange.Time) {
	due := s.fundAt
	s.fundAt = s.inst.NextFunding(t)
	s.unfunded = 0
	if s.pos == 0 {
		return
	}
	if rate, ok := x.rateAt(s, due); ok {
		x.settle(s, rate)
		return
	}
	s.unfunded = due
	x.stats.warn(WarnNoFunding)
}

// rateAt returns the rate of a funding time: the data's, or else the configured one.
func (x *Exchange) rateAt(s *symbol, due exchange.Time) (rate exchange.Ratio, ok bool) {
	for i := len(s.rates) - 1; i >= 0; i-- {
		if f := s.rates[i]; f.Due != 0 && near(f.Due, due) {
			return f.Rate, true
		}
	}
	return x.cfg.FundingRate, x.cfg.UseFundingRate
}

// settle pays or receives funding on the position.
func (x *Exchange) settle(s *symbol, rate exchange.Ratio) {
	if s.pos == 0 {
		return
	}
	x.revalue(x.at)
	p, ok := x.account.Fund(s.id, rate, x.at)
	if !ok {
		return
	}
	x.stats.Fundings++
	x.report(s, exchange.ReportFunding, exchange.ExecFunding).Funding = p
	x.reportAccount(s)
	x.remark(s)
	s.touch(x.at)
}

// revalue tells the account the prices of bars whose path needed no walking.
func (x *Exchange) revalue(t exchange.Time) {
	if x.onBars {
		x.revalueBars(t)
	}
}

func (x *Exchange) revalueBars(t exchange.Time) {
	for _, s := range x.symbols {
		if s.pos == 0 || s.marked || s.fidelity != fromBars {
			continue
		}
		x.catchUp(s, t)
		if s.last > 0 {
			x.account.SetMark(s.id, s.last, t)
		}
	}
}
