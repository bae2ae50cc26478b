package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// checkRows is how many rows go by between looks at the context.
const checkRows = 1024

// pass is one reading of a file into a sink.
type pass struct {
	path   string
	info   fileInfo
	opts   Options
	format *format
	venue  string // of formats that do not name it, or the one that overrides
	sink   sink
	// holdAll keeps all events of a stream until the end and sorts them.
	holdAll bool

	report  *Report
	clock   skew
	streams map[data.Key]*stream
	sorted  []*stream // in order of appearance
	others  []string  // symbols that are not wanted, some of them
}

// run reads the file.
func (p *pass) run(ctx context.Context) error {
	p.streams = make(map[data.Key]*stream)
	d, err := p.format.open(p)
	if err != nil {
		return err
	}
	s, err := openScanner(p.path, p.format)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := p.read(ctx, s, d); err != nil {
		return err
	}
	if err := p.info.unchanged(s.in.file); err != nil {
		return err
	}
	if err := d.end(); err != nil {
		return err
	}
	for _, s := range p.sorted {
		if err := s.end(); err != nil {
			return err
		}
	}
	p.progress(s, true)
	p.finish()
	return p.empty()
}

func (p *pass) read(ctx context.Context, s *scanner, d decoder) error {
	for n := 0; ; n++ {
		if n%checkRows == 0 {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("%s: %w", p.info.name, err)
			}
			p.progress(s, false)
		}
		r, err := s.next()
		if err != nil && p.ends(err) {
			return p.ending(err)
		}
		p.report.Rows++
		if err == nil {
			err = d.decode(r)
			if bad, ok := err.(*exchange.ValidationError); ok { //nolint:errorlint // as the bounds return it
				err = p.format.refused(r, bad)
			}
		}
		if err == nil {
			p.report.Imported++
			continue
		}
		if reason, ok := err.(skip); ok { //nolint:errorlint // skips are never wrapped, and there can be one for each row
			p.skip(reason, r.num)
			continue
		}
		if err := p.bad(err); err != nil {
			return err
		}
	}
}

// ends reports whether an error means that there are no more rows.
func (p *pass) ends(err error) bool {
	var cut *TruncatedError
	return errors.Is(err, io.EOF) || errors.As(err, &cut)
}

// ending decides whether the rows before the end are good enough.
func (p *pass) ending(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case p.opts.SkipBad:
		p.report.Truncated = err.Error()
		return nil
	}
	return err
}

func (p *pass) progress(s *scanner, end bool) {
	if p.opts.Progress == nil {
		return
	}
	done := min(s.in.raw.n, p.info.size)
	if end {
		done = p.info.size
	}
	p.opts.Progress(done, p.info.size)
}

// skip counts a row with nothing wrong that is left out.
func (p *pass) skip(reason skip, row int64) { p.report.skip(string(reason), row, "") }

// bad counts a bad row, or returns its error when bad rows are not to be
// skipped.
func (p *pass) bad(err error) error {
	bad := skippable(err)
	if bad == nil || !p.opts.SkipBad {
		return err
	}
	p.report.skip(reasonBad, bad.Row, bad.Error())
	return nil
}

// skippable returns the error of a row that the import could do without. An
// unknown instrument is wrong for more than a row, and a file with endless lines
// is not what it seems to be.
func skippable(err error) *RowError {
	var unknown *InstrumentError
	var bad *RowError
	if errors.As(err, &unknown) || errors.Is(err, ErrLongLine) || !errors.As(err, &bad) {
		return nil
	}
	return bad
}

// stream returns the stream of a market.
func (p *pass) stream(m market, kind string, o order) *stream {
	key := data.Key{Venue: m.venue, Kind: kind, Symbol: m.symbol}
	s := p.streams[key]
	if s == nil {
		s = &stream{pass: p, order: o, report: StreamReport{Key: key}, bounds: m.bounds()}
		p.streams[key] = s
		p.sorted = append(p.sorted, s)
	}
	return s
}

// count takes note of events that were written.
func (p *pass) count(events []exchange.Event) {
	facts := p.report.Bars
	if facts == nil {
		return
	}
	for i := range events {
		b := events[i].Bar()
		if b.Quiet {
			facts.Quiet++
		}
		if b.Open > b.High || b.Open < b.Low {
			facts.OpenOutside++
		}
	}
}

// arrive reads the two times of a row of a format with arrivals.
func (p *pass) arrive(r *row) (at, arrival exchange.Time, err error) {
	if at, err = r.micros(p.format.time); err != nil {
		return 0, 0, err
	}
	if arrival, err = r.micros(p.format.arrival); err != nil {
		return 0, 0, err
	}
	return at, arrival, nil
}

// measure takes the times of an imported row into account and returns its
// corrected arrival.
func (p *pass) measure(at, arrival exchange.Time) exchange.Time {
	p.clock.observe(arrival.Sub(at))
	return arrival.Add(p.clock.offset)
}

// finish completes the report.
func (p *pass) finish() {
	r := p.report
	for _, s := range p.sorted {
		if s.report.Rows > 0 {
			r.Streams = append(r.Streams, s.report)
		}
	}
	r.Sorted = p.holdAll
	r.finish()
	if p.format.arrives() {
		r.Clock = p.clock.report()
	}
	r.warn()
}

// empty returns an error if nothing was imported, and says why.
func (p *pass) empty() error {
	if p.report.Imported > 0 {
		return nil
	}
	if p.report.Rows == 0 {
		return fmt.Errorf("%s: %w: the file has only a header", p.info.name, ErrNoRows)
	}
	var why []string
	for _, s := range p.report.Skipped {
		why = append(why, fmt.Sprintf("%d %s", s.Rows, s.Reason))
	}
	if len(p.others) > 0 {
		why = append(why, "symbols in the file: "+strings.Join(p.others, ", "))
	}
	return fmt.Errorf("%s: %w to import: %s", p.info.name, ErrNoRows, strings.Join(why, "; "))
}
