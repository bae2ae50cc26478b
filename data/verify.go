package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// VerifyOptions says what Verify looks at and for.
type VerifyOptions struct {
	// Instruments knows the ticks and lots. Streams of symbols that it does not
	// know are reported, and their prices not checked. Nil knows none.
	Instruments *exchange.Instruments
	Streams     []Key // all if empty
	// From is inclusive and To exclusive; zero is open.
	From, To exchange.Time
	// MaxGap is the longest silence of ticks that is no gap, 1h if 0. Bars are
	// judged by their interval.
	MaxGap time.Duration
	// Examples is how many findings of each check are kept, 5 if 0.
	Examples int
}

// Names of the checks of Verify.
const (
	CheckUnreadable    = "unreadable"     // a file cannot be decoded
	CheckUnknownSymbol = "unknown symbol" // the instruments do not know the symbol
	CheckOrder         = "order"          // time goes back
	CheckGap           = "gap"            // intervals without a bar; ticks: silences longer than MaxGap
	CheckDuplicate     = "duplicate"      // bars: a second row for one time; funding, marks: the same row again
	CheckRepeated      = "repeated"       // ticks: a row equal to the one before it (a fact)
	CheckCrossed       = "crossed"        // a bid at or above the ask
	CheckClockSkew     = "clock skew"     // it arrived before it happened
	CheckNotPositive   = "not positive"   // a price, or a traded quantity, of 0 or less
	CheckOutOfBounds   = "out of bounds"  // a number that the terms of the instrument cannot value
	CheckOffTick       = "off tick"       // a price between ticks
	CheckOffLot        = "off lot"        // a quantity that is no multiple of the lot
	CheckBarRange      = "bar range"      // the high is below the low, or the close outside them
	CheckOpenOutside   = "open outside"   // the open is outside high and low (a fact)
	CheckQuiet         = "quiet"          // bars in which nothing traded (a fact)
)

// Example is one finding.
type Example struct {
	Time  exchange.Time `json:"time,omitzero"` // of the event; absent: the finding is of no event
	Part  string        `json:"part"`
	Row   int64         `json:"row"` // of the part, from 0
	Value string        `json:"value"`
}

// Check is what one check found in one stream.
type Check struct {
	Name     string    `json:"name"`
	Problem  bool      `json:"problem"` // else a fact worth knowing
	Count    int64     `json:"count"`
	Detail   string    `json:"detail,omitempty"`
	Examples []Example `json:"examples"`
}

// StreamReport is what Verify found in one stream.
type StreamReport struct {
	Key
	First    exchange.Time `json:"first"`
	Last     exchange.Time `json:"last"`
	Rows     int64         `json:"rows"`
	Problems int64         `json:"problems"`
	Checks   []Check       `json:"checks"` // those that found something, in the order of their names above
}

// Check returns what a check found.
func (r *StreamReport) Check(name string) Check {
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	return Check{Name: name}
}

// VerifyReport is what Verify found.
type VerifyReport struct {
	Streams  []StreamReport `json:"streams"`
	Problems int64          `json:"problems"` // of all streams
	Facts    []string       `json:"facts"`    // what is worth knowing and not wrong
}

// Verify reads streams of the catalog from end to end and says what is wrong
// with them. It finds what it can: a damaged file is a finding and not an
// error. Its memory does not depend on the length of the streams.
func (c *Catalog) Verify(ctx context.Context, o VerifyOptions) (VerifyReport, error) {
	if o.Examples <= 0 {
		o.Examples = 5
	}
	keys := o.Streams
	if len(keys) == 0 {
		var err error
		if keys, err = c.keys(); err != nil {
			return VerifyReport{}, err
		}
	}
	report := VerifyReport{Streams: []StreamReport{}, Facts: []string{}}
	for _, key := range keys {
		s, err := c.verifyStream(ctx, key, o)
		if err != nil {
			return report, fmt.Errorf("verify %s: %w", key, err)
		}
		report.Streams = append(report.Streams, s)
		report.Problems += s.Problems
		for _, check := range s.Checks {
			if !check.Problem {
				report.Facts = append(report.Facts, fmt.Sprintf("%s: %s: %d", key, check.Name, check.Count))
			}
		}
	}
	return report, nil
}

func (c *Catalog) verifyStream(ctx context.Context, key Key, o VerifyOptions) (StreamReport, error) {
	if err := key.validate(); err != nil {
		return StreamReport{}, err
	}
	to := o.To
	if to == 0 {
		to = exchange.Never
	}
	from := o.From
	if from == 0 {
		from = minTime
	}
	src, err := c.source(key, from, to)
	if err != nil {
		return StreamReport{}, err
	}
	v := newVerifier(key, o)
	src.damaged = v.damaged
	err = v.run(ctx, src)
	return v.report(), errors.Join(err, src.close())
}

func (v *verifier) run(ctx context.Context, src *source) error {
	b := newBlock(src.layout, blockRows)
	events := make([]exchange.Event, blockRows)
	h := &head{kind: src.layout.event}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := src.next(b)
		if err == io.EOF { //nolint:errorlint // rows promise the plain value
			return nil
		}
		if err != nil {
			return err
		}
		h.set(b)
		h.fill(events[:b.n])
		for i := range events[:b.n] {
			v.at.part, v.at.row = b.part.path, b.row+int64(i)
			v.event(&events[i])
		}
	}
}
