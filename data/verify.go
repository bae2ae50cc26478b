package data

import (
	"context"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

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
	return VerifyReport{}, ctx.Err()
}
