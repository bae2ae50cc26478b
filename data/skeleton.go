package data

import (
	"context"
	"errors"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

type disk interface{}
type osDisk struct{}

func layoutOf(kind string) *int { return new(int) }

var errSkeleton = errors.New("not yet")

// Source names the input of an import.
type Source struct {
	Name     string `json:"name"`     // the file's name, for people
	Digest   string `json:"digest"`   // hex sha256 of the input's bytes
	Importer string `json:"importer"` // name and version of the importer
}

// Tx is one import of one input: nothing is visible before Commit. It is owned
// by one goroutine.
type Tx struct{}

// CommitReport says what a commit did.
type CommitReport struct {
	Written    int   `json:"written"`    // parts
	Skipped    int   `json:"skipped"`    // parts that were already there
	Rows       int64 `json:"rows"`       // rows of the parts written
	Duplicates int64 `json:"duplicates"` // rows dropped because another input brought the same
}

// NewTx starts an import.
func (c *Catalog) NewTx(src Source) (*Tx, error) { return nil, errSkeleton }

// Write adds events to a stream.
func (t *Tx) Write(key Key, events []exchange.Event) error { return errSkeleton }

// Commit publishes the import.
func (t *Tx) Commit(ctx context.Context) (CommitReport, error) { return CommitReport{}, errSkeleton }

// Abort removes what was written. It is safe after Commit.
func (t *Tx) Abort() error { return errSkeleton }

// Query selects what a feed reads.
type Query struct {
	Instruments *exchange.Instruments
	Streams     []Key
	From, To    exchange.Time
	BatchRows   int
}

// Feed reads history.
type Feed struct{}

// Feed starts to read.
func (c *Catalog) Feed(ctx context.Context, q Query) (*Feed, error) { return nil, errSkeleton }

// Next implements exchange.Feed.
func (f *Feed) Next(ctx context.Context, events []exchange.Event) (int, error) { return 0, errSkeleton }

// Close implements exchange.Feed.
func (f *Feed) Close() error { return nil }

// Digest returns the parts that the feed reads.
func (f *Feed) Digest() ([]PartInfo, error) { return nil, errSkeleton }

// VerifyOptions says what Verify checks.
type VerifyOptions struct {
	Instruments *exchange.Instruments
	Streams     []Key // all if empty
	From, To    exchange.Time
	MaxGap      time.Duration
	Examples    int
}

// VerifyReport is what Verify found.
type VerifyReport struct {
	Problems int64 `json:"problems"`
}

// Verify checks the catalog.
func (c *Catalog) Verify(ctx context.Context, o VerifyOptions) (VerifyReport, error) {
	return VerifyReport{}, errSkeleton
}
