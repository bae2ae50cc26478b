package analysis

import (
	"math"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/stats"
)

const (
	day        = 24 * time.Hour
	perYear    = 365
	cutoff     = 0.05
	confidence = 0.95
	draws      = 1000
	seed       = 1
	window     = 30
)

// midnight is an equity at the end of a day, or at the end of the run.
type midnight struct {
	at    exchange.Time
	value float64
}

// series is the equity in one currency, read sample by sample, in any unit.
type series struct {
	currency string
	start    float64
	begun    bool
	since    exchange.Time
	last     float64
	lastAt   exchange.Time
	days     []midnight
	falls    falls
	curve    curve
}

// add takes the equity at a sample. start is that of the first sample: what the
// account had before.
func (s *series) add(at exchange.Time, equity, start float64) {
	s.end(at, equity, start)
	s.falls.add(at, equity, start)
	s.curve.add(at, equity, start)
}

// end notes the equity at the ends of days.
func (s *series) end(at exchange.Time, equity, start float64) {
	if !s.begun {
		s.begun, s.start, s.since, s.last = true, start, at, start
	}
	// A day without samples ends with what the last sample said.
	for end := s.next(); at > end; end = s.next() {
		s.days = append(s.days, midnight{end, s.last})
	}
	s.last, s.lastAt = equity, at
	if at == s.next() {
		s.days = append(s.days, midnight{at, equity})
	}
}

// next is the midnight that ends the open day.
func (s *series) next() exchange.Time {
	if n := len(s.days); n > 0 {
		return s.days[n-1].at.Add(day)
	}
	return s.since.Date().Add(day)
}

// finish ends a day that has begun.
func (s *series) finish() {
	since := s.since
	if n := len(s.days); n > 0 {
		since = s.days[n-1].at
	}
	if s.lastAt > since {
		s.days = append(s.days, midnight{s.lastAt, s.last})
	}
}

// daily returns the returns of days. It is not ok when one of them began without
// equity: then no statistic of them has a meaning.
func (s *series) daily() (r []float64, ok bool) {
	base := s.start
	for _, d := range s.days {
		if base <= 0 {
			return nil, false
		}
		r = append(r, d.value/base-1)
		base = d.value
	}
	return r, true
}

// survived returns the returns of days, with 0 for those after everything was lost.
func (s *series) survived() []float64 {
	r := make([]float64, 0, len(s.days))
	base := s.start
	for _, d := range s.days {
		if base <= 0 {
			r = append(r, 0)
			continue
		}
		r = append(r, max(d.value/base-1, -1))
		base = d.value
	}
	return r
}

// describe computes the statistics of a series that is complete, and compares it
// with others over the same days. scale turns its unit into the one people say.
func (s *series) describe(length time.Duration, scale float64, held ...*series) Returns {
	out := Returns{Currency: s.currency, Start: s.start * scale, End: s.last * scale, Held: []Held{}, Drawdowns: s.falls.list(),
		Months: []Period{}, Years: []Period{}, Rolling: []Rolling{}, Distribution: []stats.Bin{}}
	out.Curve = s.curve.values(scale)
	out.MaxDrawdown = number(s.falls.deepest())
	out.UnderWater = number(s.falls.share(length))
	if s.start > 0 {
		out.Total = number(s.last/s.start - 1)
	}
	out.CAGR = s.cagr(length)
	if out.CAGR != nil && *out.MaxDrawdown > 0 {
		out.Calmar = number(*out.CAGR / *out.MaxDrawdown)
	}
	r, ok := s.daily()
	if !ok {
		return out
	}
	out.Days = len(r)
	out.ofDays(r)
	out.Distribution = append(out.Distribution, stats.Histogram(r, 40)...)
	out.Months, out.Years = s.calendar()
	out.BestMonth, out.WorstMonth = extremes(out.Months)
	out.Rolling = s.rolling(r)
	for _, h := range held {
		if b, ok := h.daily(); ok && len(b) == len(r) {
			x := against(r, b, h.currency)
			x.CAGR, x.MaxDrawdown = h.cagr(length), number(h.falls.deepest())
			out.Held = append(out.Held, x)
		}
	}
	return out
}

// cagr is the yearly rate of a day or more.
func (s *series) cagr(length time.Duration) *float64 {
	if length < day || s.start <= 0 || s.last <= 0 {
		return nil
	}
	return number(math.Pow(s.last/s.start, perYear*day.Seconds()/length.Seconds()) - 1)
}

func (o *Returns) ofDays(r []float64) {
	o.Volatility, o.Sharpe = number(stats.Volatility(r, perYear)), number(stats.Sharpe(r, perYear))
	o.SharpeError = number(stats.SharpeError(r, perYear))
	i := stats.SharpeInterval(r, perYear, confidence, draws, seed)
	o.SharpeLow, o.SharpeHigh = number(i.Low), number(i.High)
	shape := stats.ShapeOf(r)
	o.Probabilistic, o.MinTrackRecord = number(shape.Probabilistic(0)), number(shape.MinTrackRecord(0, confidence))
	o.Sortino, o.Omega, o.Ulcer = number(stats.Sortino(r, perYear)), number(stats.Omega(r)), number(stats.Ulcer(r))
	o.TailRatio, o.Skew, o.Kurtosis = number(stats.TailRatio(r)), number(stats.Skew(r)), number(stats.Kurtosis(r))
	o.VaR, o.CVaR = number(stats.VaR(r, cutoff)), number(stats.CVaR(r, cutoff))
	o.BestDay, o.WorstDay = number(stats.Quantile(r, 1)), number(stats.Quantile(r, 0))
	o.PositiveDays = number(stats.Share(r))
}

func against(r, b []float64, currency string) Held {
	return Held{Currency: currency, Total: number(stats.Total(b)),
		Volatility: number(stats.Volatility(b, perYear)), Sharpe: number(stats.Sharpe(b, perYear)),
		Alpha: number(stats.Alpha(r, b, perYear)), Beta: number(stats.Beta(r, b)),
		Correlation: number(stats.Correlation(r, b)), Information: number(stats.Information(r, b, perYear))}
}

// calendar compounds days into months and years, in UTC.
func (s *series) calendar() (months, years []Period) {
	months, years = []Period{}, []Period{}
	base, month, year := s.start, s.start, s.start
	for i, d := range s.days {
		at := d.at.Add(-1).Std()
		if i > 0 {
			before := s.days[i-1].at.Add(-1).Std()
			if before.Month() != at.Month() || before.Year() != at.Year() {
				month = base
			}
			if before.Year() != at.Year() {
				year = base
			}
		}
		if n := len(months); n == 0 || months[n-1].Year != at.Year() || months[n-1].Month != int(at.Month()) {
			months = append(months, Period{Year: at.Year(), Month: int(at.Month())})
		}
		if n := len(years); n == 0 || years[n-1].Year != at.Year() {
			years = append(years, Period{Year: at.Year()})
		}
		months[len(months)-1].Return = number(d.value/month - 1)
		years[len(years)-1].Return = number(d.value/year - 1)
		base = d.value
	}
	return months, years
}

func extremes(list []Period) (best, worst *float64) {
	for _, p := range list {
		if p.Return == nil {
			continue
		}
		if best == nil || *p.Return > *best {
			best = p.Return
		}
		if worst == nil || *p.Return < *worst {
			worst = p.Return
		}
	}
	return best, worst
}

func (s *series) rolling(r []float64) []Rolling {
	sharpe := stats.Rolling(r, window, func(w []float64) float64 { return stats.Sharpe(w, perYear) })
	volatility := stats.Rolling(r, window, func(w []float64) float64 { return stats.Volatility(w, perYear) })
	out := make([]Rolling, len(sharpe))
	for i := range sharpe {
		out[i] = Rolling{At: s.days[i+window-1].at, Sharpe: number(sharpe[i]), Volatility: number(volatility[i])}
	}
	return out
}
