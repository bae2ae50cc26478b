package analysis_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// book is an account that says what it is told, so long as it adds up.
type book struct {
	wallet    exchange.Money
	totals    reports.Totals
	positions map[exchange.SymbolID]*exchange.Position
}

func (b *book) Totals() reports.Totals { return b.totals }

func (b *book) Position(s exchange.SymbolID) exchange.Position { return *b.positions[s] }

func (b *book) Margin(exchange.Time) exchange.Margin {
	m := exchange.Margin{Wallet: b.wallet}
	for _, p := range b.positions {
		m.Unrealised += p.Unrealised
	}
	m.Balance = m.Wallet + m.Unrealised
	return m
}

// recording is a run under way.
type recording struct {
	tb      testing.TB
	dir     string
	book    book
	symbols []exchange.SymbolID
	rec     *reports.Recorder
	at      exchange.Time
	n       int
	change  func(*exchange.Report) // of a fill, before it is told; may be nil
}

const balance = 1_000_000_000

func record(tb testing.TB, dir string) *recording {
	tb.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(tb, err)
	start, err := exchange.ParseTime("2020-01-30T22:15:00Z")
	require.NoError(tb, err)
	r := &recording{tb: tb, dir: dir, at: start, book: book{wallet: balance, positions: map[exchange.SymbolID]*exchange.Position{}}}
	o := reports.Options{Account: &r.book, Instruments: set, StartBalance: balance, Run: reports.Run{Strategy: "test", Data: "bar-1m"}}
	for _, name := range []string{"XBTUSD", "ETHUSD"} {
		i, err := set.Lookup("bitmex", name)
		require.NoError(tb, err)
		r.symbols, o.Symbols, o.Currency = append(r.symbols, i.ID), append(o.Symbols, i.ID), i.Settle
		r.book.positions[i.ID] = &exchange.Position{Symbol: i.ID, MarkPrice: exchange.MustPrice("7000")}
	}
	r.rec, err = reports.Create(dir, o)
	require.NoError(tb, err)
	return r
}

func (r *recording) sample() { require.NoError(r.tb, r.rec.Sample(r.at)) }

// fill trades, with whatever money comes of it.
func (r *recording) fill(s exchange.SymbolID, side exchange.Side, qty exchange.Qty, price exchange.Price, realised, fee exchange.Money) {
	p := r.book.positions[s]
	before := p.Qty
	p.Qty += side.Signed(qty)
	if before == 0 || before.Sign() == side.Signed(qty).Sign() {
		realised = 0
	}
	if p.Qty == 0 {
		p.Unrealised = 0
	}
	r.book.wallet += realised - fee
	r.book.totals.Realised += realised
	r.book.totals.Fees += fee
	r.n++
	id := strconv.Itoa(r.n)
	rep := exchange.Report{Kind: exchange.ReportFill, Time: r.at, Arrival: r.at, Symbol: s}
	rep.Fill = exchange.Fill{Time: r.at, Symbol: s, OrderID: exchange.OrderID(id), ExecID: id, Side: side, Qty: qty, Price: price, Fee: fee,
		Realised: realised, Position: p.Qty, Value: exchange.Money(qty) * 10_000, Liquidity: exchange.AddedLiquidity, Type: exchange.ExecTrade}
	rep.Order = exchange.Order{Time: r.at, Symbol: s, OrderID: exchange.OrderID(id), Side: side, Qty: qty, Filled: qty, Status: exchange.Filled}
	if r.change != nil {
		r.change(&rep)
	}
	require.NoError(r.tb, r.rec.Report(&rep))
}

func (r *recording) funding(s exchange.SymbolID, amount exchange.Money) {
	r.book.wallet += amount
	r.book.totals.Funding += amount
	rep := exchange.Report{Kind: exchange.ReportFunding, Time: r.at, Arrival: r.at, Symbol: s}
	rep.Funding = exchange.FundingPayment{Time: r.at, Symbol: s, Qty: r.book.positions[s].Qty, Amount: amount}
	require.NoError(r.tb, r.rec.Report(&rep))
}

func (r *recording) finish() *reports.Result {
	r.sample()
	result, err := r.rec.Finish(reports.Outcome{})
	require.NoError(r.tb, err)
	return result
}

// step does one thing.
func (r *recording) step(t *rapid.T) {
	s := rapid.SampledFrom(r.symbols).Draw(t, "symbol")
	money := rapid.Int64Range(-5_000_000, 5_000_000)
	p := r.book.positions[s]
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		r.fill(s, rapid.SampledFrom([]exchange.Side{exchange.Buy, exchange.Sell}).Draw(t, "side"),
			exchange.Qty(rapid.Int64Range(1, 500).Draw(t, "qty")), exchange.Price(rapid.Int64Range(1, 10).Draw(t, "price"))*exchange.PriceUnit,
			exchange.Money(money.Draw(t, "realised")), exchange.Money(money.Draw(t, "fee")/100))
	case 1:
		r.funding(s, exchange.Money(money.Draw(t, "funding")/50))
	case 2:
		p.MarkPrice = exchange.Price(rapid.Int64Range(1, 10).Draw(t, "mark")) * exchange.PriceUnit
		if p.Qty != 0 {
			p.Unrealised = exchange.Money(money.Draw(t, "unrealised"))
		}
	case 3:
		r.at = r.at.Add(time.Duration(rapid.Int64Range(0, 40).Draw(t, "hours")) * time.Hour)
	}
}

// Whatever happens, the parts are the whole, and the statistics are the metrics
// that the recorder has kept while the run went on.
func TestStatisticsOfAnyRun(t *testing.T) {
	root, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(root, strconv.Itoa(n))
		r := record(t, dir)
		r.sample()
		for range rapid.IntRange(0, 40).Draw(rt, "steps") {
			r.step(rt)
			r.sample()
		}
		requireAgreement(t, dir, r.finish())
	})
}

// What the venue forces is in no figure of execution, whether its fills have an order for
// each or share one, but in the account and in the trips like any fill.
func TestForcedFillsAreNoExecution(t *testing.T) {
	run := func(change func(*exchange.Report)) *analysis.Statistics {
		dir := t.TempDir()
		r := record(t, dir)
		r.sample()
		price := func(p int64) exchange.Price { return exchange.Price(p) * exchange.PriceUnit }
		r.fill(r.symbols[0], exchange.Buy, 100, price(7001), 0, 5)
		r.at = r.at.Add(time.Minute)
		r.sample()
		r.change = change
		for range 3 {
			if change != nil {
				r.fill(r.symbols[0], exchange.Sell, 20, price(5000), -700, 1)
			}
			r.at = r.at.Add(time.Minute)
			r.sample()
		}
		requireAgreement(t, dir, r.finish())
		s, err := analysis.Read(dir)
		require.NoError(t, err)
		return s
	}
	want := run(nil).Execution
	require.NotNil(t, want.SlippageBps)
	require.InDelta(t, -10_000.0/7000, *want.SlippageBps, 1e-9, "the own order alone: 7001 against 7000")
	for name, change := range map[string]func(*exchange.Report){
		"liquidation": func(r *exchange.Report) {
			r.Fill.Type, r.Fill.Cause = exchange.ExecLiquidation,
				exchange.ForcedClose
		},
		"settlement": func(r *exchange.Report) { r.Fill.Type = exchange.ExecSettlement },
		"odd lot":    func(r *exchange.Report) { r.Fill.Cause = exchange.ForcedClose },
		"one order for all": func(r *exchange.Report) {
			r.Fill.Type, r.Fill.OrderID, r.Order.OrderID = exchange.ExecLiquidation, "sys", "sys"
		},
		"no order": func(r *exchange.Report) {
			r.Fill.Type, r.Fill.OrderID, r.Order = exchange.ExecLiquidation, "", exchange.Order{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			have := run(change)
			require.EqualValues(t, 3, have.Execution.ForcedFills)
			have.Execution.ForcedFills = 0
			require.Equal(t, want, have.Execution)
			require.Equal(t, 3, have.Trades[1].ClosingFills)
			require.EqualValues(t, -2103-5, have.Attribution.BySymbol[0].Total)
		})
	}
}

// What holding brings and what the account is worth in the other currency begin at the
// first price, so that the distance of the samples does not change them.
func TestTheOtherCurrencyWhateverTheSamples(t *testing.T) {
	type figures struct{ total, held, own, daily float64 }
	run := func(every int) figures {
		dir := t.TempDir()
		r := record(t, dir)
		r.at = r.at.Date() // 30 January, 00:00
		xbt := r.book.positions[r.symbols[0]]
		for hour := range 24*5 + 1 {
			xbt.MarkPrice = 0 // not known until 03:00
			if hour >= 3 {
				xbt.MarkPrice = exchange.Price(7000+100*(hour%37)) * exchange.PriceUnit
			}
			r.rec.Priced(r.at)
			if hour == 0 || hour%24 == 0 || hour%every == 0 {
				r.sample()
			}
			r.book.wallet, r.book.totals.Funding = r.book.wallet+1000, r.book.totals.Funding+1000
			rep := exchange.Report{Kind: exchange.ReportFunding, Time: r.at, Arrival: r.at, Symbol: r.symbols[0]}
			rep.Funding = exchange.FundingPayment{Time: r.at, Symbol: r.symbols[0], Amount: 1000}
			require.NoError(t, r.rec.Report(&rep))
			if hour < 24*5 {
				r.at = r.at.Add(time.Hour)
			}
		}
		result := r.finish()
		require.Equal(t, exchange.MustPrice("7300"), result.Benchmark.StartPrice)
		s, err := analysis.Write(dir)
		require.NoError(t, err)
		other := &s.Returns[1]
		require.Equal(t, 5, other.Days)
		return figures{*other.Total, *s.Returns[0].Held[0].Total, *s.Returns[0].Total, *other.MaxDaily}
	}
	one := run(1)
	end := 7000 + 100*float64(24*5%37)
	require.InDelta(t, (1+one.own)*end/7300-1, one.total, 1e-12)
	require.InDelta(t, 7300/end-1, one.held, 1e-12, "what the dollars of the start buy at the end")
	for _, every := range []int{5, 24, 48, 168} {
		require.Equal(t, one, run(every), "samples every %d h", every)
	}
}

func requireAgreement(tb testing.TB, dir string, result *reports.Result) {
	tb.Helper()
	s, err := analysis.Write(dir)
	require.NoError(tb, err, "parts that do not add up are an error")
	var sum exchange.Money
	for i := range s.Attribution.BySide {
		sum += s.Attribution.BySide[i].Total
	}
	require.Equal(tb, result.Account.EndEquity-result.Account.StartBalance, sum+result.Account.Insurance)
	var fees, turnover exchange.Money
	for i := range s.Attribution.BySymbol {
		p := &s.Attribution.BySymbol[i]
		fees, turnover = fees-p.Fees-p.Rebates, turnover+p.Turnover
	}
	require.Equal(tb, result.Account.Fees, fees)
	require.Equal(tb, result.Account.Turnover, turnover)

	requireSlippage(tb, s)
	requireSchema(tb, dir)

	own, m := &s.Returns[0], &result.Metrics
	for _, c := range []struct {
		name       string
		want, have *float64
	}{
		{"total", m.TotalReturn, own.Total}, {"CAGR", m.CAGR, own.CAGR}, {"Sharpe", m.Sharpe, own.Sharpe},
		{"Sortino", m.Sortino, own.Sortino}, {"volatility", m.Volatility, own.Volatility}, {"drawdown", m.MaxDrawdown, own.MaxDrawdown},
		{"win rate", m.WinRate, s.Trades[0].WinRate}, {"profit factor", m.ProfitFactor, s.Trades[0].ProfitFactor},
	} {
		if c.want == nil || c.have == nil {
			require.Equal(tb, c.want, c.have, c.name)
			continue
		}
		require.InDelta(tb, *c.want, *c.have, 1e-9*max(1, math.Abs(*c.want)), c.name)
	}
	require.Equal(tb, result.Counts.Trades, int64(s.Trades[0].Count))
	require.Equal(tb, result.Counts.TradesWon, int64(s.Trades[0].Won))
	require.Equal(tb, s.Trades[0].Count, s.Trades[1].Count+s.Trades[2].Count)
	if own.Total != nil && own.Days > 0 {
		total := 1.0
		for _, p := range own.Months {
			if p.Return != nil {
				total *= 1 + *p.Return
			}
		}
		require.InDelta(tb, *own.Total, total-1, 1e-9, "months compound to the total")
	}
}

// Its parts are the whole, too.
func requireSlippage(tb testing.TB, s *analysis.Statistics) {
	tb.Helper()
	whole := s.Execution.Slippage
	a := &s.Attribution
	var sides, hours, days exchange.Money
	for i := range a.BySide {
		require.Equal(tb, whole == nil, a.BySide[i].Slippage == nil)
		if whole != nil {
			sides += *a.BySide[i].Slippage
		}
	}
	for i := range a.ByHour {
		if whole != nil {
			hours += *a.ByHour[i].Slippage
		}
	}
	for i := range a.ByWeekday {
		if whole != nil {
			days += *a.ByWeekday[i].Slippage
		}
	}
	if whole != nil {
		require.Equal(tb, []exchange.Money{*whole, *whole, *whole}, []exchange.Money{sides, hours, days})
	}
}

// compiled is the published schema.
var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(analysis.JSONSchema()))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("statistics.json", schema); err != nil {
		return nil, err
	}
	return c.Compile("statistics.json")
})

func requireSchema(tb testing.TB, dir string) {
	tb.Helper()
	schema, err := compiled()
	require.NoError(tb, err)
	text, err := os.ReadFile(filepath.Join(dir, reports.StatisticsFile))
	require.NoError(tb, err)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(tb, err)
	require.NoError(tb, schema.Validate(v))
}

// The schema knows every field, and refuses what is not one of ours.
func TestTheSchemaIsStrict(t *testing.T) {
	dir := t.TempDir()
	r := record(t, dir)
	r.sample()
	for range 40 {
		r.fill(r.symbols[0], exchange.Buy, 10, exchange.PriceUnit, 0, 5)
		r.at = r.at.Add(17 * time.Hour)
		r.sample()
		r.fill(r.symbols[0], exchange.Sell, 10, exchange.PriceUnit, 70, 5)
	}
	r.finish()
	_, err := analysis.Write(dir)
	require.NoError(t, err)
	requireSchema(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, reports.StatisticsFile))
	require.NoError(t, err)
	known := map[string]bool{}
	var schema, file any
	require.NoError(t, json.Unmarshal(analysis.JSONSchema(), &schema))
	require.NoError(t, json.Unmarshal(text, &file))
	names := map[string]bool{}
	collect(schema, known)
	collect(file, names)
	for name := range names {
		require.True(t, known[name], "the schema does not know %s", name)
	}
	checked, err := compiled()
	require.NoError(t, err)
	for _, change := range [][2]string{{`"days":`, `"weeks":`}, {`"count": 40`, `"count": "40"`}, {analysis.Schema, "other"}, {`"digest": "sha256:`, `"digest": "md5:`}} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		require.NotEqual(t, string(text), changed, change)
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(changed))
		require.NoError(t, err)
		require.Error(t, checked.Validate(v), change)
	}
}

// The file says what was computed, and a second time nothing changes.
func requireSameAgain(tb testing.TB, dir string, s *analysis.Statistics) {
	tb.Helper()
	first, err := os.ReadFile(filepath.Join(dir, reports.StatisticsFile))
	require.NoError(tb, err)
	read, err := analysis.Read(dir)
	require.NoError(tb, err)
	require.Equal(tb, s.Digest, read.Digest)
	_, err = analysis.Write(dir)
	require.NoError(tb, err)
	second, err := os.ReadFile(filepath.Join(dir, reports.StatisticsFile))
	require.NoError(tb, err)
	require.True(tb, bytes.Equal(first, second))
}

func TestStatisticsRefused(t *testing.T) {
	_, err := analysis.Write(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = analysis.Read(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)

	dir := t.TempDir()
	r := record(t, dir)
	r.sample()
	r.fill(r.symbols[0], exchange.Buy, 10, exchange.PriceUnit, 0, 5)
	r.at = r.at.Add(time.Minute)
	r.finish()
	path := filepath.Join(dir, reports.ResultFile)
	text, err := os.ReadFile(path)
	require.NoError(t, err)

	changed := strings.Replace(string(text), fmt.Sprintf(`"end_equity": %d`, balance-5), fmt.Sprintf(`"end_equity": %d`, balance-4), 1)
	require.NotEqual(t, string(text), changed)
	require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
	_, err = analysis.Write(dir)
	var wrong *reports.IdentityError
	require.ErrorAs(t, err, &wrong)
	require.Contains(t, err.Error(), "sum over")
	require.NoFileExists(t, filepath.Join(dir, reports.StatisticsFile))

	for text, want := range map[string]string{"{": "statistics.json: unexpected end", `{"schema":"other/9"}`: "other/9"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, reports.StatisticsFile), []byte(text), 0o600))
		_, err = analysis.Read(dir)
		require.ErrorContains(t, err, want)
	}
}

// Every field that the file has is explained.
func TestEveryFieldIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/statistics.md")
	require.NoError(t, err)
	dir := t.TempDir()
	r := record(t, dir)
	r.sample()
	for range 40 {
		r.fill(r.symbols[0], exchange.Buy, 10, exchange.PriceUnit, 0, 5)
		r.at = r.at.Add(17 * time.Hour)
		r.book.positions[r.symbols[0]].Unrealised -= 100
		r.sample()
		r.fill(r.symbols[0], exchange.Sell, 10, exchange.PriceUnit, 70, 5)
	}
	r.finish()
	s, err := analysis.Write(dir)
	require.NoError(t, err)
	requireSameAgain(t, dir, s)
	text, err := os.ReadFile(filepath.Join(dir, reports.StatisticsFile))
	require.NoError(t, err)
	var all any
	require.NoError(t, json.Unmarshal(text, &all))
	names := map[string]bool{}
	collect(all, names)
	require.Greater(t, len(names), 90)
	for name := range names {
		if !bytes.Contains(doc, []byte("`"+name+"`")) {
			t.Errorf("docs/statistics.md does not explain %s", name)
		}
	}
}

func collect(v any, names map[string]bool) {
	switch x := v.(type) {
	case map[string]any:
		for name, inner := range x {
			names[name] = true
			collect(inner, names)
		}
	case []any:
		for _, inner := range x {
			collect(inner, names)
		}
	}
}
