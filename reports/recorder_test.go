package reports

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGoldenRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	result := scripted(t, dir).finish()
	got := files(t, dir)
	got["text.txt"] = Text(*result)
	for _, name := range []string{ManifestFile, ResultFile, SummaryFile, "text.txt"} {
		golden := filepath.Join("testdata", "golden", name)
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
			require.NoError(t, os.WriteFile(golden, []byte(got[name]), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), got[name], name)
	}
	read, err := ReadResult(dir)
	require.NoError(t, err)
	require.Equal(t, result, read)
	require.NoError(t, read.Check())
}

func TestGoldenAccountByHand(t *testing.T) {
	r := scripted(t, "").finish()
	// XBt a contract of XBTUSD: 14285 at 7000.5, 13889 at 7200, 14492 at 6900.5,
	// 14388 at 6950, 14265 at 7010, 14183 at 7050.5. A long gains as it falls.
	// ETHUSD is 100 XBt a dollar.
	long := 4000*(14285-13889) + 6000*(14285-14492)
	short := 3000 * (14388 - 14492)
	eth := 100 * (13125 - 13330)
	require.EqualValues(t, long+short+eth, r.Account.RealisedPnL)
	require.EqualValues(t, 700*(14265-14183)+200*(13125-13330), r.Account.UnrealisedPnL)

	value := 10_000*14285 + 4000*13889 + 300*13125 + 9000*14492 + 3000*14388 + 700*14265 + 100*13330
	require.EqualValues(t, value, r.Account.Turnover)
	require.EqualValues(t, 107_138+41_667+2953+97_821+32_373+7489+1000, r.Account.Fees)

	// The long pays 10000 × 14085 at 7100; the short of 3000 gets -0.025 % of
	// 14492 each, so it pays too; the short of 300 ETHUSD gets 0.03 % of 12800.
	require.EqualValues(t, -14_085-10_869+1152, r.Account.Funding)

	// The long XBTUSD won, the short lost; ETHUSD is open.
	require.Equal(t, []int64{2, 1, 1}, []int64{r.Counts.Trades, r.Counts.TradesWon, r.Counts.TradesLost})
	feesOfLong := 107_138 + 41_667 + 97_821*6/9
	feesOfShort := 97_821*3/9 + 32_373
	require.InDelta(t, float64(long-feesOfLong)/float64(-short+feesOfShort), *r.Metrics.ProfitFactor, 1e-12)
	require.InDelta(t, float64(value)/1e8, *r.Metrics.Turnover, 1e-12)
	require.InDelta(t, 7050.5/7000-1, *r.Metrics.BenchmarkReturn, 1e-12)
	require.InDelta(t, 1, *r.Metrics.Exposure, 0)
}

func TestEqualRunsLeaveEqualBytes(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	scripted(t, one).finish()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	scripted(t, two).finish()
	require.Equal(t, files(t, one), files(t, two))
}

func TestTablesHoldEverything(t *testing.T) {
	dir := t.TempDir()
	result := scripted(t, dir).finish()

	fills := rows[FillRow](t, dir, FillsFile)
	require.Len(t, fills, int(result.Counts.Fills))
	require.Equal(t, FillRow{Time: int64(testStart), Symbol: "XBTUSD", ExecID: "e1", OrderID: "o1", ClientID: "c1", Side: "Buy",
		Qty: 10_000, Price: int64(exchange.MustPrice("7000.5")), Value: 142_850_000, Fee: 107_138, FeeRate: 7_500_000, Position: 10_000,
		Liquidity: "RemovedLiquidity", ExecType: "Trade", Cause: "bar-open"}, fills[0])

	orders := rows[OrderRow](t, dir, OrdersFile)
	require.Len(t, orders, int(result.Counts.Orders))
	status := map[string]string{}
	for _, o := range orders {
		status[o.ClientID] = o.Status
	}
	require.Equal(t, map[string]string{"rest": "New", "bad": "Rejected", "stop": "Canceled", "c1": "Filled", "c2": "Filled",
		"c3": "Filled", "c4": "Filled", "c5": "Filled", "c6": "Filled", "c7": "Filled"}, status)
	require.Equal(t, "rest", orders[len(orders)-1].OrderID, "orders that are open come last")

	funding := rows[FundingRow](t, dir, FundingFile)
	require.Len(t, funding, 3)
	var sum int64
	for _, f := range funding {
		sum += f.Amount
	}
	require.EqualValues(t, result.Account.Funding, sum)

	equity := rows[EquityRow](t, dir, EquityFile)
	require.Len(t, equity, int(result.Counts.Samples))
	last := equity[len(equity)-1]
	require.EqualValues(t, result.Account.EndBalance, last.Wallet)
	require.EqualValues(t, result.Account.EndEquity, last.Equity)
	require.EqualValues(t, result.Account.Fees, last.Fees)
	require.EqualValues(t, exchange.MustPrice("7050.5"), last.Mark)

	m, err := ReadManifest(dir)
	require.NoError(t, err)
	for _, f := range m.Files {
		info, err := os.Stat(filepath.Join(dir, f.Name))
		require.NoError(t, err)
		require.Equal(t, info.Size(), f.Bytes, f.Name)
	}
}

func rows[R any](t *testing.T, dir, name string) []R {
	t.Helper()
	list, err := parquet.ReadFile[R](filepath.Join(dir, name))
	require.NoError(t, err)
	return list
}

func TestOrdersAreWrittenOnce(t *testing.T) {
	dir := t.TempDir()
	m := newModel(t, dir, 1000)
	m.sample()
	rep := m.fill(0, 10, "7000")
	// The venue tells of the order's end again, without the fill.
	m.order(rep.Order, exchange.ExecTrade)
	// An order is followed by the venue's id while the client's is amended.
	m.r.Submitted(m.symbols[0], "first", exchange.MustPrice("7000.25"))
	o := exchange.Order{OrderID: "x", ClientID: "first", Symbol: m.symbols[0], Qty: 5, Leaves: 5, Status: exchange.New}
	m.order(o, exchange.ExecNew)
	o.ClientID = "second"
	m.order(o, exchange.ExecReplaced)
	m.wait(time.Hour)
	o.Status = exchange.Canceled
	m.order(o, exchange.ExecCanceled)
	require.EqualValues(t, 2, m.finish().Counts.Orders)
	orders := rows[OrderRow](t, dir, OrdersFile)
	require.Len(t, orders, 2)
	require.Equal(t, "second", orders[1].ClientID)
	require.Equal(t, int64(testStart), orders[1].Time)
	require.EqualValues(t, exchange.MustPrice("7000.25"), orders[1].ArrivalMid)
	require.Zero(t, orders[0].ArrivalMid, "nobody said")
	require.Equal(t, int64(testStart.Add(time.Hour)), orders[1].Updated)
}

// Orders that had not arrived by the end are counted and in the table; those that arrived
// after a first word of them are not on their way any more.
func TestOrdersOnTheirWayAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	m := newModel(t, dir, 1000)
	m.sample()
	for i, status := range []exchange.OrderStatus{exchange.PendingNew, exchange.New, exchange.Rejected,
		exchange.PendingNew} {
		o := exchange.Order{ClientID: exchange.ClientID(fmt.Sprintf("c%d", i)), Symbol: m.symbols[0],
			Side: exchange.Sell, Qty: 30,
			Leaves: 30, Status: exchange.PendingNew}
		m.r.Submitted(m.symbols[0], o.ClientID, exchange.MustPrice("7000.25"))
		m.order(o, exchange.NoExecType)
		if status != exchange.PendingNew {
			o.Status = status
			m.order(o, exchange.ExecNew)
		}
	}
	m.wait(time.Hour)
	r := m.finish()
	require.EqualValues(t, 4, r.Counts.Orders)
	require.EqualValues(t, 2, r.Counts.Unanswered)
	orders := rows[OrderRow](t, dir, OrdersFile)
	require.Len(t, orders, 4)
	for i, want := range [][2]string{{"c2", "Rejected"}, {"c0", "PendingNew"}, {"c1", "New"}, {"c3", "PendingNew"}} {
		require.Equal(t, want, [2]string{orders[i].ClientID, orders[i].Status})
		require.Equal(t, int64(30), orders[i].Qty)
	}
}

func TestRefusesAnAccountThatDoesNotAddUp(t *testing.T) {
	for name, spoil := range map[string]func(m *model){
		"realised":   func(m *model) { m.totals.Realised++ },
		"fees":       func(m *model) { m.totals.Fees-- },
		"funding":    func(m *model) { m.totals.Funding++ },
		"wallet":     func(m *model) { m.balance++ },
		"unreported": func(m *model) { m.trade(m.symbols[0], 10, exchange.MustPrice("7000"), exchange.ExecTrade) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := scripted(t, dir)
			spoil(m)
			_, err := m.r.Finish(testOutcome())
			var identity *IdentityError
			require.ErrorAs(t, err, &identity)
			_, err = ReadResult(dir)
			var unfinished *UnfinishedError
			require.ErrorAs(t, err, &unfinished)
			require.Equal(t, Failed, unfinished.Status)
			require.Contains(t, unfinished.Reason, "does not add up")
			require.NoFileExists(t, filepath.Join(dir, ResultFile))
		})
	}
}

func TestInsuranceIsPartOfTheBalance(t *testing.T) {
	m := scripted(t, "")
	m.totals.Insurance = 12_345
	r := m.finish()
	require.Equal(t, exchange.Money(12_345), r.Account.Insurance)
	require.Contains(t, Text(*r), "insurance")
}

func TestAnyRunAddsUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t, "", 10_000_000_000, "XBTUSD", "ETHUSD", "XRPU21")
		prices := [][]string{{"3210.5", "7000", "7000.5", "61234.5"}, {"80.05", "131.25", "4000"}, {"0.00001234", "0.00002", "0.00009999"}}
		for n := range prices {
			m.mark(n, prices[n][0])
		}
		m.sample()
		var turnover exchange.Money
		for range rapid.IntRange(0, 60).Draw(rt, "steps") {
			n := rapid.IntRange(0, 2).Draw(rt, "symbol")
			price := rapid.SampledFrom(prices[n]).Draw(rt, "price")
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				m.mark(n, price)
			case 1:
				m.funding(n, rapid.SampledFrom([]string{"0.0001", "-0.00375", "0"}).Draw(rt, "rate"))
			case 2:
				m.wait(time.Duration(rapid.Int64Range(0, int64(40*time.Hour)).Draw(rt, "wait")))
			default:
				qty := rapid.Int64Range(-5000, 5000).Filter(func(q int64) bool { return q != 0 }).Draw(rt, "qty")
				rep := m.fill(n, exchange.Qty(qty), price)
				turnover += rep.Fill.Value
			}
		}
		m.wait(time.Minute)
		r := m.finish()
		if err := r.Check(); err != nil {
			rt.Fatal(err)
		}
		if r.Account.Turnover != turnover {
			rt.Fatalf("turnover %d, want %d", r.Account.Turnover, turnover)
		}
		checkMetrics(rt, &r.Metrics)
		b, err := encodeJSON(r)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := parseResult(b)
		if err != nil {
			rt.Fatal(err)
		}
		b2, err := encodeJSON(again)
		if err != nil || !bytes.Equal(b, b2) {
			rt.Fatalf("reading changes the result: %v", err)
		}
	})
}

func checkMetrics(t *rapid.T, m *Metrics) {
	for name, v := range map[string]*float64{"total_return": m.TotalReturn, "cagr": m.CAGR, "sharpe": m.Sharpe, "sortino": m.Sortino,
		"volatility": m.Volatility, "max_drawdown": m.MaxDrawdown, "win_rate": m.WinRate, "profit_factor": m.ProfitFactor,
		"exposure": m.Exposure, "turnover": m.Turnover, "benchmark": m.BenchmarkReturn} {
		if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
			t.Fatalf("%s is %g", name, *v)
		}
	}
	for name, v := range map[string]*float64{"win_rate": m.WinRate, "exposure": m.Exposure} {
		if v != nil && (*v < 0 || *v > 1) {
			t.Fatalf("%s is %g", name, *v)
		}
	}
	if *m.MaxDrawdown < 0 {
		t.Fatalf("max_drawdown is %g", *m.MaxDrawdown)
	}
}

func TestRunsWithoutTradesHaveNoFakeNumbers(t *testing.T) {
	m := newModel(t, "", 1000)
	m.sample()
	r := m.finish()
	require.InDelta(t, 0, *r.Metrics.TotalReturn, 0)
	require.InDelta(t, 0, *r.Metrics.MaxDrawdown, 0)
	for name, v := range map[string]*float64{"cagr": r.Metrics.CAGR, "sharpe": r.Metrics.Sharpe, "sortino": r.Metrics.Sortino,
		"volatility": r.Metrics.Volatility, "win_rate": r.Metrics.WinRate, "profit_factor": r.Metrics.ProfitFactor,
		"exposure": r.Metrics.Exposure, "benchmark": r.Metrics.BenchmarkReturn} {
		require.Nil(t, v, name)
	}
	require.Nil(t, r.Metrics.DrawdownStart)
	require.Empty(t, r.Positions)
	require.Contains(t, Text(*r), "-")

	m = newModel(t, "", 1000)
	_, err := m.r.Finish(Outcome{})
	var config *ConfigError
	require.ErrorAs(t, err, &config, "no sample was taken")
}

func TestPositionsFromBeforeTheRunCount(t *testing.T) {
	m := newModel(t, "", 1_000_000)
	m.trade(m.symbols[0], 10, exchange.MustPrice("7000"), exchange.ExecTrade) // not reported: it was before
	m.balance += m.totals.Realised - m.totals.Fees
	m.totals = Totals{}
	m.r.o.StartBalance = m.balance
	m.sample()
	m.wait(time.Hour)
	require.InDelta(t, 1, *m.finish().Metrics.Exposure, 0)
}

func TestForcedFillsAreCounted(t *testing.T) {
	m := newModel(t, "", 1_000_000_000)
	m.sample()
	m.fill(0, 100, "7000")
	for _, what := range []exchange.ExecType{exchange.ExecLiquidation, exchange.ExecSettlement} {
		rep := m.trade(m.symbols[0], -50, exchange.MustPrice("6000"), what)
		rep.Order = exchange.Order{} // no order of ours
		rep.Fill.Ambiguous = true
		require.NoError(t, m.r.Report(&rep))
	}
	m.wait(time.Hour)
	r := m.finish()
	require.EqualValues(t, 1, r.Counts.Liquidations)
	require.Contains(t, r.Warnings, "the account was liquidated, first at 2020-01-01T00:00:00Z (1 fill)")
	require.EqualValues(t, 1, r.Counts.Settlements)
	require.EqualValues(t, 2, r.Counts.AmbiguousFills)
	require.EqualValues(t, 1, r.Counts.Orders)
	require.Len(t, r.Warnings, 3)
}

func TestAbort(t *testing.T) {
	for _, tt := range []struct {
		cause  error
		status Status
	}{
		{context.Canceled, Interrupted},
		{errors.New("market data: broken"), Failed},
	} {
		dir := t.TempDir()
		m := scripted(t, dir)
		require.NoError(t, m.r.Abort(tt.cause, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
		got, err := ReadManifest(dir)
		require.NoError(t, err)
		require.Equal(t, tt.status, got.Status)
		require.Equal(t, tt.cause.Error(), got.Reason)
		require.Len(t, rows[FillRow](t, dir, FillsFile), 7, "the tables hold what happened so far")
		require.NotEmpty(t, rows[OrderRow](t, dir, OrdersFile))
		require.NoFileExists(t, filepath.Join(dir, ResultFile))
		for name := range files(t, dir) {
			require.False(t, strings.HasPrefix(name, "."), "%s is left", name)
		}
		require.NoError(t, m.r.Abort(tt.cause, time.Time{}), "again does nothing")
		require.ErrorIs(t, m.r.Sample(m.at), ErrClosed)
		require.ErrorIs(t, m.r.Report(&exchange.Report{}), ErrClosed)
		_, err = m.r.Finish(Outcome{})
		require.ErrorIs(t, err, ErrClosed)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := testOptions(t, &model{}, 1000)
	for field, spoil := range map[string]func(o *Options){
		"Account":      func(o *Options) { o.Account = nil },
		"Symbols":      func(o *Options) { o.Symbols = nil },
		"StartBalance": func(o *Options) { o.StartBalance = 0 },
		"Config":       func(o *Options) { o.Config = math.NaN() },
	} {
		o := good
		spoil(&o)
		_, err := Create("", o)
		var config *ConfigError
		require.ErrorAs(t, err, &config)
		require.Equal(t, field, config.Field)
	}
	o := good
	o.Symbols = []exchange.SymbolID{60000}
	_, err := Create("", o)
	require.ErrorContains(t, err, "60000")
	o = good
	o.Currency.Code = "USDt"
	_, err = Create("", o)
	require.ErrorContains(t, err, "settles in XBt")
}

func TestSamplesDoNotAllocate(t *testing.T) {
	m := newModel(t, "", 1000)
	w := &walk{margin: exchange.Margin{Balance: 1000}}
	m.r.o.Account = w
	at := testStart
	require.Zero(t, testing.AllocsPerRun(10_000, func() {
		at = at.Add(time.Minute)
		w.step()
		if err := m.r.Sample(at); err != nil {
			t.Fatal(err)
		}
	}))
}

func TestMemoryDoesNotGrowWithTheRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	// live returns the heap that a recorder holds after some days of minutes.
	live := func(days int) int64 {
		before := heap()
		w := &walk{margin: exchange.Margin{Wallet: 1e12, Balance: 1e12}, position: exchange.Position{Qty: 1, MarkPrice: exchange.MustPrice("7000")}}
		r, err := Create(t.TempDir(), testOptions(t, w, 1e12))
		require.NoError(t, err)
		at := testStart
		o := exchange.Order{Symbol: r.primary}
		for i := range days * 1440 {
			at = at.Add(time.Minute)
			w.step()
			require.NoError(t, r.Sample(at))
			if i%10 == 0 {
				o.OrderID = exchange.OrderID(at.String())
				o.Status = exchange.New
				require.NoError(t, r.Report(&exchange.Report{Kind: exchange.ReportOrder, Order: o, Time: at}))
				o.Status = exchange.Canceled
				require.NoError(t, r.Report(&exchange.Report{Kind: exchange.ReportOrder, Order: o, Time: at}))
			}
		}
		held := heap() - before
		runtime.KeepAlive(r)
		require.NoError(t, r.Abort(errTest, time.Time{}))
		return held
	}
	live(1)
	short, long := live(400), live(1200)
	require.Less(t, long, short+(4<<20), "three times the days")
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
