package cli_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/strategies"
)

// At every instant of every run, cash plus the position at its mark, less fees,
// plus funding is the equity, to the smallest unit. The sum is made here from the
// fills and payments that were reported, not from the account's own totals.
func TestEquityAddsUpAtEveryInstant(t *testing.T) {
	racetest.Skip(t)
	const balance = 100_000_000
	for _, tt := range []struct {
		strategy string
		kinds    []string
		length   time.Duration
		params   map[string]string
	}{
		{"sma_cross", []string{"bar-1m"}, 20 * 24 * time.Hour,
			map[string]string{"bars": "", "fast": "5", "slow": "20", "qty": "300"}},
		{"donchian", []string{"bar-1m"}, 20 * 24 * time.Hour,
			map[string]string{"bars": "", "entry": "30", "exit": "10", "qty": "300"}},
		{"bollinger_reversion", []string{"bar-1m"}, 20 * 24 * time.Hour,
			map[string]string{"bars": "", "qty": "300", "k": "2"}},
		{"grid_maker", []string{"quote", "trade"}, 3 * time.Hour,
			map[string]string{"spacing": "10", "qty": "10", "limit": "100"}},
		{"grid_maker", []string{"book", "trade"}, time.Hour, map[string]string{"spacing": "10", "qty": "10", "limit": "100"}},
		{"avellaneda_stoikov", []string{"book", "trade"}, time.Hour, map[string]string{"qty": "10", "limit": "100"}},
	} {
		t.Run(tt.strategy+" "+tt.kinds[0], func(t *testing.T) {
			dir, set := history(t, "2019-03-01", tt.length, tt.kinds...)
			xbt, err := set.Lookup("bitmex", "XBTUSD")
			require.NoError(t, err)
			feed, sources := open(t, dir, set, tt.kinds)
			defer feed.Close()
			x, err := sim.New(sim.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Currency: xbt.Settle,
				Balance: balance, SlippageTicks: 1, FundingRate: exchange.MustRatio("0.0001"), UseFundingRate: true})
			require.NoError(t, err)
			cash := &cash{wallet: balance}
			e, err := engine.New(engine.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Sources: sources,
				Feed: feed, Exchange: x, Strategy: strategyNamed(t, tt.strategy, tt.params), Observer: cash,
				Check: func(now exchange.Time) error {
					p := x.Account().Position(xbt.ID)
					unrealised := exchange.Money(0)
					if p.Qty != 0 {
						unrealised = xbt.At(now).Cost(p.Qty, p.MarkPrice) - p.Cost
					}
					if got, want := x.Account().Equity(), cash.wallet+unrealised; got != want {
						return fmt.Errorf("equity %d, want %d at %s", got, want, now)
					}
					return nil
				}})
			require.NoError(t, err)
			_, err = e.Run(context.Background())
			require.NoError(t, err)
			require.Positive(t, cash.fills)
		})
	}
}

// cash adds up the wallet from reports.
type cash struct {
	wallet exchange.Money
	fills  int
}

func (c *cash) Report(r *exchange.Report) error {
	switch r.Kind {
	case exchange.ReportFill:
		c.fills++
		c.wallet += r.Fill.Realised - r.Fill.Fee
	case exchange.ReportFunding:
		c.wallet += r.Funding.Amount
	}
	return nil
}

func (c *cash) Submitted(exchange.SymbolID, exchange.ClientID, exchange.Price) {}

func (c *cash) Sample(exchange.Time) error { return nil }

func strategyNamed(t *testing.T, name string, params map[string]string) engine.Strategy {
	t.Helper()
	for _, d := range strategies.All() {
		if d.Name == name {
			v, err := d.Values(params)
			require.NoError(t, err)
			s, err := d.New(v)
			require.NoError(t, err)
			return s
		}
	}
	t.Fatalf("no strategy %s", name)
	return nil
}

// open reads streams of XBTUSD from a catalog.
func open(tb testing.TB, dir string, set *exchange.Instruments, kinds []string) (*data.Feed, []engine.Source) {
	tb.Helper()
	cat, err := data.Open(dir)
	require.NoError(tb, err)
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(tb, err)
	q := data.Query{Instruments: set}
	var sources []engine.Source
	for _, kind := range kinds {
		q.Streams = append(q.Streams, data.Key{Venue: "bitmex", Kind: kind, Symbol: "XBTUSD"})
		src := engine.Source{Symbol: xbt.ID}
		if interval, ok := data.ParseBarKind(kind); ok {
			src.Kind, src.Interval = exchange.KindBar, interval
		} else {
			src.Kind = map[string]exchange.EventKind{"trade": exchange.KindTrade, "quote": exchange.KindQuote,
				"book": exchange.KindBook}[kind]
		}
		sources = append(sources, src)
	}
	feed, err := cat.Feed(context.Background(), q)
	require.NoError(tb, err)
	return feed, sources
}

// Every equity that is recorded follows from the tables of fills and payments alone: what
// was paid and received, and what the position is worth at the mark less what it cost.
// Nothing of the account's own sums is used.
func TestEquityFollowsFromTheTables(t *testing.T) {
	racetest.Skip(t)
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	bars, _ := history(t, "2019-03-01", 6*24*time.Hour, "bar-1m")
	books, _ := history(t, "2019-03-01", 2*time.Hour, "book", "trade")
	rng := rand.New(rand.NewPCG(3, 5))
	between := func(low, high int) string { return strconv.Itoa(low + rng.IntN(high-low+1)) }
	for n := range 14 {
		args := []string{"run", "--catalog", bars, "--symbol", "XBTUSD", "--balance", "5 XBT", "--funding-rate", "0.0001", "--seed", strconv.Itoa(n),
			"--latency", between(0, 3000) + "ms", "--slippage-ticks", between(0, 3)}
		switch n % 4 {
		case 0:
			args = append(args, "--strategy", "sma_cross", "--param", "bars=1m", "--param", "fast="+between(2, 20), "--param",
				"slow="+between(21, 90), "--param", "qty="+between(1, 9999))
		case 1:
			args = append(args, "--strategy", "donchian", "--param", "bars=1m", "--param", "entry="+between(20, 60), "--param",
				"exit="+between(5, 19), "--param", "qty="+between(1, 9999))
		case 2:
			args = append(args, "--strategy", "bollinger_reversion", "--param", "bars=1m,hold=240", "--param",
				"qty="+between(1, 9999), "--leverage", between(0, 50))
		case 3:
			args[2] = books
			args = append(args, "--strategy", "grid_maker", "--data", "book", "--param", "spacing=10", "--param",
				"qty="+between(1, 900), "--param", "limit=5000", "--sample-every", "10s")
		}
		dir := filepath.Join(t.TempDir(), strconv.Itoa(n))
		mustBacktest(t, append(args, "--out", dir)...)
		requireEquityFromFills(t, dir, xbt, 500_000_000)
	}
}

func requireEquityFromFills(t *testing.T, dir string, xbt *exchange.Instrument, balance int64) {
	t.Helper()
	var fills []reports.FillRow
	require.NoError(t, reports.ReadFills(dir, func(rows []reports.FillRow) error { fills = append(fills, rows...); return nil }))
	var payments []reports.FundingRow
	require.NoError(t, reports.ReadFunding(dir, func(rows []reports.FundingRow) error { payments = append(payments, rows...); return nil }))
	require.NotEmpty(t, fills, dir)
	insured, err := reports.ReadResult(dir)
	require.NoError(t, err)
	require.Zero(t, insured.Account.Insurance)
	cash, cost, position := balance, exchange.Money(0), exchange.Qty(0)
	samples := 0
	require.NoError(t, reports.ReadEquity(dir, func(rows []reports.EquityRow) error {
		for i := range rows {
			row := &rows[i]
			for ; len(fills) > 0 && fills[0].Time <= row.Time; fills = fills[1:] {
				f := &fills[0]
				qty := exchange.Qty(f.Qty)
				if f.Side == exchange.Sell.String() {
					qty = -qty
				}
				cash, position = cash-f.Fee, position+qty
				cost += xbt.At(exchange.Time(f.Time)).Cost(qty, exchange.Price(f.Price))
			}
			for ; len(payments) > 0 && payments[0].Time <= row.Time; payments = payments[1:] {
				cash += payments[0].Amount
			}
			worth := exchange.Money(0)
			if position != 0 {
				worth = xbt.At(exchange.Time(row.Time)).Cost(position, exchange.Price(row.Mark))
			}
			if row.Position != int64(position) || row.Equity != cash+int64(worth-cost) {
				return fmt.Errorf("%s: equity %d with %d contracts, the fills say %d with %d", exchange.Time(row.Time), row.Equity, row.Position,
					cash+int64(worth-cost), position)
			}
			samples++
		}
		return nil
	}))
	require.Positive(t, samples)
}
