package analysis

import (
	"math"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
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

// daily returns the returns of whole days, and their ends. It is not ok when one of
// them began without equity: then no statistic of them has a meaning.
func (s *series) daily() (r []float64, ends []exchange.Time, ok bool) {
	base, ok := s.start, true
	for i, d := range s.days {
		if s.whole(i) {
			ok = ok && base > 0
			r, ends = append(r, d.value/base-1), append(ends, d.at)
		}
		base = d.value
	}
	return r, ends, ok
}

// whole reports whether the run covers the whole of a day.
func (s *series) whole(i int) bool {
	from := s.days[i].at.Add(-1).Date()
	return reports.Whole(s.since, s.lastAt, from, from.Add(day))
}

// deepestDaily is the greatest fall over the ends of days, from the start on.
func (s *series) deepestDaily() float64 {
	if !s.begun {
		return math.NaN()
	}
	peak, worst := s.start, 0.0
	for _, d := range s.days {
		peak = max(peak, d.value)
		if peak > 0 {
			worst = max(worst, (peak-d.value)/peak)
		}
	}
	return worst
}

// survived returns the returns of whole days, with 0 for those after everything was
// lost.
func (s *series) survived() []float64 {
	r := make([]float64, 0, len(s.days))
	base := s.start
	for i, d := range s.days {
		change := 0.0
		if base > 0 {
			change = max(d.value/base-1, -1)
			base = d.value
		}
		if s.whole(i) {
			r = append(r, change)
		}
	}
	return r
}

// describe computes the statistics of a series that is complete, and compares it
// with others over the same days. scale turns its unit into the one people say.
func (s *series) describe(length time.Duration, scale float64, held ...*series) Returns {
	out := Returns{Currency: s.currency, Start: s.start * scale, End: s.last * scale, Held: []Held{}, Drawdowns: s.falls.list(),
		Rolling: []Rolling{}, Distribution: []stats.Bin{}, Reasons: map[string]string{}}
	out.Curve = s.curve.values(scale)
	out.MaxDrawdown, out.MaxDaily = number(s.falls.deepest()), number(s.deepestDaily())
	out.UnderWater = number(s.falls.share(length))
	if s.start > 0 {
		out.Total = number(s.last/s.start - 1)
	}
	out.CAGR = s.cagr(length)
	if why := reports.NoYearlyRate(length, s.start, s.last); why != "" {
		out.Reasons["cagr"], out.Reasons["calmar"] = why, why
	}
	if out.CAGR != nil && *out.MaxDrawdown > 0 {
		out.Calmar = number(*out.CAGR / *out.MaxDrawdown)
	}
	out.Months, out.Years = s.calendar()
	out.BestMonth, out.WorstMonth = extremes(out.Months)
	r, ends, ok := s.daily()
	out.Days = len(r)
	if why := s.noRatio(r, ok); why != "" {
		for _, name := range ratios {
			out.Reasons[name] = why
		}
	}
	if !ok {
		for _, name := range ofDays {
			out.Reasons[name] = "a day began without equity"
		}
		return out
	}
	out.ofDays(r)
	if len(r) >= reports.MinRatioDays {
		out.ratios(r)
	}
	out.Distribution = append(out.Distribution, stats.Histogram(r, 40)...)
	out.Rolling = rolling(r, ends)
	for _, h := range held {
		if b, _, ok := h.daily(); ok && len(b) == len(r) {
			x := against(r, b, h)
			x.CAGR, x.MaxDrawdown, x.MaxDaily = h.cagr(length), number(h.falls.deepest()), number(h.deepestDaily())
			out.Held = append(out.Held, x)
		}
	}
	return out
}

// Names of the figures that are over the daily returns, and of those of them that
// fewer than [reports.MinRatioDays] days do not have.
var (
	ofDays = []string{"volatility", "omega", "ulcer", "tail_ratio", "skew", "kurtosis", "var", "cvar", "best_day",
		"worst_day", "positive_days"}
	ratios = []string{"sharpe", "sharpe_error", "sharpe_low", "sharpe_high", "probabilistic_sharpe",
		"min_track_record_days", "sortino"}
)

// noRatio says why the series has no ratio of its returns to their spread, if so.
func (s *series) noRatio(r []float64, ok bool) string {
	switch {
	case len(r) < reports.MinRatioDays:
		return reports.TooFewDays(len(r), reports.MinRatioDays)
	case !ok:
		return "a day began without equity"
	}
	return ""
}

// cagr is the yearly rate, for a run that is long enough to have one.
func (s *series) cagr(length time.Duration) *float64 {
	if reports.NoYearlyRate(length, s.start, s.last) != "" {
		return nil
	}
	return number(math.Pow(s.last/s.start, perYear*day.Seconds()/length.Seconds()) - 1)
}

func (o *Returns) ofDays(r []float64) {
	o.Volatility = number(stats.Volatility(r, perYear))
	o.Omega, o.Ulcer = number(stats.Omega(r)), number(stats.Ulcer(r))
	o.TailRatio, o.Skew, o.Kurtosis = number(stats.TailRatio(r)), number(stats.Skew(r)), number(stats.Kurtosis(r))
	o.VaR, o.CVaR = number(stats.VaR(r, cutoff)), number(stats.CVaR(r, cutoff))
	o.BestDay, o.WorstDay = number(stats.Quantile(r, 1)), number(stats.Quantile(r, 0))
	o.PositiveDays = number(stats.Share(r))
}

// ratios are those that take many days.
func (o *Returns) ratios(r []float64) {
	o.Sharpe = number(stats.Sharpe(r, perYear))
	o.SharpeError = number(stats.SharpeError(r, perYear))
	i := stats.SharpeInterval(r, perYear, confidence, draws, seed)
	o.SharpeLow, o.SharpeHigh = number(i.Low), number(i.High)
	shape := stats.ShapeOf(r)
	o.Probabilistic, o.MinTrackRecord = number(shape.Probabilistic(0)), number(shape.MinTrackRecord(0, confidence))
	o.Sortino = number(stats.Sortino(r, perYear))
}

func against(r, b []float64, h *series) Held {
	out := Held{Currency: h.currency, Volatility: number(stats.Volatility(b, perYear)), Beta: number(stats.Beta(r, b)),
		Correlation: number(stats.Correlation(r, b))}
	if h.start > 0 {
		out.Total = number(h.last/h.start - 1)
	}
	if len(r) >= reports.MinRatioDays {
		out.Sharpe, out.Alpha = number(stats.Sharpe(b, perYear)), number(stats.Alpha(r, b, perYear))
		out.Information = number(stats.Information(r, b, perYear))
	}
	return out
}

// calendar compounds days into months and years, in UTC. One that begins without
// equity has no return.
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
			first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
			months = append(months, Period{Year: at.Year(), Month: int(at.Month()), Partial: !s.covers(first,
				first.AddDate(0, 1, 0))})
		}
		if n := len(years); n == 0 || years[n-1].Year != at.Year() {
			first := time.Date(at.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
			years = append(years, Period{Year: at.Year(), Partial: !s.covers(first, first.AddDate(1, 0, 0))})
		}
		months[len(months)-1].Return = change(month, d.value)
		years[len(years)-1].Return = change(year, d.value)
		base = d.value
	}
	return months, years
}

func change(from, to float64) *float64 {
	if from <= 0 {
		return nil
	}
	return number(to/from - 1)
}

// covers reports whether the run covers a period.
func (s *series) covers(from, until time.Time) bool {
	return reports.Whole(s.since, s.lastAt, exchange.TimeOf(from), exchange.TimeOf(until))
}

// extremes are those of the periods that the run covers.
func extremes(list []Period) (best, worst *float64) {
	for _, p := range list {
		if p.Return == nil || p.Partial {
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

func rolling(r []float64, ends []exchange.Time) []Rolling {
	sharpe := stats.Rolling(r, window, func(w []float64) float64 { return stats.Sharpe(w, perYear) })
	volatility := stats.Rolling(r, window, func(w []float64) float64 { return stats.Volatility(w, perYear) })
	out := make([]Rolling, len(sharpe))
	for i := range sharpe {
		out[i] = Rolling{At: ends[i+window-1], Sharpe: number(sharpe[i]), Volatility: number(volatility[i])}
	}
	return out
}
