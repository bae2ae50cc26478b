package data

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Kinds of streams. Bars have a kind for each interval: see [BarKind].
const (
	KindTrade       = "trade"
	KindQuote       = "quote"
	KindBook        = "book"
	KindOrder       = "order" // the orders of a book
	KindMark        = "mark"
	KindFunding     = "funding"
	KindLiquidation = "liquidation"
)

const day = 24 * time.Hour

const barPrefix = "bar-"

// Key names one stream of a catalog.
type Key struct {
	Venue  string `json:"venue"`
	Kind   string `json:"kind"`
	Symbol string `json:"symbol"`
}

// String returns "bitmex/trade/XBTUSD".
func (k Key) String() string { return k.Venue + "/" + k.Kind + "/" + k.Symbol }

func (k Key) compare(o Key) int { return strings.Compare(k.String(), o.String()) }

// dir returns the directory of the stream, relative to the root.
func (k Key) dir() string {
	return "venue=" + escape(k.Venue) + "/kind=" + escape(k.Kind) + "/symbol=" + escape(k.Symbol)
}

// KeyError says that a key names no stream that a catalog can hold.
type KeyError struct {
	Key    Key
	Reason string
}

// Error implements error.
func (e *KeyError) Error() string { return fmt.Sprintf("stream %s: %s", e.Key, e.Reason) }

func (k Key) validate() error {
	switch {
	case k.Venue == "":
		return &KeyError{Key: k, Reason: "the venue is empty"}
	case k.Symbol == "":
		return &KeyError{Key: k, Reason: "the symbol is empty"}
	case layoutOf(k.Kind) == nil:
		return &KeyError{Key: k, Reason: "unknown kind; want trade, quote, book, order, mark, funding, liquidation or " +
			"bars such as bar-1m, bar-1h, bar-1d"}
	}
	return nil
}

var barUnits = []struct {
	name string
	unit time.Duration
}{
	{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
	{"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", time.Nanosecond},
}

// BarKind returns the kind of a stream of bars, such as "bar-1m" or "bar-1d".
// An interval has one name: 60 minutes are "bar-1h". The interval must be
// positive.
func BarKind(interval time.Duration) string {
	for _, u := range barUnits {
		if interval >= u.unit && interval%u.unit == 0 {
			return barPrefix + strconv.FormatInt(int64(interval/u.unit), 10) + u.name
		}
	}
	return barPrefix + interval.String() // not a kind: ParseBarKind refuses it
}

// ParseBarKind returns the interval of a kind that BarKind made.
func ParseBarKind(kind string) (time.Duration, bool) {
	text, ok := strings.CutPrefix(kind, barPrefix)
	if !ok {
		return 0, false
	}
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil || n <= 0 {
		return 0, false
	}
	for _, u := range barUnits {
		if u.name != text[digits:] {
			continue
		}
		interval := time.Duration(n) * u.unit
		if BarKind(interval) != kind { // another name of it, or beyond the numbers
			return 0, false
		}
		return interval, true
	}
	return 0, false
}

// period is the length of time that one partition holds.
type period uint8

const (
	daily period = iota
	monthly
	yearly
)

// periodOf says how a kind is partitioned. Dense kinds have a partition a day.
// A year of 1-minute bars must open in a few milliseconds, so bars have fewer
// and larger ones.
func periodOf(kind string) period {
	interval, bar := ParseBarKind(kind)
	switch {
	case bar && interval >= day:
		return yearly
	case bar || kind == KindFunding:
		return monthly
	}
	return daily
}

// bounds returns the partition that holds t: its first instant and the first
// instant after it.
func (p period) bounds(t exchange.Time) (start, end exchange.Time) {
	if p == daily {
		start = t.Date()
		return start, start + exchange.Time(day)
	}
	s := t.Std()
	first := time.Date(s.Year(), s.Month(), 1, 0, 0, 0, 0, time.UTC)
	if p == monthly {
		return exchange.TimeOf(first), exchange.TimeOf(first.AddDate(0, 1, 0))
	}
	first = time.Date(s.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	return exchange.TimeOf(first), exchange.TimeOf(first.AddDate(1, 0, 0))
}

// Times outside these years do not fit the nanoseconds of a Time together with
// the end of their partition.
const (
	minTime = exchange.Time(-9214560000000000000) // 1678-01-01
	maxTime = exchange.Time(9214646400000000000)  // 2262-01-01
)

func dateDir(start exchange.Time) string { return "date=" + start.Std().Format(time.DateOnly) }

const hexDigits = "0123456789ABCDEF"

// escape makes a partition value of a name, in the manner of Hive: what is not
// plain becomes %XX.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if plain(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// unescape reads what escape wrote.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), b.Len() > 0
}
