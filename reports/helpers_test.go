package reports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// testStart is a midnight.
var testStart = exchange.TimeOf(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))

// testOptions are those of a run on contracts of bitmex, XBTUSD if none is named.
func testOptions(tb testing.TB, a Account, balance exchange.Money, symbols ...string) Options {
	tb.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(tb, err)
	if len(symbols) == 0 {
		symbols = []string{"XBTUSD"}
	}
	o := Options{Account: a, Instruments: set, StartBalance: balance, Run: Run{Strategy: "test", Data: "bar-1m"},
		Version: "v0.0.0-test", GoVersion: "go0", Seed: 7, Config: map[string]any{"strategy": "test"},
		Started: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
	for _, name := range symbols {
		i, err := set.Lookup("bitmex", name)
		require.NoError(tb, err)
		o.Symbols = append(o.Symbols, i.ID)
		o.Currency = i.Settle
	}
	return o
}

// model is a small account that trades as it is told: average cost, rounding by
// the contract's terms. It is told apart from the simulator's ledger on purpose.
type model struct {
	tb        testing.TB
	r         *Recorder
	set       *exchange.Instruments
	balance   exchange.Money
	totals    Totals
	positions map[exchange.SymbolID]*position
	symbols   []exchange.SymbolID
	at        exchange.Time
	n         int
}

// newModel makes an account and its recorder. An empty dir writes nothing.
func newModel(tb testing.TB, dir string, balance exchange.Money, symbols ...string) *model {
	tb.Helper()
	m := &model{tb: tb, balance: balance, positions: map[exchange.SymbolID]*position{}, at: testStart}
	o := testOptions(tb, m, balance, symbols...)
	m.set, m.symbols = o.Instruments, o.Symbols
	for _, s := range o.Symbols {
		m.positions[s] = &position{exchange.Position{Symbol: s}}
	}
	o.Run.Params = map[string]string{"fast": "20", "slow": "100"}
	o.Models = []Model{{Name: "queue", Value: "prob-power:3"}, {Name: "latency", Value: "5ms"}}
	o.Data = []DataPart{{Path: "venue=bitmex/kind=bar-1m/symbol=XBTUSD/date=2020-01-01/part-1.parquet", Rows: 44640, Digest: "sha256:00ff"}}
	r, err := Create(dir, o)
	require.NoError(tb, err)
	m.r = r
	return m
}

func (m *model) Totals() Totals { return m.totals }

func (m *model) Position(s exchange.SymbolID) exchange.Position {
	p := m.positions[s].Position
	p.Unrealised = p.MarkValue - p.Cost
	return p
}

func (m *model) Margin(at exchange.Time) exchange.Margin {
	out := exchange.Margin{Currency: "XBt", Time: at,
		Wallet: m.balance + m.totals.Realised - m.totals.Fees + m.totals.Funding + m.totals.Insurance}
	for _, s := range m.symbols {
		out.Unrealised += m.Position(s).Unrealised
	}
	out.Balance = out.Wallet + out.Unrealised
	return out
}

func (m *model) terms(s exchange.SymbolID) *exchange.Terms { return m.set.Get(s).At(m.at) }

// mark sets the mark price of the nth symbol.
func (m *model) mark(n int, price string) {
	s := m.symbols[n]
	p := m.positions[s]
	p.MarkPrice = exchange.MustPrice(price)
	p.MarkValue = m.terms(s).Cost(p.Qty, p.MarkPrice)
}

// fill trades a signed quantity of the nth symbol at a price that becomes the
// mark, as a taker, with an order of its own.
func (m *model) fill(n int, qty exchange.Qty, price string) exchange.Report {
	m.tb.Helper()
	rep := m.trade(m.symbols[n], qty, exchange.MustPrice(price), exchange.ExecTrade)
	require.NoError(m.tb, m.r.Report(&rep))
	return rep
}

// trade moves the account and returns the report.
func (m *model) trade(s exchange.SymbolID, qty exchange.Qty, price exchange.Price, what exchange.ExecType) exchange.Report {
	t, p := m.terms(s), m.positions[s]
	m.n++
	f := exchange.Fill{ExecID: fmt.Sprintf("e%d", m.n), OrderID: exchange.OrderID(fmt.Sprintf("o%d", m.n)),
		ClientID: exchange.ClientID(fmt.Sprintf("c%d", m.n)), Symbol: s, Side: exchange.SideOf(qty), Qty: qty.Abs(), Price: price,
		Type: what, Liquidity: exchange.RemovedLiquidity, Value: t.Value(qty, price), FeeRate: t.TakerFee, Cause: exchange.BarOpened,
		Time: m.at}
	f.Fee = exchange.Fee(f.Value, f.FeeRate)
	f.Realised = p.add(t, qty, price)
	f.Position = p.Qty
	p.MarkPrice, p.MarkValue = price, t.Cost(p.Qty, price)
	m.totals.Realised += f.Realised
	m.totals.Fees += f.Fee
	m.totals.Turnover += f.Value
	o := exchange.Order{OrderID: f.OrderID, ClientID: f.ClientID, Symbol: s, Side: f.Side, Qty: f.Qty, Type: exchange.Market,
		TimeInForce: exchange.ImmediateOrCancel, Status: exchange.Filled, Filled: f.Qty, AvgPrice: price, Time: m.at, TransactTime: m.at}
	return exchange.Report{Kind: exchange.ReportFill, ExecType: what, Symbol: s, Time: m.at, Arrival: m.at.Add(time.Millisecond), Fill: f, Order: o}
}

// funding pays a rate on the nth symbol.
func (m *model) funding(n int, rate string) {
	m.tb.Helper()
	s := m.symbols[n]
	p := m.positions[s]
	f := exchange.FundingPayment{Symbol: s, Rate: exchange.MustRatio(rate), Qty: p.Qty, Price: p.MarkPrice, Time: m.at}
	f.Amount = -exchange.Fee(m.terms(s).Value(p.Qty, p.MarkPrice), f.Rate)
	if p.Qty < 0 {
		f.Amount = -f.Amount
	}
	m.totals.Funding += f.Amount
	require.NoError(m.tb, m.r.Report(&exchange.Report{Kind: exchange.ReportFunding, Symbol: s, Time: m.at, Arrival: m.at, Funding: f}))
}

func (m *model) order(o exchange.Order, what exchange.ExecType) {
	m.tb.Helper()
	o.Time = m.at
	require.NoError(m.tb, m.r.Report(&exchange.Report{Kind: exchange.ReportOrder, ExecType: what, Symbol: o.Symbol, Time: m.at, Arrival: m.at, Order: o}))
}

func (m *model) sample() {
	m.tb.Helper()
	require.NoError(m.tb, m.r.Sample(m.at))
}

// wait moves the clock and takes a sample.
func (m *model) wait(d time.Duration) {
	m.tb.Helper()
	m.at = m.at.Add(d)
	m.sample()
}

func (m *model) finish() *Result {
	m.tb.Helper()
	r, err := m.r.Finish(testOutcome())
	require.NoError(m.tb, err)
	return r
}

func testOutcome() Outcome {
	return Outcome{Engine: engine.Summary{Events: 1000, Refused: 1, Late: 2}, AmbiguousBars: 3,
		Counts: map[string]int64{"clamped_opens": 4}, Warnings: []string{"2 gaps in the data"},
		Ended: time.Date(2026, 2, 3, 4, 5, 9, 0, time.UTC)}
}

// scripted plays a run of six days on an inverse and a quanto contract: partial
// closes, a flip, funding, orders of every end, and positions at the end.
func scripted(tb testing.TB, dir string) *model {
	tb.Helper()
	m := newModel(tb, dir, 100_000_000, "XBTUSD", "ETHUSD")
	xbt, eth := m.symbols[0], m.symbols[1]
	m.mark(0, "7000")
	m.mark(1, "130")
	m.sample()
	m.order(exchange.Order{OrderID: "rest", ClientID: "rest", Symbol: xbt, Side: exchange.Buy, Qty: 500, Leaves: 500,
		Price: exchange.MustPrice("6500"), Type: exchange.Limit, TimeInForce: exchange.GoodTillCancel, Status: exchange.New}, exchange.ExecNew)
	m.fill(0, 10_000, "7000.5")
	m.wait(12 * time.Hour)
	m.mark(0, "7100")
	m.funding(0, "0.0001")
	m.wait(12 * time.Hour)
	m.fill(0, -4000, "7200")
	m.fill(1, -300, "131.25")
	m.wait(24 * time.Hour)
	m.order(exchange.Order{ClientID: "bad", Symbol: eth, Side: exchange.Sell, Qty: 1, Type: exchange.Limit, Price: exchange.MustPrice("999999"),
		Status: exchange.Rejected, RejectReason: "too far"}, exchange.ExecRejected)
	m.fill(0, -9000, "6900.5")
	m.mark(1, "128")
	m.wait(24 * time.Hour)
	m.funding(0, "-0.00025")
	m.funding(1, "0.0003")
	m.fill(0, 3000, "6950")
	m.wait(24 * time.Hour)
	m.order(exchange.Order{OrderID: "stop", ClientID: "stop", Symbol: xbt, Side: exchange.Buy, Qty: 100, Leaves: 0,
		StopPrice: exchange.MustPrice("7500"), Type: exchange.Stop, TimeInForce: exchange.ImmediateOrCancel, Status: exchange.Canceled,
		ExecInst: exchange.LastPrice | exchange.ReduceOnly, Triggered: exchange.NotTriggered}, exchange.ExecCanceled)
	require.NoError(tb, m.r.Report(&exchange.Report{Kind: exchange.ReportReject, Symbol: xbt, Time: m.at, Arrival: m.at,
		Reject: exchange.Reject{Command: "amend", ClientID: "gone", Reason: "unknown order", Time: m.at}}))
	m.fill(0, 700, "7010")
	m.fill(1, 100, "133.3")
	m.mark(0, "7050.5")
	m.wait(30 * time.Hour)
	return m
}

type position struct{ exchange.Position }

// add trades a signed quantity and returns the realised PnL of what it closed.
func (p *position) add(t *exchange.Terms, qty exchange.Qty, price exchange.Price) (realised exchange.Money) {
	if closed := p.closing(qty); closed != 0 {
		cost := exchange.Money(exchange.MulDiv(int64(p.Cost), int64(closed.Abs()), int64(p.Qty.Abs()), exchange.Floor))
		realised = t.Cost(-closed, price) - cost
		p.Cost -= cost
		p.Qty += closed
		qty -= closed
	}
	p.Qty += qty
	p.Cost += t.Cost(qty, price)
	p.EntryPrice = t.PriceOfCost(p.Qty, p.Cost)
	return realised
}

// closing returns the part of a signed quantity that reduces the position.
func (p *position) closing(qty exchange.Qty) exchange.Qty {
	if p.Qty == 0 || p.Qty.Sign() == qty.Sign() {
		return 0
	}
	return exchange.Qty(qty.Sign()) * min(qty.Abs(), p.Qty.Abs())
}

// files returns the contents of a run directory.
func files(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(tb, err)
	out := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(tb, err)
		out[e.Name()] = string(b)
	}
	return out
}

var errTest = errors.New("the disk caught fire")
