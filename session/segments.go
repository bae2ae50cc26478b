package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Segment is a part of what a session heard that will not change any more. A segment is
// sealed every few thousand batches or few megabytes, and whenever a run ends in order.
type Segment struct {
	First, Last int64 // batches
}

// sealed is how many batches are in segments, and how many bytes are not.
func (s *Store) sealed(ctx context.Context) (batches int64, rest int, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT (SELECT coalesce(max(last_batch) + 1, 0) FROM segments), (SELECT coalesce(sum(length(data)), 0) FROM inputs)").
		Scan(&batches, &rest)
	if err != nil {
		return 0, 0, fmt.Errorf("session %s: segments: %w", s.Dir, err)
	}
	return batches, rest, nil
}

// Segments lists what is sealed, in order.
func (s *Store) Segments(ctx context.Context) ([]Segment, error) {
	return list(ctx, s, func(r scanner) (g Segment, err error) {
		err = r.Scan(&g.First, &g.Last)
		return g, err
	}, "SELECT first_batch, last_batch FROM segments ORDER BY first_batch")
}

// Batches are what a segment holds.
type Batches struct {
	Digest string // sha256 of the bytes, in hexadecimal digits
	blob   []byte
	dir    string
}

// ReadSegment reads a segment.
func (s *Store) ReadSegment(ctx context.Context, g Segment) (*Batches, error) {
	var data []byte
	err := s.db.QueryRowContext(ctx, "SELECT data FROM segments WHERE first_batch = ?", g.First).Scan(&data)
	b := &Batches{dir: s.Dir}
	if err == nil {
		b.blob, err = unseal(data)
	}
	if err != nil {
		return nil, fmt.Errorf("session %s: segment %d: %w", s.Dir, g.First, err)
	}
	sum := sha256.Sum256(b.blob)
	b.Digest = hex.EncodeToString(sum[:])
	return b, nil
}

// Each hands over the batches as they were heard, each valid during the call.
func (b *Batches) Each(do func([]exchange.Event) error) (err error) {
	var h heard
	for rest := b.blob; len(rest) > 0; {
		if rest, err = decodeBatch(rest, &h); err != nil {
			return fmt.Errorf("session %s: %w", b.dir, err)
		}
		if err := do(h.events); err != nil {
			return err
		}
	}
	return nil
}

// unseal decompresses a segment.
func unseal(data []byte) ([]byte, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(data, nil)
}
