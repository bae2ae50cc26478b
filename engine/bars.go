package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// BarKind says what completes a bar.
type BarKind uint8

// Kinds of bars.
const (
	TimeBars   BarKind = iota // an interval of the clock: multiples of it since 1970-01-01 UTC, so that days, hours and minutes are the calendar's
	TickBars                  // a number of trades
	VolumeBars                // a number of contracts
)

// BarSpec describes a series of bars: "1m", "4h", "1d" are time bars, "500t" is
// 500 trades a bar and "1000000v" a million contracts a bar. The zero value is
// the bars of the data as they are.
type BarSpec struct {
	Kind     BarKind
	Interval time.Duration // of TimeBars
	Count    int64         // of TickBars and VolumeBars
}

// Bar is a completed bar and the series it belongs to.
type Bar struct {
	exchange.Bar
	Spec BarSpec
}

// ParseBarSpec reads what BarSpec.String prints; the empty text is the zero
// value.
func ParseBarSpec(s string) (BarSpec, error) {
	if s == "" {
		return BarSpec{}, nil
	}
	bad := fmt.Errorf("bars %q: want a time such as 1m, 4h or 1d, trades such as 500t, or contracts such as 1000000v", s)
	for suffix, kind := range map[string]BarKind{"t": TickBars, "v": VolumeBars} {
		if digits, ok := strings.CutSuffix(s, suffix); ok {
			n, err := strconv.ParseInt(digits, 10, 64)
			if err != nil || n <= 0 {
				return BarSpec{}, bad
			}
			return BarSpec{Kind: kind, Count: n}, nil
		}
	}
	text := s
	days, isDays := strings.CutSuffix(s, "d")
	if isDays {
		n, err := strconv.Atoi(days)
		if err != nil || n > 366 {
			return BarSpec{}, bad
		}
		text = strconv.Itoa(24*n) + "h"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return BarSpec{}, bad
	}
	return BarSpec{Interval: d}, nil
}

// String prints the spec in the form that ParseBarSpec reads.
func (b BarSpec) String() string {
	switch b.Kind {
	case TickBars:
		return strconv.FormatInt(b.Count, 10) + "t"
	case VolumeBars:
		return strconv.FormatInt(b.Count, 10) + "v"
	}
	switch d := b.Interval; {
	case d == 0:
		return ""
	case d%(24*time.Hour) == 0:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	case d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	default:
		return b.Interval.String()
	}
}

// series builds one subscribed series of bars from smaller bars or from trades.
type series struct {
	symbol  exchange.SymbolID
	spec    BarSpec
	bar     exchange.Bar
	open    bool           // bar has begun
	last    exchange.Price // last close, for bars in which nothing traded
	fromBar bool           // built from bars rather than trades
}

// addBar folds a smaller bar in. emit is called with each bar that completes.
func (s *series) addBar(b *exchange.Bar, emit func(*series)) {
	if s.spec.Kind != TimeBars {
		s.fold(b)
		s.completeCount(emit)
		return
	}
	start := b.Start.Truncate(s.spec.Interval)
	if s.open && start != s.bar.Start {
		s.complete(emit) // the rest of its small bars is missing
	}
	if !s.open {
		s.begin(start, start.Add(s.spec.Interval))
	}
	s.fold(b)
	if b.End >= s.bar.End {
		s.complete(emit)
	}
}

// addTrade folds a trade in. Turnover is what the venue would report.
func (s *series) addTrade(at exchange.Time, t exchange.Trade, terms *exchange.Terms, emit func(*series)) {
	if s.spec.Kind == TimeBars {
		s.closeBefore(at, emit)
		if !s.open {
			start := at.Truncate(s.spec.Interval)
			s.begin(start, start.Add(s.spec.Interval))
		}
	}
	s.fold(&exchange.Bar{Symbol: s.symbol, Start: at, End: at, Open: t.Price, High: t.Price, Low: t.Price, Close: t.Price,
		Volume: t.Qty, Turnover: terms.Value(t.Qty, t.Price), Trades: 1})
	if s.spec.Kind != TimeBars {
		s.completeCount(emit)
	}
}

// closeBefore completes every time bar that ends by at, quiet ones included.
func (s *series) closeBefore(at exchange.Time, emit func(*series)) {
	for s.open && s.bar.End <= at {
		next := s.bar.End
		s.complete(emit)
		s.begin(next, next.Add(s.spec.Interval))
	}
}

// due returns when the open time bar ends, or Never.
func (s *series) due() exchange.Time {
	if s.fromBar || !s.open || s.spec.Kind != TimeBars {
		return exchange.Never
	}
	return s.bar.End
}

func (s *series) begin(start, end exchange.Time) {
	s.bar = exchange.Bar{Symbol: s.symbol, Start: start, End: end, Open: s.last, High: s.last, Low: s.last, Close: s.last,
		Quiet: true}
	s.open = true
}

func (s *series) fold(b *exchange.Bar) {
	if !s.open {
		s.begin(b.Start, b.End)
	}
	if s.bar.Open == 0 || s.bar.Quiet && !b.Quiet {
		s.bar.Open, s.bar.High, s.bar.Low = b.Open, b.High, b.Low
	}
	s.bar.Quiet = s.bar.Quiet && b.Quiet
	s.bar.High = max(s.bar.High, b.High)
	s.bar.Low = min(s.bar.Low, b.Low)
	s.bar.Close = b.Close
	s.bar.Volume += b.Volume
	s.bar.Turnover += b.Turnover
	s.bar.Trades += b.Trades
	if s.spec.Kind != TimeBars {
		s.bar.End = b.End
	}
}

func (s *series) completeCount(emit func(*series)) {
	have := s.bar.Trades
	if s.spec.Kind == VolumeBars {
		have = int64(s.bar.Volume)
	}
	if have >= s.spec.Count {
		s.complete(emit)
	}
}

func (s *series) complete(emit func(*series)) {
	s.open = false
	s.last = s.bar.Close
	emit(s)
}
