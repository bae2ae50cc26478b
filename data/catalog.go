package data

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

// Catalog is a directory of market history. It is safe for concurrent use, also
// by several processes.
type Catalog struct {
	root string
	disk disk.FS
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
	return &Catalog{root: root, disk: disk.OS{}}, nil
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
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	var out []StreamInfo
	for _, key := range keys {
		info, err := c.streamInfo(ctx, key)
		if err != nil {
			return nil, err
		}
		if info.Parts > 0 {
			out = append(out, info)
		}
	}
	return out, nil
}

// Keys lists the streams of the catalog, sorted, without opening a part.
func (c *Catalog) Keys() ([]Key, error) {
	all, err := c.keys()
	if err != nil {
		return nil, err
	}
	held := all[:0]
	for _, key := range all {
		partitions, err := c.partitions(key)
		if err != nil {
			return nil, err
		}
		if len(partitions) > 0 {
			held = append(held, key)
		}
	}
	return held, nil
}

// keys lists the streams that have a directory, sorted. Directories with other
// names are not the catalog's and are left alone.
func (c *Catalog) keys() ([]Key, error) {
	paths, err := filepath.Glob(filepath.Join(escapeGlob(c.root), "venue=*", "kind=*", "symbol=*"))
	if err != nil {
		return nil, err
	}
	var out []Key
	for _, path := range paths {
		rel, err := filepath.Rel(c.root, path)
		if err != nil {
			return nil, err
		}
		if key, ok := parseDir(filepath.ToSlash(rel)); ok {
			out = append(out, key)
		}
	}
	slices.SortFunc(out, Key.compare)
	return out, nil
}

// parseDir reads what Key.dir wrote.
func parseDir(dir string) (key Key, ok bool) {
	into := []*string{&key.Venue, &key.Kind, &key.Symbol}
	for i, level := range strings.Split(dir, "/") {
		_, value, _ := strings.Cut(level, "=")
		if *into[i], ok = unescape(value); !ok {
			return Key{}, false
		}
	}
	return key, key.validate() == nil && key.dir() == dir
}

// streamInfo reads the footers of a stream's parts. A stream without parts is
// no error.
func (c *Catalog) streamInfo(ctx context.Context, key Key) (StreamInfo, error) {
	info := StreamInfo{Key: key}
	partitions, err := c.partitions(key)
	if err != nil {
		return info, err
	}
	for _, p := range partitions {
		if err := ctx.Err(); err != nil {
			return info, err
		}
		for _, name := range p.parts {
			if err := c.addPart(&info, p.dir, name); err != nil {
				return info, err
			}
		}
	}
	return info, nil
}

func (c *Catalog) addPart(info *StreamInfo, dir, name string) error {
	p, err := c.openPart(dir, name, layoutOf(info.Kind))
	if err != nil {
		return err
	}
	if info.Parts == 0 || p.first() < info.First {
		info.First = p.first()
	}
	if info.Parts == 0 || p.last() > info.Last {
		info.Last = p.last()
	}
	info.Rows += p.rows
	info.Bytes += p.bytes
	info.Parts++
	return p.close()
}
