package gateway

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// A filter names parts of an instant in UTC by the suffix of its column, as in "timestamp.hh". The suffixes
// are those of the temporal types of kdb+, the venue's database; the venue's own example of
// {"timestamp.time":"12:00","timestamp.ww":6} for a Friday at noon gives the days of its week.

// textParts are the parts that are written as text, by the layouts that a value may have. A time that leaves
// out its seconds stands for the whole minute.
var textParts = map[string][]string{
	"date":   {time.DateOnly},
	"month":  {"2006-01"},
	"minute": {"15:04"},
	"second": {time.TimeOnly},
	"time":   {"15:04", time.TimeOnly, "15:04:05.000"},
}

// numberParts are the parts that are whole numbers.
var numberParts = map[string]func(time.Time) int{
	"year": time.Time.Year,
	"mm":   func(t time.Time) int { return int(t.Month()) },
	"dd":   time.Time.Day,
	"hh":   time.Time.Hour,
	"uu":   time.Time.Minute,
	"ss":   time.Time.Second,
	"ww":   func(t time.Time) int { return (int(t.Weekday()) + 1) % 7 }, // 0 is Saturday
}

// partMatcher returns a test whether an instant has one of the values in a part; ok is false if there is no
// such part, or a value is none of it.
func partMatcher(part string, values []json.RawMessage) (fits func(api.Time) bool, ok bool) {
	of, number := numberParts[part]
	layouts, text := textParts[part]
	var tests []func(time.Time) bool
	for _, raw := range values {
		var v string
		if json.Unmarshal(raw, &v) != nil {
			v = string(raw)
		}
		switch {
		case number:
			n, err := strconv.Atoi(v)
			if err != nil {
				return nil, false
			}
			tests = append(tests, func(t time.Time) bool { return of(t) == n })
		case text:
			layout := slices.IndexFunc(layouts, func(l string) bool {
				t, err := time.Parse(l, v)
				return err == nil && t.Format(l) == v // Parse takes a fraction of a second that the layout does not have
			})
			if layout < 0 {
				return nil, false
			}
			tests = append(tests, func(t time.Time) bool { return t.Format(layouts[layout]) == v })
		default:
			return nil, false
		}
	}
	return func(at api.Time) bool {
		if at == 0 {
			return false
		}
		t := exchange.Time(at).Std()
		return slices.ContainsFunc(tests, func(test func(time.Time) bool) bool { return test(t) })
	}, true
}
