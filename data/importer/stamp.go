package importer

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

const (
	second = int64(time.Second)
	// Microseconds before 2001 or after 2261 are seconds, milliseconds or
	// nanoseconds that somebody took for microseconds.
	minMicros = 1_000_000_000_000_000
	maxMicros = 9_183_000_000_000_000
)

// parseStamp reads YYYY-MM-DD, a 'T', 'D' or space, HH:MM:SS, up to nine
// decimals, and "Z", "+00:00" or nothing.
func parseStamp(b []byte) (exchange.Time, bool) {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[13] != ':' || b[16] != ':' ||
		b[10] != 'T' && b[10] != 'D' && b[10] != ' ' {
		return 0, false
	}
	year, month, day := digits(b[0:4]), digits(b[5:7]), digits(b[8:10])
	if !within(year, 1970, 2261) || !within(month, 1, 12) || !within(day, 1, daysIn(year, month)) {
		return 0, false
	}
	hour, minute, sec := digits(b[11:13]), digits(b[14:16]), digits(b[17:19])
	if !within(hour, 0, 23) || !within(minute, 0, 59) || !within(sec, 0, 59) {
		return 0, false
	}
	nanos, rest, ok := fraction(b[19:])
	if !ok || len(rest) != 0 && string(rest) != "Z" && string(rest) != "+00:00" {
		return 0, false
	}
	secs := (dayNumber(year, month, day)*24+hour)*3600 + minute*60 + sec
	return exchange.Time(secs*second + nanos), true
}

func within(n, low, high int64) bool { return n >= low && n <= high }

// digits reads a number of digits only, or returns -1.
func digits(b []byte) int64 {
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// fraction reads a point and one to nine digits as nanoseconds, if they are
// there.
func fraction(b []byte) (nanos int64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '.' {
		return 0, b, true
	}
	n := 1
	unit := second
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		unit /= 10
		nanos += int64(b[n]-'0') * unit
		n++
	}
	return nanos, b[n:], n >= 2 && n <= 10
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// dayNumber returns the days since 1970-01-01. Years are counted from March, so
// that the leap day is the last.
func dayNumber(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	const daysBefore1970 = 719_468 // since 0000-03-01
	ofYear := (153*(month-3)+2)/5 + day - 1
	return year*365 + year/4 - year/100 + year/400 + ofYear - daysBefore1970
}

// parseMicros reads microseconds since 1970.
func parseMicros(b []byte) (exchange.Time, bool) {
	if len(b) != 16 { // from 2001 to 2286
		return 0, false
	}
	n := digits(b)
	return exchange.Time(n * 1000), n >= minMicros && n < maxMicros
}
