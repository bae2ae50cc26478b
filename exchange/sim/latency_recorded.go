package sim

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// RoundTrip is what a request to a venue took, as its sender saw it.
type RoundTrip struct {
	Request  exchange.Time // when it was sent
	Exchange exchange.Time // when the venue acted on it; 0: it was rejected before the matching engine
	Response exchange.Time // when its sender heard of it
}

// RecordedLatency interpolates between recorded round trips: the way to the exchange
// over the times of the requests, the way back over the times at the exchange. Before
// the first and after the last it is theirs.
//
// A request between two trips of which one was rejected is rejected too: it never
// reaches the exchange, and the strategy hears of it after the whole round trip.
//
// The recording is never changed and a look-up keeps no place in it, so one recording
// serves many exchanges, however many files it came from.
type RecordedLatency struct {
	name    string
	trips   []RoundTrip // by Request
	arrived []RoundTrip // those that were not rejected, by Exchange
	// Offset is added to each way, to be further from the venue than the recorder was;
	// negative for nearer. No way becomes shorter than nothing.
	Offset time.Duration
}

// NewRecordedLatency returns a model of recorded trips, in any order. The name says
// where they are from. An error is a [*exchange.ValidationError] that names the trip.
func NewRecordedLatency(name string, trips []RoundTrip) (*RecordedLatency, error) {
	l := &RecordedLatency{name: name, trips: slices.Clone(trips)}
	for i, t := range trips {
		if t.Request <= 0 || t.Response < t.Request || t.Exchange != 0 && (t.Exchange < t.Request || t.Exchange > t.Response) {
			return nil, bad(fmt.Sprintf("latency trip %d", i+1), fmt.Sprintf("%d,%d,%d", t.Request, t.Exchange, t.Response),
				"want request <= exchange <= response, and 0 at the exchange if it was rejected")
		}
		if t.Exchange != 0 {
			l.arrived = append(l.arrived, t)
		}
	}
	if len(l.arrived) == 0 {
		return nil, bad("latency", name, "no trip that reached the exchange")
	}
	// Whatever the order in which the files were read, the same times give the same.
	slices.SortFunc(l.trips, func(a, b RoundTrip) int {
		return cmp.Or(cmp.Compare(a.Request, b.Request), cmp.Compare(a.Response, b.Response), cmp.Compare(a.Exchange, b.Exchange))
	})
	slices.SortFunc(l.arrived, func(a, b RoundTrip) int {
		return cmp.Or(cmp.Compare(a.Exchange, b.Exchange), cmp.Compare(a.Response, b.Response), cmp.Compare(a.Request, b.Request))
	})
	return l, nil
}

// Trips returns how many round trips were recorded.
func (l *RecordedLatency) Trips() int { return len(l.trips) }

// Entry implements [Latency].
func (l *RecordedLatency) Entry(now exchange.Time) time.Duration {
	a, b := around(l.trips, now, func(t *RoundTrip) exchange.Time { return t.Request })
	return max(between(now, a.Request, b.Request, a.Exchange.Sub(a.Request), b.Exchange.Sub(b.Request))+l.Offset, 0)
}

// Response implements [Latency].
func (l *RecordedLatency) Response(now exchange.Time) time.Duration {
	a, b := around(l.arrived, now, func(t *RoundTrip) exchange.Time { return t.Exchange })
	return max(between(now, a.Exchange, b.Exchange, a.Response.Sub(a.Exchange), b.Response.Sub(b.Exchange))+l.Offset, 0)
}

// rejects reports whether a request of now never arrives, and after how long its
// sender knows.
func (l *RecordedLatency) rejects(now exchange.Time) (time.Duration, bool) {
	a, b := around(l.trips, now, func(t *RoundTrip) exchange.Time { return t.Request })
	if a.Exchange != 0 && b.Exchange != 0 {
		return 0, false
	}
	return max(between(now, a.Request, b.Request, a.Response.Sub(a.Request), b.Response.Sub(b.Request))+2*l.Offset, 0), true
}

// Typical returns the median of the ways back.
func (l *RecordedLatency) Typical() time.Duration {
	back := make([]time.Duration, len(l.arrived))
	for i, t := range l.arrived {
		back[i] = max(t.Response.Sub(t.Exchange)+l.Offset, 0)
	}
	slices.Sort(back)
	return back[len(back)/2]
}

// String names the recording.
func (l *RecordedLatency) String() string {
	s := "recorded:" + l.name
	if l.Offset > 0 {
		s += "+"
	}
	if l.Offset != 0 {
		s += l.Offset.String()
	}
	return s
}

// around returns the trips before and after a time, twice the same at the ends.
func around(trips []RoundTrip, at exchange.Time, key func(*RoundTrip) exchange.Time) (a, b *RoundTrip) {
	i := sort.Search(len(trips), func(i int) bool { return key(&trips[i]) > at })
	switch i {
	case 0:
		return &trips[0], &trips[0]
	case len(trips):
		return &trips[i-1], &trips[i-1]
	}
	return &trips[i-1], &trips[i]
}

// between interpolates in whole nanoseconds, rounded down.
func between(at, from, to exchange.Time, a, b time.Duration) time.Duration {
	if to <= from || a == b {
		return a
	}
	return a + time.Duration(exchange.MulDiv(int64(b-a), int64(at-from), int64(to-from), exchange.Floor))
}

// ReadRoundTrips reads a CSV file with the columns request, exchange and response:
// times in nanoseconds since 1970, or as in 2024-08-08T00:00:00.123456Z. An exchange
// of 0 or nothing is a request that was rejected on its way. Errors name the line and
// the column.
func ReadRoundTrips(r io.Reader) ([]RoundTrip, error) {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	header, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("the header request,exchange,response: %w", err)
	}
	var columns [3]int
	names := [3]string{"request", "exchange", "response"}
	for i, name := range names {
		columns[i] = slices.IndexFunc(header, func(h string) bool { return strings.TrimSpace(h) == name })
		if columns[i] < 0 {
			return nil, fmt.Errorf("line 1: no column %q; want request,exchange,response", name)
		}
	}
	var trips []RoundTrip
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return trips, nil
		}
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the line
		}
		line, _ := c.FieldPos(0)
		var t RoundTrip
		for i, into := range [3]*exchange.Time{&t.Request, &t.Exchange, &t.Response} {
			if *into, err = parseMoment(row[columns[i]]); err != nil {
				return nil, fmt.Errorf("line %d, %s %q: want nanoseconds since 1970 or a time such as 2024-08-08T00:00:00.123456Z", line,
					names[i], row[columns[i]])
			}
		}
		t.Exchange = max(t.Exchange, 0)
		trips = append(trips, t)
	}
}

func parseMoment(s string) (exchange.Time, error) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return exchange.Time(n), nil
	}
	return exchange.ParseTime(s)
}
