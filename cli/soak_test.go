//go:build unix

package cli_test

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// meddler is a venue that does to requests and sockets what a seeded generator says.
type meddler struct {
	mu     sync.Mutex
	random *rand.Rand
	done   map[string]int // what was done, how often
}

func (h *meddler) draw(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.random.IntN(n)
}

func (h *meddler) count(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done[what]++
}

// meddle lets a part of the requests fail: lost on the way there, carried out with an answer
// that is lost, or turned away by an overloaded venue.
func (h *meddler) meddle(venue *url.URL) func(http.ResponseWriter, *http.Request) bool {
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(venue) }}
	lose := func(w http.ResponseWriter) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
	return func(w http.ResponseWriter, r *http.Request) bool {
		switch n := h.draw(100); {
		case n < 10:
			h.count("requests lost")
			lose(w)
		case n < 20:
			h.count("answers lost")
			pass.ServeHTTP(httptest.NewRecorder(), r)
			lose(w)
		case n < 35:
			h.count("overloaded")
			http.Error(w, `{"error":{"message":"The system is currently overloaded.","name":"HTTPError"}}`,
				http.StatusServiceUnavailable)
		default:
			return false
		}
		return true
	}
}

// A live session at a hostile venue: requests and answers are lost, it is overloaded, sockets
// break, the line goes down and rows with absurd numbers come, and the kill switch is pulled at random moments. After
// each nothing that was open is, nothing was placed twice, and the books are the venue's.
// DUNAMIS_SOAK is how many moments, 2 without it; DUNAMIS_SOAK_SPEED is how many seconds of the market pass in one, 20
// without it.
func TestSoak(t *testing.T) {
	moments := 2
	if text := os.Getenv("DUNAMIS_SOAK"); text != "" {
		var err error
		moments, err = strconv.Atoi(text)
		require.NoError(t, err, "DUNAMIS_SOAK")
	} else if testing.Short() || racetest.Enabled {
		t.Skip("waits for a venue that is down; the run without the race detector does it")
	}
	const seed = 11
	random := rand.New(rand.NewPCG(seed, 1)) // of the moments
	h := &meddler{random: rand.New(rand.NewPCG(seed, 2)), done: map[string]int{}}
	speed := cmp.Or(os.Getenv("DUNAMIS_SOAK_SPEED"), "20")
	v := newLiveVenue(t, "--speed", speed)
	way := newLine(t, v.address)
	venue, err := url.Parse(v.address)
	require.NoError(t, err)
	args := append(v.args("s"), "--live-url", way.URL)
	begun := time.Now()
	var longest time.Duration
	fills := 0
	for moment := range moments {
		p := begin(t, v.state, args...)
		p.line()
		if moment > 0 {
			mustPaper(t, "clear", "s", "--wait", "2m", "--state", v.state) // all that it heard is heard again first
		}
		soon(t, v.state, "s", "it has orders open", func(l looked) bool { return l.Open > 1 && l.Tripped == "" })
		var lifted sync.WaitGroup // the outage, if there is one
		way.fail(h.meddle(venue))
		time.Sleep(time.Duration(random.Int64N(int64(1500 * time.Millisecond)))) // the moment is random
		switch random.IntN(6) {
		case 0:
			h.count("market sockets cut")
			way.cut(marketSocket)
		case 1:
			h.count("account sockets cut")
			way.cut(accountSocket)
		case 2:
			h.count("outages")
			up := way.down()
			lifted.Add(1)
			time.AfterFunc(time.Duration(random.Int64N(int64(3*time.Second))), func() {
				defer lifted.Done()
				up()
				way.fail(h.meddle(venue))
			})
		case 3:
			h.count("absurd market rows")
			way.say(t.Context(), marketSocket, absurdRows[random.IntN(len(absurdRows))])
		case 4:
			h.count("absurd account rows")
			way.say(t.Context(), accountSocket, absurdPosition)
			v.absurd = "9000000000000000000"
		}
		before := v.openIDs()
		asked := time.Now()
		mustPaper(t, "kill", "s", "--wait", "2m", "--state", v.state)
		longest = max(longest, time.Since(asked))
		for _, id := range v.openIDs() { // one that only reduces the position may have been placed since
			require.NotContains(t, before, id, "moment %d", moment)
		}
		lifted.Wait()
		way.fail(nil)
		p.suspend()
		require.Zero(t, v.open(), "moment %d", moment)
		fills = v.compare("s")
		t.Logf("moment %d after %s: %d fills", moment, time.Since(begun).Round(time.Second), fills)
	}
	again(t, "backtest", v.state, "s")
	t.Logf("seed %d: %d moments in %s at a speed of %s, the longest kill took %s; %d fills, %d orders; %v", seed, moments,
		time.Since(begun).Round(time.Second), speed,
		longest.Round(time.Millisecond), fills, look(t, v.state, "s").Orders, h.done)
}
