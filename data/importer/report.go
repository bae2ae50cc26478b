package importer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// maxExamples is how many rows a Report names for each thing it counts.
const maxExamples = 5

// Report says what an import did. Rows are those of the file, without its
// header; the rows of a stream are events.
type Report struct {
	File     string         `json:"file"`
	Digest   string         `json:"digest"` // hex sha256 of the file
	Format   string         `json:"format"` // as detected
	Rows     int64          `json:"rows"`
	Imported int64          `json:"imported"`
	Skipped  []Skipped      `json:"skipped,omitempty"`
	Streams  []StreamReport `json:"streams"`
	Written  int            `json:"partsWritten"`
	Present  int            `json:"partsPresent"` // were already in the catalog
	Known    int64          `json:"rowsKnown"`    // events that another file had already brought
	Clamped  int64          `json:"clamped"`      // times moved up to the one before
	// rows whose funding rate is left out: it is not known when it is due
	Undated   int64       `json:"undated,omitempty"`
	Sorted    bool        `json:"sorted"`               // the file had to be sorted in memory
	Truncated string      `json:"truncated,omitempty"`  // why the end of the file is missing
	Clock     *Clock      `json:"clock,omitempty"`      // of files with times of arrival
	Bars      *BarFacts   `json:"bars,omitempty"`       // of bars
	Gross     *GrossFacts `json:"grossValue,omitempty"` // of BitMEX's trades
	Warnings  []string    `json:"warnings,omitempty"`
}

// Skipped counts the rows that were left out for one reason.
type Skipped struct {
	Reason   string    `json:"reason"`
	Rows     int64     `json:"rows"`
	Examples []Example `json:"examples"` // the first few
}

// Example is one row of a count.
type Example struct {
	Row  int64  `json:"row"`
	Text string `json:"text,omitempty"`
}

// StreamReport describes what was imported of one stream.
type StreamReport struct {
	Key     data.Key      `json:"key"`
	Rows    int64         `json:"rows"`
	First   exchange.Time `json:"first"`
	Last    exchange.Time `json:"last"`
	Clamped int64         `json:"clamped"`
}

// Clock compares times of arrival with the exchange's times. Count, Min and
// Median are of the file as it is, before Offset.
type Clock struct {
	Rows   int64         `json:"rows"`
	Early  int64         `json:"early"`    // rows that arrive before they happen
	Min    time.Duration `json:"minNs"`    // of arrival - time
	Median time.Duration `json:"medianNs"` // the same; of evenly spaced rows when there are many
	Offset time.Duration `json:"offsetNs"` // added to every arrival
	// StillEarly counts the rows that arrive before they happen even with Offset.
	StillEarly int64 `json:"stillEarly"`
}

// BarFacts counts what is normal for BitMEX's bars and surprises those who
// expect others.
type BarFacts struct {
	Interval    string `json:"interval"`
	Quiet       int64  `json:"quiet"`       // nothing traded
	OpenOutside int64  `json:"openOutside"` // open above high or below low
}

// GrossFacts compares the venue's grossValue with the contract maths.
type GrossFacts struct {
	Checked    int64     `json:"checked"`
	Mismatched int64     `json:"mismatched"`
	Examples   []Example `json:"examples,omitempty"`
}

// example appends to examples while there are few.
func example(examples []Example, row int64, text string) []Example {
	if len(examples) < maxExamples {
		examples = append(examples, Example{Row: row, Text: text})
	}
	return examples
}

// skip counts a row that is left out.
func (r *Report) skip(reason string, row int64, text string) {
	for i := range r.Skipped {
		if s := &r.Skipped[i]; s.Reason == reason {
			s.Rows++
			s.Examples = example(s.Examples, row, text)
			return
		}
	}
	r.Skipped = append(r.Skipped, Skipped{Reason: reason, Rows: 1, Examples: example(nil, row, text)})
}

// skipped returns how many rows were left out for a reason.
func (r *Report) skipped(reason string) int64 {
	for _, s := range r.Skipped {
		if s.Reason == reason {
			return s.Rows
		}
	}
	return 0
}

// finish puts the parts that were collected in passing in a fixed order.
func (r *Report) finish() {
	slices.SortFunc(r.Streams, func(a, b StreamReport) int { return cmp.Compare(a.Key.String(), b.Key.String()) })
	slices.SortFunc(r.Skipped, func(a, b Skipped) int { return cmp.Compare(a.Reason, b.Reason) })
	r.Clamped = 0
	for _, s := range r.Streams {
		r.Clamped += s.Clamped
	}
}

// warn puts into words what the user should know or can do better.
func (r *Report) warn() {
	if r.Truncated != "" {
		r.Warnings = append(r.Warnings, r.Truncated)
	}
	if r.Clock != nil {
		if w := r.Clock.warning(r.File); w != "" {
			r.Warnings = append(r.Warnings, w)
		}
	}
	if r.Undated > 0 {
		r.Warnings = append(r.Warnings,
			fmt.Sprintf("%s: funding rates without funding_timestamp left out: %d", r.File, r.Undated))
	}
	if n := r.skipped(reasonBad); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s: bad rows skipped: %d", r.File, n))
	}
}
