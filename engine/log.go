package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// LogTime is the attribute of the time of the run that every line of [Context.Log] has.
// The time of the record itself is the machine's.
const LogTime = "at"

// timedLog adds the time of the run to what a strategy logs.
type timedLog struct {
	slog.Handler
	now *exchange.Time
}

// Handle implements slog.Handler.
func (l timedLog) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	r.AddAttrs(slog.Time(LogTime, time.Unix(0, int64(*l.now)).UTC()))
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l timedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return timedLog{l.Handler.WithAttrs(attrs), l.now}
}

// WithGroup implements slog.Handler.
func (l timedLog) WithGroup(name string) slog.Handler {
	return timedLog{l.Handler.WithGroup(name), l.now}
}
