package live

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// Clock estimates the venue's: signatures expire by it, and data is as old as it says.
// Its methods may be called from any goroutine.
type Clock struct {
	ahead atomic.Int64 // of the venue, in nanoseconds
	said  atomic.Int32 // what was last logged of it
	m     *Metrics
	log   *slog.Logger
}

const (
	// believed is the most that the venue's clock may be off ours and be followed: a
	// signature that expires by a clock of the far future is valid until then.
	believed = 15 * time.Minute
	// unremarkable is the most of which nothing is said.
	unremarkable = 10 * time.Second
)

// NewClock returns a clock of which nothing is known: it is ours.
func NewClock(log *slog.Logger, m *Metrics) *Clock { return &Clock{m: m, log: log} }

// What a clock says of the venue's.
const (
	clockFine int32 = iota
	clockOff
	clockRefused
)

// tolerated is a difference that may be the resolution of the Date header and the way
// of the answer: it is taken for none.
const tolerated = 2 * time.Second

// Observe reads the Date header of an answer. It tells whole seconds, so the venue's
// clock was in the second that begins with it at some time while we waited.
func (c *Clock) Observe(h http.Header, sent, received time.Time) {
	text := h.Get("Date")
	if text == "" {
		return
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return
	}
	middle := sent.Add(received.Sub(sent) / 2)
	ahead := date.Add(time.Second / 2).Sub(middle)
	if ahead.Abs() <= tolerated+received.Sub(sent)/2 {
		ahead = 0
	}
	c.m.skew.Set(ahead.Seconds())
	switch {
	case ahead.Abs() > believed:
		if c.said.Swap(clockRefused) != clockRefused {
			c.log.Error("the venue's clock is not believed: set the clock of this machine, if it is the one that is wrong",
				"venue", date.UTC().Format(time.RFC3339), "ahead", ahead, "most", believed)
		}
		return // what is known of it stays
	case ahead.Abs() > unremarkable:
		if c.said.Swap(clockOff) != clockOff {
			c.log.Warn("the venue's clock differs from this machine's", "ahead", ahead)
		}
	default:
		c.said.Store(clockFine)
	}
	c.ahead.Store(int64(ahead))
}

// Ahead is by how much the venue's clock is ahead of ours; 0 also while it is not known and
// when the difference is within what a Date header can tell.
func (c *Clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }

func (c *Clock) now() time.Time { return time.Now().Add(c.Ahead()) }
