package sim

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// lives are what can happen to an order, which is always "a", as scripts.
func lives() []struct{ what, script string } {
	const book = "book bid 100 10 ask 101 10\n"
	return []struct{ what, script string }{
		{"rests", book + "submit a buy 5 limit 100"},
		{"rests, and fills in parts", book + "submit a buy 5 limit 100\ntrade sell 100 12\ntrade sell 100 9"},
		{"takes, then rests", book + "submit a buy 15 limit 101"},
		{"takes all", book + "submit a buy 5 limit 101"},
		{"a market order takes all", book + "submit a buy 5 market"},
		{"a market order finds too little", book + "submit a buy 15 market"},
		{"a market order finds nothing", "book bid 100 10\nsubmit a buy 15 market"},
		{"immediate or cancel, something left", book + "submit a buy 15 limit 101 ioc"},
		{"fill or kill, not all there", book + "submit a buy 15 limit 101 fok"},
		{"post-only would take", book + "submit a buy 5 limit 101 post"},
		{"pegged to the best bid", book + "submit a buy 5 primary=-1"},
		{"pegged without a market", "trade buy 100 1\nbook ask 101 10\nsubmit a buy 5 primary=-1"},
		{"there is nothing to reduce", book + "submit a sell 5 limit 102 reduce"},
		{"there is less to reduce", book + "submit b buy 3 market\nsubmit a sell 5 limit 102 reduce"},
		{"the position shrinks, and ends", book + "submit b buy 3 market\nsubmit a sell 3 limit 102 reduce\nsubmit c sell 2 market\nsubmit d sell 1 market"},
		{"closes the position, without a quantity", book + "submit b buy 3 market\nsubmit a sell 0 market close"},
		{"a Close comes to its side", book + "submit b buy 3 market\nsubmit a sell 2 limit 103\nsubmit c sell 3 limit 102 close"},
		{"waits for its trigger, and is triggered", book + "trade buy 101 1\nsubmit a sell 5 stop 95 last\ntrade sell 95 1"},
		{"a stop-limit is triggered, and rests", book + "trade buy 101 1\nsubmit a sell 5 stoplimit 95 102 last\ntrade sell 95 1"},
		{"if touched", book + "trade buy 101 1\nsubmit a buy 5 mit 95 last\ntrade sell 95 1"},
		{"trails, and is triggered", book + "trade buy 100 1\nsubmit a sell 5 stop 0 trail=-5 last\nat 2s\ntrade buy 102 1\ntrade sell 97 1"},
		{"is triggered, and the margin is missing", "config balance=0.1\n" + book + "trade buy 101 1\nsubmit a sell 500 stop 95 last\ntrade sell 95 1"},
		{"sleeps, and the parent fills", book + "submit p buy 5 limit 100 oto=g\nsubmit a sell 5 limit 103 link=g\ntrade sell 99 5"},
		{"sleeps, and the parent is cancelled", book + "submit p buy 5 limit 100 oto=g\nsubmit a sell 5 limit 103 link=g\ncancel p"},
		{"the other of a pair fills", book + "submit p buy 5 limit 100 oco=g\nsubmit a sell 5 limit 103 oco=g\ntrade sell 99 2"},
		{"its price is amended", book + "submit a buy 5 limit 99\namend a price=100"},
		{"amended, it takes", book + "submit a buy 5 limit 99\namend a price=101"},
		{"amended, and post-only", book + "submit a buy 5 limit 99 post\namend a price=101"},
		{"its quantity is amended", book + "submit a buy 5 limit 99\namend a qty=3"},
		{"nothing is left by an amendment", book + "submit a buy 5 limit 99\namend a leaves=0"},
		{"filled, it lives again", book + "submit a buy 5 limit 101\namend a leaves=2 price=99"},
		{"its trigger is amended", book + "trade buy 101 1\nsubmit a sell 5 stop 95 last\namend a stop=94"},
		{"is cancelled", book + "submit a buy 5 limit 99\ncancel a"},
		{"is cancelled with others", book + "submit a buy 5 limit 99\ncancelall"},
		{"is cancelled with a part filled", book + "submit a buy 15 limit 101\ncancel a"},
		{"the dead man's switch", book + "submit a buy 5 limit 99\ndeadman 5s\nat 6s"},
		{"the day ends", book + "submit a buy 5 limit 99 day\nat 12h"},
		{"margin is missing", "config balance=0.1\n" + book + "submit a buy 500 limit 99"},
		{"its limit is beyond the price band", "config rules\n" + book + "mark 100\nsubmit a buy 5 limit 120"},
		{"there are too many orders", "config orders=1\n" + book + "submit b buy 1 limit 99\nsubmit a buy 5 limit 99"},
		{"its price would liquidate", "config balance=0.01\n" + book + "submit b sell 4 market\nsubmit a buy 4 limit 150"},
		{"the risk limit is passed", "config symbol=TIER\n" + book + "submit a buy 1100 limit 99"},
		{"the position is about to be liquidated", "config leverage=50 latency=1s/0s\nmark 100\nbook bid 99.5 1000 ask 100 1000\nsubmit b buy 100 market\nat 1s\nsubmit a sell 100 market close\njump 2s\nmark 97"},
		{"the position is liquidated", "config leverage=50\nmark 100\nbook bid 99.5 1000 ask 100 1000\nsubmit b buy 100 market\nsubmit a buy 1 limit 90\nmark 97"},
		{"the contract expires", "config symbol=FUT\n" + book + "submit a buy 5 limit 99\nat 1h1s"},
		{"the lot grows", "config symbol=LOT\nat 25s\n" + book + "submit a buy 110 limit 99\nat 51s\ntrade sell 100 1"},
		{"an order of the account is in the way", "config selftrade=cancel-taking\nbook bid 99 10 ask 103 10\nsubmit b sell 4 limit 101\nsubmit a buy 6 market"},
		{"the venue is overloaded", "config overload=1\n" + book + "submit a buy 5 limit 99"},
		{"there were too many requests", "config persecond=1\n" + book + "submit b buy 1 limit 99\nsubmit a buy 5 limit 99"},
		{"the request is lost", "config lost=1\n" + book + "submit a buy 5 limit 99\nat 11s"},
	}
}

// The table of what is reported in the life of an order, in the package's
// documentation, is what the exchange reports. -rewrite writes it.
func TestTheLifeOfAnOrderIsAsDocumented(t *testing.T) {
	var b strings.Builder
	for _, life := range lives() {
		fmt.Fprintf(&b, "//\t%s\n", life.what)
		steps := live(t, life.script)
		require.NotEmpty(t, steps, life.what)
		for _, s := range steps {
			b.WriteString(strings.TrimRight("//\t\t"+s, " |") + "\n")
		}
	}
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(text), lifeBegins)
	require.True(t, ok)
	_, tail, ok := strings.Cut(rest, lifeEnds)
	require.True(t, ok)
	want := head + lifeBegins + b.String() + lifeEnds + tail
	if *rewrite {
		require.NoError(t, os.WriteFile("doc.go", []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text), "write it again with: go test ./exchange/sim -run Life -rewrite")
}

const (
	lifeBegins = "//\texecution type | status | working | triggered | text\n"
	lifeEnds   = "//\n// Every order ends in exactly one of"
)

// live plays a script and lists what is reported of the order a.
func live(t *testing.T, script string) (steps []string) {
	s := newScript(t)
	note := func() {
		// As said in a script, but of the order's row.
		for {
			next := max(s.x.Next(), s.now)
			if next > s.now {
				return
			}
			reports, err := s.x.Advance(context.Background(), next, nil)
			require.NoError(t, err)
			for i := range reports {
				r := &reports[i]
				if o := &r.Order; o.ClientID == "a" && (r.Kind == exchange.ReportOrder || r.Kind == exchange.ReportFill) {
					steps = append(steps, lifeStep(r.ExecType, o))
				}
			}
		}
	}
	for line := range strings.SplitSeq(script, "\n") {
		f := strings.Fields(line)
		switch f[0] {
		case "config":
			_, err := s.config(f[1:])
			require.NoError(t, err)
		case "jump":
			_, err := s.run(line)
			require.NoError(t, err)
		case "at":
			d, err := time.ParseDuration(f[1])
			require.NoError(t, err)
			for to := epoch.Add(d); s.now < to; note() {
				s.now = min(max(s.x.Next(), s.now), to)
			}
		default:
			events, err := s.events(f[0], f[1:])
			require.NoError(t, err, line)
			for i := range events {
				s.x.Market(&events[i])
			}
			if events == nil {
				require.NoError(t, s.command(f[0], f[1:]), line)
			}
			note()
		}
	}
	return steps
}

// lifeStep is a line of the table.
func lifeStep(exec exchange.ExecType, o *exchange.Order) string {
	working, triggered := "-", "-"
	if o.Working {
		working = "yes"
	}
	if o.Triggered != exchange.NoTrigger {
		triggered = o.Triggered.String()
	}
	text, _, _ := strings.Cut(o.Text, "\n")
	if text == "Submitted via API." {
		text = ""
	}
	if o.RejectReason != "" {
		text = o.RejectReason
	}
	return fmt.Sprintf("%-28s | %-15s | %-7s | %-18s | %s", exec, o.Status, working, triggered, text)
}
