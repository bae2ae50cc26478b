package live

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clock estimates the venue's: signatures expire by it, not by ours.
type clock struct {
	ahead atomic.Int64 // of the venue, in nanoseconds
	m     *Metrics
}

// tolerated is a difference that may be the resolution of the Date header and the way
// of the answer: it is taken for none.
const tolerated = 2 * time.Second

// observe takes in the Date header of an answer. It tells whole seconds, so the venue's
// clock was in the second that begins with it at some time while we waited.
func (c *clock) observe(h http.Header, sent, received time.Time) {
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
	c.ahead.Store(int64(ahead))
	c.m.skew.Set(ahead.Seconds())
}

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }
