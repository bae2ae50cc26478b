package strategies_test

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/strategies"
)

func TestDefinitions(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, d := range strategies.All() {
		require.Regexp(t, name, d.Name)
		require.False(t, seen[d.Name], d.Name)
		seen[d.Name] = true
		require.NotEmpty(t, d.Summary, d.Name)
		require.NotContains(t, d.Summary, "\n", d.Name)
		require.NotEmpty(t, d.Source, d.Name)
		params := map[string]bool{}
		for _, p := range d.Params {
			require.Regexp(t, name, p.Name, d.Name)
			require.False(t, params[p.Name], "%s %s", d.Name, p.Name)
			params[p.Name] = true
			require.NotEmpty(t, p.Type, "%s %s", d.Name, p.Name)
			require.NotEmpty(t, p.Help, "%s %s", d.Name, p.Name)
		}
		v, err := d.Values(nil)
		require.NoError(t, err, d.Name)
		require.Len(t, v.Text(), len(d.Params), d.Name)
		first, err := d.New(v)
		require.NoError(t, err, d.Name)
		second, err := d.New(v)
		require.NoError(t, err, d.Name)
		require.NotSame(t, first, second, "two runs must not share a strategy: %s", d.Name)
	}
	require.Len(t, seen, 6)
}

func TestAllIsFresh(t *testing.T) {
	all := strategies.All()
	all[0].Name = "spoilt"
	all[0].Params[0].Default = "spoilt"
	again := strategies.All()
	require.NotEqual(t, "spoilt", again[0].Name)
	require.NotEqual(t, "spoilt", again[0].Params[0].Default)
}

// All promises the order of names.
func TestAllIsSorted(t *testing.T) {
	var names []string
	for _, d := range strategies.All() {
		names = append(names, d.Name)
	}
	require.IsIncreasing(t, names)
}

// bitmex returns XBTUSD as it was in the summer of 2021 and a synthetic market of it.
func bitmex(t testing.TB, length time.Duration, kinds ...string) (*exchange.Instruments, *exchange.Instrument, []exchange.Event) {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	from, err := exchange.ParseTime("2021-05-20T03:50:00Z") // funding is ten minutes away
	require.NoError(t, err)
	feed, err := synth.New(synth.Config{Instrument: i, From: from, To: from.Add(length), Seed: 7, Kinds: kinds})
	require.NoError(t, err)
	var out []exchange.Event
	buf := make([]exchange.Event, 4096)
	for {
		n, err := feed.Next(context.Background(), buf)
		out = append(out, buf[:n]...)
		if errors.Is(err, io.EOF) {
			require.NoError(t, feed.Close())
			return set, i, out
		}
		require.NoError(t, err)
	}
}

// Every strategy on a market of its kind, with commands and reports that travel.
func TestStrategiesOnSyntheticMarkets(t *testing.T) {
	const minutes, quotes, book = "bar-1m", "quote trade", "book trade"
	for _, c := range []struct {
		strategy string
		kinds    string
		length   time.Duration
		params   map[string]string
		most     exchange.Qty // of inventory, orders on their way included
		fills    int          // at least
	}{
		{"buy_and_hold", minutes, 24 * time.Hour, with("qty", "10000"), 10000, 1},
		{"buy_and_hold", book, 15 * time.Minute, with("qty", "10000"), 10000, 1},
		{"sma_cross", minutes, 7 * 24 * time.Hour, with("bars", "", "qty", "10000"), 10000, 20},
		{"sma_cross", quotes, 15 * time.Minute, with("bars", "10s", "fast", "2", "slow", "5", "qty", "100"), 100, 5},
		{"donchian", minutes, 7 * 24 * time.Hour, with("bars", "", "qty", "10000"), 20000, 20},
		{"donchian", book, 15 * time.Minute, with("bars", "5s", "entry", "5", "exit", "3", "atr", "5", "qty", "100"), 200, 10},
		{"bollinger_reversion", minutes, 7 * 24 * time.Hour, with("bars", "", "hold", "240", "qty", "10000"), 10000, 20},
		{"bollinger_reversion", quotes, 15 * time.Minute, with("bars", "5s", "window", "10", "k", "1.5", "hold", "5", "qty", "100"), 100, 5},
		{"grid_maker", quotes, 15 * time.Minute, with("spacing", "10", "qty", "100", "limit", "1000"), 1100, 10},
		{"grid_maker", book, 15 * time.Minute, with("spacing", "10", "qty", "100", "limit", "1000"), 1100, 10},
		{"avellaneda_stoikov", quotes, 15 * time.Minute, with("qty", "100", "limit", "1000"), 1000, 10},
		{"avellaneda_stoikov", book, 15 * time.Minute, with("qty", "100", "limit", "1000"), 1000, 10},
	} {
		t.Run(c.strategy+" on "+c.kinds, func(t *testing.T) {
			t.Parallel()
			set, i, feed := bitmex(t, c.length, strings.Fields(c.kinds)...)
			s := &script{strategy: c.strategy, params: c.params, events: feed, latency: 5 * time.Millisecond, balance: 100_000_000,
				instruments: set, symbol: i.ID, funding: exchange.MustRatio("0.0001")}
			d := play(t, s)
			require.Empty(t, d.logged.lines)
			require.Zero(t, d.summary.Refused)
			require.Equal(t, int64(len(feed)), d.summary.Events)
			require.GreaterOrEqual(t, len(d.fills()), c.fills)
			requireWithin(t, d, c.most)
			funded := requireWallet(t, d, s.balance)
			if c.strategy == "buy_and_hold" {
				require.Positive(t, funded, "the position is held over a funding time")
			}

			again := play(t, s)
			require.Equal(t, d.asked(), again.asked())
			require.Equal(t, d.reports, again.reports)
		})
	}
}

func requireWithin(t testing.TB, d *desk, most exchange.Qty) {
	t.Helper()
	for i := range d.reports {
		if r := &d.reports[i]; r.Kind == exchange.ReportFill {
			require.LessOrEqual(t, r.Fill.Position.Abs(), most, "at %s", r.Fill.Time)
		}
	}
}

// requireWallet adds up what the fills and the funding moved: the venue's own
// wallet, as last reported, is the same to the last unit. It returns how often there
// was funding.
func requireWallet(t testing.TB, d *desk, start exchange.Money) (funded int) {
	t.Helper()
	wallet, said := start, start
	var held exchange.Qty
	for i := range d.reports {
		switch r := &d.reports[i]; r.Kind {
		case exchange.ReportFill:
			wallet += r.Fill.Realised - r.Fill.Fee
			held += r.Fill.Side.Signed(r.Fill.Qty)
			require.Equal(t, held, r.Fill.Position)
		case exchange.ReportFunding:
			wallet += r.Funding.Amount
			funded++
		case exchange.ReportMargin:
			said = r.Margin.Wallet
		}
	}
	require.Equal(t, said, wallet)
	require.NotEqual(t, start, wallet, "nothing happened")
	return funded
}
