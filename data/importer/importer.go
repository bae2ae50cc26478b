package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// version names the importer in the files it writes. It changes when the same
// input would give other events.
const version = "importer/1"

// Options say how to read a file. The zero value finds everything out.
type Options struct {
	// Format is one of [Formats]; empty is "auto".
	Format string
	// Venue overrides what the file says, or "bitmex" for BitMEX's formats.
	Venue string
	// SkipBad counts bad rows, and a file's missing end, in the place of failing.
	SkipBad bool
	// ClockOffset is added to times of arrival: a duration such as "1.27s", or
	// "auto" for what [MeasureClockOffset] finds. Empty leaves them.
	ClockOffset string
	// Symbols are the ones to import; all if empty.
	Symbols []string
	// Instruments say how many contracts a quantity is. The quantities of
	// symbols that are not among them must be whole.
	Instruments *exchange.Instruments
	// Progress is told how much of the compressed file has been read. It may be
	// nil. The count starts again when a file turns out to need sorting.
	Progress func(done, total int64)
}

// Validate checks what can be checked without a file. [Import] does so too.
func (o Options) Validate() error {
	if err := validFormat(o.Format); err != nil || o.ClockOffset == auto {
		return err
	}
	_, err := parseOffset(o.ClockOffset)
	return err
}

// transaction is what an import needs of a [data.Tx].
type transaction interface {
	sink
	Commit(ctx context.Context) (data.CommitReport, error)
	Abort() error
}

// Import reads a file into a catalog: all of it, or, when there is an error,
// nothing. The report is filled in as far as the import came.
func Import(ctx context.Context, cat *data.Catalog, path string, o Options) (Report, error) {
	return importFile(ctx, path, o, func(src data.Source) (transaction, error) { return cat.NewTx(src) })
}

func importFile(ctx context.Context, path string, o Options, begin func(data.Source) (transaction, error)) (Report, error) {
	var report Report
	if err := o.Validate(); err != nil {
		return report, err
	}
	if o.Venue != "" {
		o.Venue = exchange.CanonicalVenue(o.Venue)
	}
	info, err := inspect(ctx, path)
	report.File, report.Digest = info.name, info.digest
	if err != nil {
		return report, err
	}
	f, err := detect(path, o.Format)
	if err != nil {
		return report, err
	}
	report.Format = f.name
	offset, err := clockOffset(ctx, path, o)
	if err != nil {
		return report, err
	}
	unused := offset != 0 && !f.arrives()
	if unused {
		offset = 0
	}
	job := job{path: path, info: info, format: f, opts: o, offset: offset}
	source := data.Source{Name: info.name, Digest: offsetDigest(info.digest, offset), Importer: version}
	err = job.attempt(ctx, source, begin, false, &report)
	if errors.Is(err, errUnordered) {
		report = Report{File: report.File, Digest: report.Digest, Format: report.Format}
		err = job.attempt(ctx, source, begin, true, &report)
	}
	if unused {
		report.Warnings = append(report.Warnings, info.name+": files of the format "+f.name+
			" have no times of arrival, so the clock offset was not used")
	}
	return report, err
}

// job is a file and how to read it.
type job struct {
	path   string
	info   fileInfo
	format *format
	opts   Options
	offset time.Duration
}

// attempt imports the file in one transaction.
func (j *job) attempt(ctx context.Context, source data.Source, begin func(data.Source) (transaction, error),
	holdAll bool, report *Report,
) error {
	tx, err := begin(source)
	if err != nil {
		return fmt.Errorf("%s: %w", j.info.name, err)
	}
	p := &pass{
		path: j.path, info: j.info, opts: j.opts, format: j.format, venue: j.venue(), sink: tx, holdAll: holdAll,
		report: report, clock: skew{offset: j.offset},
	}
	if err := p.run(ctx); err != nil {
		return errors.Join(err, tx.Abort())
	}
	done, err := tx.Commit(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", j.info.name, err), tx.Abort())
	}
	report.Written, report.Present, report.Known = done.Written, done.Skipped, done.Duplicates
	return nil
}

// venue is the one of files that do not say it.
func (j *job) venue() string {
	if j.opts.Venue != "" {
		return j.opts.Venue
	}
	return "bitmex"
}
