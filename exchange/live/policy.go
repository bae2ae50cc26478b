// Package live is what the clients of live venues share: requests with deadlines,
// repeats, rate limits and a circuit breaker, sockets that reconnect, and the metrics
// of both. What a venue's messages mean is the business of the packages below it.
package live

import (
	"errors"
	"fmt"
	"time"
)

// Policy is how a client treats its venue. [DefaultPolicy] is sane; a zero Policy is not.
type Policy struct {
	Timeout    time.Duration // of one attempt
	Attempts   int           // of a request that may be repeated, the first included
	Backoff    time.Duration // before the first repeat; doubles, with full jitter
	MaxBackoff time.Duration

	IdleConnections int           // kept open for the next requests
	IdleTimeout     time.Duration // until one is closed

	// Lookups is how often the venue must say that it does not have an order, or has not
	// changed it, until that is believed of a request whose outcome is not known.
	Lookups int

	BreakerFailures uint          // in a row until requests are held back
	BreakerDelay    time.Duration // until one is tried again

	RequestsPerMinute int // ahead of the venue's own limit; 0: none
	OrdersPerSecond   int // of requests that place or change orders; 0: none
	// OrderPatience is how old an order or an amendment may become while it waits for
	// a rate limit: the price that it answered is too old. One that would wait longer is
	// refused, unsent; what only reduces a position waits. 0: all wait.
	OrderPatience time.Duration

	Ping         time.Duration // silence on a socket until it is pinged
	Pong         time.Duration // silence after that until it is given up
	Reconnect    time.Duration // before the first new connection; doubles, with full jitter
	MaxReconnect time.Duration

	// Behind is how far we may fall behind the venue. When the process was paused for
	// longer, its clock was put forward or back by more, or market data is older by the
	// venue's clock when it arrives, the stream begins anew; what was missed is a gap. An order
	// or an amendment that is older when its turn comes is refused, unsent. 0: any time.
	Behind time.Duration
}

// DefaultPolicy is for BitMEX: 120 requests a minute and 10 orders a second, and
// heartbeats as its documentation recommends.
func DefaultPolicy() Policy {
	return Policy{
		Timeout: 7 * time.Second, Attempts: 4, Backoff: 250 * time.Millisecond, MaxBackoff: 8 * time.Second,
		IdleConnections: 16, IdleTimeout: 75 * time.Second, // the venue closes after 90
		Lookups: 3, BreakerFailures: 8, BreakerDelay: 5 * time.Second, RequestsPerMinute: 120, OrdersPerSecond: 10, OrderPatience: time.Second,
		Ping: 5 * time.Second, Pong: 5 * time.Second, Reconnect: 500 * time.Millisecond, MaxReconnect: 30 * time.Second,
		Behind: 5 * time.Second,
	}
}

// Validate names the field that is wrong.
func (p *Policy) Validate() error {
	switch {
	case p.Timeout <= 0, p.Backoff <= 0, p.MaxBackoff < p.Backoff:
		return fmt.Errorf("policy: timeout %s and backoff %s to %s must be positive and ascend", p.Timeout, p.Backoff, p.MaxBackoff)
	case p.Attempts < 1 || p.BreakerFailures < 1 || p.BreakerDelay <= 0:
		return errors.New("policy: attempts and breaker must be positive")
	case p.IdleConnections < 1 || p.IdleTimeout <= 0 || p.Lookups < 1:
		return errors.New("policy: idle connections, their timeout and lookups must be positive")
	case p.RequestsPerMinute < 0 || p.OrdersPerSecond < 0 || p.OrderPatience < 0:
		return errors.New("policy: rates and patience must not be negative")
	case p.Ping <= 0 || p.Pong <= 0 || p.Reconnect <= 0 || p.MaxReconnect < p.Reconnect:
		return errors.New("policy: heartbeat and reconnection must be positive and ascend")
	case p.Behind < 0:
		return fmt.Errorf("policy: behind %s must not be negative", p.Behind)
	}
	return nil
}
