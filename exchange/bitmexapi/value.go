package bitmexapi

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Number is a JSON number with the digits that it was sent with. Empty is null.
type Number string

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if n == "" {
		return []byte("null"), nil
	}
	return []byte(n), nil
}

// UnmarshalJSON implements json.Unmarshaler. A number in quotes counts: the venue takes
// both from forms.
func (n *Number) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		*n = ""
		return nil
	}
	if len(s) > 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	if _, err := strconv.ParseFloat(s, 64); err != nil {
		return fmt.Errorf("%q is not a number", s)
	}
	*n = Number(s)
	return nil
}

// Price returns the number as a price, rounded to its last digit: the venue prints
// floats such as 0.029509999999999998. Null is 0.
func (n Number) Price() (exchange.Price, error) {
	if n == "" {
		return 0, nil
	}
	return exchange.RoundPrice(string(n))
}

// Ratio returns the number as a ratio, rounded to its last digit. Null is 0.
func (n Number) Ratio() (exchange.Ratio, error) {
	if n == "" {
		return 0, nil
	}
	return exchange.RoundRatio(string(n))
}

// PriceNumber returns a price; 0 is null.
func PriceNumber(p exchange.Price) Number {
	if p == 0 {
		return ""
	}
	return Number(p.String())
}

// RatioNumber returns a ratio; 0 is 0.
func RatioNumber(r exchange.Ratio) Number { return Number(r.String()) }

// Time is an instant. On the wire it is ISO 8601 in UTC with milliseconds, and the
// zero Time is null.
type Time exchange.Time

const timeLayout = "2006-01-02T15:04:05.000Z"

// String returns the instant as it is on the wire, or the empty string.
func (t Time) String() string {
	if t == 0 {
		return ""
	}
	return exchange.Time(t).Std().Format(timeLayout)
}

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	if t == 0 {
		return []byte("null"), nil
	}
	b := make([]byte, 0, len(timeLayout)+2)
	b = append(b, '"')
	b = exchange.Time(t).Std().AppendFormat(b, timeLayout)
	return append(b, '"'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" || s == `""` {
		*t = 0
		return nil
	}
	if len(s) < 2 || s[0] != '"' {
		return fmt.Errorf("%s is not a time", s)
	}
	v, err := exchange.ParseTime(s[1 : len(s)-1])
	*t = Time(v)
	return err
}

// IntervalTime is how the API writes a duration: as a time of the first day of 2000.
func IntervalTime(d time.Duration) Time {
	if d == 0 {
		return 0
	}
	return Time(exchange.TimeOf(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Add(d))
}
