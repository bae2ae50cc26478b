package sim

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// play plays a script and returns the reports of orders.
func play(t *testing.T, lines string) (*script, []exchange.Report) {
	t.Helper()
	s := newScript(t)
	var got []exchange.Report
	for line := range strings.SplitSeq(lines, "\n") {
		f := strings.Fields(line)
		events, err := s.events(f[0], f[1:])
		require.NoError(t, err, line)
		for i := range events {
			s.x.Market(&events[i])
		}
		if events == nil {
			require.NoError(t, s.command(f[0], f[1:]), line)
		}
		for first := true; first || s.x.Next() <= s.now; first = false {
			got, err = s.x.Advance(context.Background(), s.now, got)
			require.NoError(t, err, line)
		}
	}
	return s, got
}

// An order that another one wakes works when it rests; a stop waits for its trigger and
// does not, for either side.
func TestWokenStopsDoNotWork(t *testing.T) {
	for _, script := range []string{
		"quote 100 10 101 10\nsubmit a buy 5 limit 99 oto=G\nsubmit s sell 5 stop 90 last oco=G\n" +
			"submit p sell 5 stoplimit 90 89 last oco=G\nsubmit l sell 5 limit 110 oco=G\ntrade sell 98 5",
		"quote 100 10 101 10\nsubmit a sell 5 limit 102 oto=G\nsubmit s buy 5 stop 111 last oco=G\n" +
			"submit p buy 5 stoplimit 111 112 last oco=G\nsubmit l buy 5 limit 91 oco=G\ntrade buy 103 5",
	} {
		_, reports := play(t, script)
		woken := map[exchange.ClientID]bool{}
		for i := range reports {
			if r := &reports[i]; r.Kind == exchange.ReportOrder && r.ExecType == exchange.ExecTriggered {
				woken[r.Order.ClientID] = r.Order.Working
			}
		}
		require.Equal(t, map[exchange.ClientID]bool{"s": false, "p": false, "l": true}, woken)
	}
}

// Each forced execution counts as one fill of that cause: the parts of a reduction, and
// what the insurance fund takes over.
func TestForcedFillsAreCounted(t *testing.T) {
	s, reports := play(t,
		"quote 100 10000 100.5 10000\nleverage 100\nsubmit a buy 1000 market\nquote 99 10000 99.5 10000\nmark 99")
	forced := 0
	for i := range reports {
		if r := &reports[i]; r.Kind == exchange.ReportFill && r.Fill.Cause == exchange.ForcedClose {
			forced++
		}
	}
	require.Equal(t, 1, forced)
	stats := s.x.Stats()
	require.Equal(t, 1, stats.Fills[exchange.ForcedClose])
	require.Equal(t, 1, stats.Fills[exchange.TookTouch], "the order's own")
	require.Equal(t, 1, stats.Liquidations)
}
