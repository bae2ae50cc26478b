//go:build unix

package cli_test

import (
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/session"
)

// A session whose process is stopped for a while, as in the sleep of a laptop, lists a gap
// and begins its streams anew. No order of it goes out at prices that are older, by the
// venue's clock, than it may trade on: the backlog of the sockets is not new.
func TestPauseOfTheProcess(t *testing.T) {
	racetest.Once(t)
	// It is also the age of prices to trade on, of which the start of a served market on a busy
	// machine takes a part: what it serves is late by that.
	const most = 3 * time.Second
	v := newLiveVenue(t)
	p := begin(t, v.state, v.args("s", "--resync-after", most.String(), "--max-staleness", most.String())...)
	p.line()
	soon(t, v.state, "s", "it has orders open", func(l looked) bool { return l.Open > 3 })
	for n := 1; n <= 2; n++ {
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
		stopped := time.Now()
		time.Sleep(3 * most) // it is the pause itself
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT))
		long := time.Since(stopped)
		soon(t, v.state, "s", "the gap is listed", func(l looked) bool { return len(l.Gaps) >= n })
		gap := look(t, v.state, "s").Gaps[n-1]
		require.GreaterOrEqual(t, gap.To.Sub(gap.From), long-most)
		require.LessOrEqual(t, gap.From, exchange.TimeOf(stopped.Add(most)))
		sent := look(t, v.state, "s").Orders
		soon(t, v.state, "s", "it trades again", func(l looked) bool { return l.Orders > sent && l.Tripped == "" })
	}
	require.Contains(t, read(t, p.stderr), "paused for")
	p.suspend()
	require.Positive(t, v.sentOn("s", most))
	v.compare("s")
	again(t, "backtest", v.state, "s")
}

// sentOn checks that a session that does not run placed no order on prices that were older by
// the venue's clock, and returns how many it placed.
func (v *liveVenue) sentOn(name string, most time.Duration) int {
	v.t.Helper()
	dir := filepath.Join(v.state, "sessions", name)
	heard, err := session.OpenRecording(v.t.Context(), dir, false)
	require.NoError(v.t, err)
	defer func() { require.NoError(v.t, heard.Close()) }()
	sent := rowsOf(v.t, openBooks(v.t, v.state, name), "SELECT at FROM commands WHERE kind = 'submit' ORDER BY seq", -1)
	events := make([]exchange.Event, 1)
	newest, n := exchange.Time(0), 0
	check := func(until exchange.Time) {
		for ; n < len(sent); n++ {
			ns, err := strconv.ParseInt(sent[n], 10, 64)
			require.NoError(v.t, err)
			if exchange.Time(ns) >= until {
				return
			}
			require.LessOrEqual(v.t, exchange.Time(ns).Sub(newest), most+20*time.Millisecond, "order %d at %s", n,
				exchange.Time(ns))
		}
	}
	for {
		_, err := heard.Next(v.t.Context(), events)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(v.t, err)
		if e := &events[0]; e.Kind != exchange.KindGap {
			check(e.Arrival)
			newest = max(newest, e.Time)
		}
	}
	check(exchange.Never)
	return len(sent)
}
