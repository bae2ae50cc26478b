package exchange

import (
	"context"
	"time"
)

// Feed is an ordered source of market events. History decodes ahead, a live
// stream buffers and a replay sleeps, all behind Next.
type Feed interface {
	// Next fills events from the front and returns how many it wrote. It blocks
	// until there is at least one, and returns 0 and io.EOF after the last one.
	// Events are ordered by (Time, Kind, Stream, position in the stream) when
	// they come from history, and by Arrival when they come from a live venue.
	// An error other than io.EOF ends the feed; events written before it count.
	Next(ctx context.Context, events []Event) (n int, err error)
	// Close releases the feed's resources and waits for its goroutines.
	Close() error
}

// Exchange takes commands and gives reports. The simulator, every live venue
// and the gateway's client are Exchanges and pass the suite in exchangetest.
//
// Commands do not wait. Each validates what can be known locally and returns a
// typed error that names the field, or sends the request and returns; the
// outcome is a Report. In the simulator the request travels for the entry
// latency and the report for the response latency, live they travel over the
// network, and the caller cannot tell.
//
// An Exchange is owned by one goroutine.
type Exchange interface {
	// Submit places an order and returns its client order id.
	Submit(ctx context.Context, o NewOrder) (ClientID, error)
	// Amend changes an open order.
	Amend(ctx context.Context, a AmendOrder) error
	// Cancel cancels an open order.
	Cancel(ctx context.Context, c CancelOrder) error
	// CancelAll cancels every open order that the filter selects.
	CancelAll(ctx context.Context, f CancelFilter) error
	// ClosePosition closes the whole position of a symbol with a market order
	// and returns the order's client id.
	ClosePosition(ctx context.Context, s SymbolID) (ClientID, error)
	// SetLeverage isolates the margin of a symbol at a leverage; 0 is cross margin.
	SetLeverage(ctx context.Context, s SymbolID, leverage Ratio) error
	// CancelAllAfter arms the dead man's switch: every open order is cancelled
	// unless it is called again within the timeout. 0 disarms it.
	CancelAllAfter(ctx context.Context, timeout time.Duration) error

	// Next returns when the exchange next has something to do or to say, or
	// Never. A live venue returns the arrival of its oldest undelivered report.
	Next() Time
	// Advance brings the exchange to now, which never goes back, and appends
	// every report that has arrived by now. If Next does not return a time after now,
	// the exchange has stopped for answers to these reports: the caller sends its
	// commands and calls Advance again with the same now. The reports are valid until
	// the next call, which may use what the slice still holds of them behind its end:
	// who changes a report leaves zero what its kind does not name.
	Advance(ctx context.Context, now Time, reports []Report) ([]Report, error)
	// Close releases the exchange's resources and waits for its goroutines.
	Close() error
}

// MarginControl is an Exchange on which isolated margin can be moved and risk limits can
// be raised. Not every venue has them: assert an Exchange to it.
type MarginControl interface {
	// TransferMargin moves an amount of the settlement currency from the wallet to the
	// margin of an isolated position, or back if it is negative. A refusal is a Reject of
	// "transferMargin".
	TransferMargin(ctx context.Context, s SymbolID, amount Money) error
	// SetRiskLimit raises the risk limit of a symbol, and with it the margin that the
	// position needs, to the first step that is at least limit, or lowers it again. A
	// refusal is a Reject of "riskLimit".
	SetRiskLimit(ctx context.Context, s SymbolID, limit Money) error
}
