package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"sync"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// originOf names where a request comes from: an address of IPv4 or a network of 64 bits of
// IPv6, which is the least that one host is given.
func originOf(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return host
	}
	return p.String()
}

// turnstile counts the sockets that are open, by origin and in all.
type turnstile struct {
	mu     sync.Mutex
	all    int
	from   map[string]int
	most   int // in all; 0: any number
	origin int // of one origin; 0: any number
}

func newTurnstile(most, origin int) *turnstile {
	return &turnstile{from: map[string]int{}, most: most, origin: origin}
}

// enter counts a socket, or says why there are too many. Whoever entered leaves.
func (t *turnstile) enter(origin string) *api.Error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.origin > 0 && t.from[origin] >= t.origin:
		return &api.Error{
			Status:  http.StatusTooManyRequests,
			Name:    "RateLimitError",
			Message: "Too many connections from this address.",
		}
	case t.most > 0 && t.all >= t.most:
		return &api.Error{Status: http.StatusServiceUnavailable, Name: "HTTPError", Message: "Too many connections."}
	}
	t.all++
	t.from[origin]++
	return nil
}

func (t *turnstile) leave(origin string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all--
	if t.from[origin]--; t.from[origin] == 0 {
		delete(t.from, origin)
	}
}
