package exchange

import (
	"fmt"
	"math"
	"time"
)

// Time is an instant in nanoseconds since 1970-01-01 UTC. The loop compares and
// subtracts instants millions of times a second, so it is an integer and not a
// time.Time.
type Time int64

// Never is later than every instant that occurs.
const Never Time = math.MaxInt64

// TimeOf converts a time.Time of the years 1678 to 2261.
func TimeOf(t time.Time) Time { return Time(t.UnixNano()) }

// ParseTime reads RFC 3339 ("2020-01-01T00:00:00Z"), the same without a zone,
// which is UTC, or a plain date, which is midnight UTC.
func ParseTime(s string) (Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if at := TimeOf(t); at.Std().Equal(t) {
			return at, nil
		}
		return 0, fmt.Errorf("time %q: %w: want the years 1678 to 2261", s, ErrRange)
	}
	return 0, fmt.Errorf("time %q: want RFC 3339, such as 2020-01-01T00:00:00Z, or a date, such as 2020-01-01", s)
}

// Std returns the instant as a time.Time in UTC.
func (t Time) Std() time.Time { return time.Unix(0, int64(t)).UTC() }

// Add returns t+d; Never stays Never.
func (t Time) Add(d time.Duration) Time {
	if t == Never {
		return Never
	}
	return t + Time(d)
}

// Sub returns t-u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Truncate rounds t down to a multiple of d > 0 since 1970-01-01 UTC.
func (t Time) Truncate(d time.Duration) Time {
	r := t % Time(d)
	if r < 0 {
		r += Time(d)
	}
	return t - r
}

// Date returns midnight UTC of the day that holds t.
func (t Time) Date() Time { return t.Truncate(24 * time.Hour) }

// String prints RFC 3339 in UTC with as many fractional digits as needed.
func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return t.Std().Format(time.RFC3339Nano)
}

// MarshalText prints RFC 3339; the zero Time is the empty text.
func (t Time) MarshalText() ([]byte, error) {
	if t == 0 {
		return nil, nil
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads what MarshalText prints, and plain dates.
func (t *Time) UnmarshalText(b []byte) (err error) {
	switch string(b) {
	case "":
		*t = 0
		return nil
	case Never.String():
		*t = Never
		return nil
	}
	*t, err = ParseTime(string(b))
	return err
}
