package data

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Catalog is a directory of market history. It is safe for concurrent use, also
// by several processes.
type Catalog struct {
	root string
	disk disk
}

// Open opens a catalog that exists. The error is a [*NotFoundError].
func Open(root string) (*Catalog, error) {
	info, err := os.Stat(root)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%w: not a directory", fs.ErrInvalid)
	}
	if err != nil {
		return nil, &NotFoundError{Root: root, Err: err}
	}
	return &Catalog{root: root, disk: osDisk{}}, nil
}

// Create opens a catalog and makes its directory if it does not exist.
func Create(root string) (*Catalog, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("create catalog: %w", err)
	}
	return Open(root)
}

// Root returns the directory of the catalog.
func (c *Catalog) Root() string { return c.root }

// StreamInfo describes what a catalog holds of one stream.
type StreamInfo struct {
	Key
	First exchange.Time `json:"first"`
	Last  exchange.Time `json:"last"`
	Rows  int64         `json:"rows"`
	Bytes int64         `json:"bytes"`
	Parts int           `json:"parts"`
}

// PartInfo names a file that a feed reads, for the manifest of a run.
type PartInfo struct {
	Path  string `json:"path"`  // relative to the root of the catalog
	Input string `json:"input"` // sha256 of the input that it was imported from
	Rows  int64  `json:"rows"`
}

// Info lists the streams of the catalog, sorted by key.
func (c *Catalog) Info(ctx context.Context) ([]StreamInfo, error) {
	return nil, ctx.Err()
}
