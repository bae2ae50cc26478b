package sim

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts in testdata answer into them")

// TestScripts runs the conversations in testdata. A block is commands, a line
// of dashes and what the exchange reports:
//
//	config queue=risk-averse        a new exchange; see script.config
//	at 1s                           lets time pass
//	jump 1s                         the same, but what is due then waits for the next line
//	book bid 100 10 ask 101 20      levels of one message; "clear" starts a snapshot
//	orders 1 bid 100 10 2 ask 101 5  orders of a book: number, side, price, what is open; "clear" as above
//	quote 100 10 101 20
//	trade sell 100 5
//	bar 1m 100 105 95 102 vol=10    begins now; quiet, for a bar without trades
//	mark 100 index=101              or one of them alone
//	funding 0.0001 due=8h
//	submit a buy 5 limit 100 post   also market, stop P, stoplimit P L, mit P, lit P L,
//	                                ioc, fok, reduce, close, last, mark, index
//	amend a price=101 qty=7 leaves=2 stop=90 id=b
//	cancel a
//	cancelall [buy|sell]
//	close
//	deadman 5s
//	leverage 10
//	transfer 100                    in the settlement currency
//	risklimit 5000
//	gap                             says that data is missing
//	show queue|position|margin|fund|stats|data|next
//
// Times are since the first event. With -rewrite the answers are written.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) { runScript(t, name, 1) })
	}
}

func runScript(t *testing.T, name string, lot exchange.Qty) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	s := newScript(t)
	s.lot = lot
	_, err = s.config(nil)
	require.NoError(t, err)
	var out strings.Builder
	sc := bufio.NewScanner(strings.NewReader(string(text)))
	answering, skipped := false, false
	var got []string
	flush := func() {
		if answering && !skipped {
			for _, l := range got {
				out.WriteString(l + "\n")
			}
		}
		answering, skipped, got = false, false, nil
	}
	for line := 1; sc.Scan(); line++ {
		l := sc.Text()
		switch {
		case l == "----":
			answering = true
			out.WriteString(l + "\n")
		case l == "":
			flush()
			out.WriteString("\n")
		case answering && !skipped: // an answer: replaced
		case answering:
			out.WriteString(l + "\n")
		case strings.HasPrefix(l, "#"):
			out.WriteString(l + "\n")
		default:
			out.WriteString(l + "\n")
			skipped = skipped || lot != 1 && countsContracts(l)
			answer, err := s.run(l)
			require.NoError(t, err, "%s:%d: %s", name, line, l)
			got = append(got, answer...)
		}
	}
	flush()
	if *rewrite && lot == 1 {
		require.NoError(t, os.WriteFile(name, []byte(out.String()), 0o600))
		return
	}
	require.Equal(t, string(text), out.String())
}

const epoch = exchange.Time(1_600_000_000_000_000_000) // 2020-09-13T12:26:40Z

// script is a conversation with an exchange.
type script struct {
	tb    testing.TB
	x     *Exchange
	now   exchange.Time
	begun bool
	sym   exchange.SymbolID
	lot   exchange.Qty // contracts for each one that the script says; see [TestScriptsInLots]
}

func newScript(tb testing.TB) *script {
	s := &script{tb: tb, now: epoch, lot: 1}
	_, err := s.config(nil)
	require.NoError(tb, err)
	return s
}

const testInstruments = `[
  {"venue": "test", "symbol": "ABC", "kind": "linear", "underlying": "ABC", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000, "fundingInterval": "8h",
   "terms": [{"tickSize": 0.5, "lotSize": 1, "makerFee": -0.00025, "takerFee": 0.00075,
    "initMargin": 0.01, "maintMargin": 0.005, "maxQty": 1000000000, "maxPrice": 1000000}]},
  {"venue": "test", "symbol": "DEF", "kind": "linear", "underlying": "DEF", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000, "fundingInterval": "8h",
   "terms": [{"tickSize": 0.5, "lotSize": 1, "makerFee": -0.00025, "takerFee": 0.00075,
    "initMargin": 0.01, "maintMargin": 0.005, "maxQty": 1000000000, "maxPrice": 1000000}]},
  {"venue": "test", "symbol": "LOT", "kind": "linear", "underlying": "LOT", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000,
   "terms": [{"tickSize": 0.5, "lotSize": 100, "makerFee": -0.00025, "takerFee": 0.00075,
    "initMargin": 0.01, "maintMargin": 0.005, "maxQty": 1000000000, "maxPrice": 1000000},
    {"from": "2020-09-13T12:27:00Z", "tickSize": 0.1, "lotSize": 10},
    {"from": "2020-09-13T12:27:30Z", "tickSize": 0.5, "lotSize": 100}]},
  {"venue": "test", "symbol": "LOTALONE", "kind": "linear", "underlying": "LOT", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000,
   "terms": [{"tickSize": 0.5, "lotSize": 10, "makerFee": -0.00025, "takerFee": 0.00075,
    "initMargin": 0.01, "maintMargin": 0.005, "maxQty": 1000000000, "maxPrice": 1000000},
    {"from": "2020-09-13T12:27:00Z", "lotSize": 100},
    {"from": "2020-09-13T12:27:30Z", "lotSize": 20}]},
  {"venue": "test", "symbol": "TICKALONE", "kind": "linear", "underlying": "LOT", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000,
   "terms": [{"tickSize": 0.1, "lotSize": 100, "makerFee": -0.00025, "takerFee": 0.00075,
    "initMargin": 0.01, "maintMargin": 0.005, "maxQty": 1000000000, "maxPrice": 1000000},
    {"from": "2020-09-13T12:27:00Z", "tickSize": 0.5},
    {"from": "2020-09-13T12:27:30Z", "tickSize": 0.1}]},
  {"venue": "test", "symbol": "INV", "kind": "inverse", "underlying": "XBT", "quote": "USD",
   "settle": {"code": "XBt", "major": "XBT", "scale": 8}, "multiplier": 100000000,
   "terms": [{"tickSize": 0.5, "lotSize": 1, "makerFee": -0.00025, "takerFee": 0.00075,
    "initMargin": 0.01, "maintMargin": 0.005, "maxQty": 10000000, "maxPrice": 1000000}]},
  {"venue": "test", "symbol": "FUT", "kind": "linear", "underlying": "FUT", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000, "expiry": "2020-09-13T13:26:40Z",
   "terms": [{"tickSize": 0.5, "lotSize": 1, "makerFee": -0.00025, "takerFee": 0.00075, "settleFee": 0.0005,
    "initMargin": 0.01, "maintMargin": 0.005, "maxQty": 1000000000, "maxPrice": 1000000}]},
  {"venue": "test", "symbol": "TIER", "kind": "linear", "underlying": "ABC", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000,
   "terms": [{"tickSize": 0.5, "lotSize": 1, "makerFee": 0, "takerFee": 0, "initMargin": 0.01, "maintMargin": 0.005,
    "riskLimit": 100000000, "riskStep": 50000000, "maxQty": 1000000000, "maxPrice": 1000000}]},
  {"venue": "test", "symbol": "FEE", "kind": "linear", "underlying": "ABC", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000,
   "terms": [{"tickSize": 0.5, "lotSize": 1, "makerFee": -0.00025, "takerFee": 0.00075, "initMargin": 0.01, "maintMargin": 0.005,
    "maxQty": 1000000000, "maxPrice": 1000000},
    {"from": "2020-09-13T12:27:00Z", "makerFee": 0.0002, "takerFee": 0.001, "initMargin": 0.05, "maintMargin": 0.04}]},
  {"venue": "test", "symbol": "XBT_USDT", "kind": "spot", "underlying": "XBT", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1, "divisor": 100,
   "terms": [{"tickSize": 0.5, "lotSize": 1000, "makerFee": 0, "takerFee": 0.001, "initMargin": 1, "maintMargin": 1,
    "maxQty": 10000000000, "maxPrice": 1000000}]},
  {"venue": "test", "symbol": "TIERLOT", "kind": "linear", "underlying": "ABC", "quote": "USDT",
   "settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000,
   "terms": [{"tickSize": 0.5, "lotSize": 100, "makerFee": 0, "takerFee": 0, "initMargin": 0.01, "maintMargin": 0.005,
    "riskLimit": 100000000, "riskStep": 50000000, "maxQty": 1000000000, "maxPrice": 200}]}
]`

func instruments(tb testing.TB) *exchange.Instruments {
	tb.Helper()
	set := new(exchange.Instruments)
	require.NoError(tb, set.Load(strings.NewReader(testInstruments)))
	return set
}

// testConfig is an account of 100 000 USDT on the linear test contracts.
func testConfig(tb testing.TB) Config {
	tb.Helper()
	set := instruments(tb)
	return Config{Instruments: set, Symbols: []exchange.SymbolID{0, 1, 2}, Currency: set.Get(0).Settle,
		Balance: 100_000_000_000}
}

func (s *script) config(args []string) ([]string, error) {
	c := testConfig(s.tb)
	c.Queue = RiskAverse{}
	s.sym = 0
	if s.lot != 1 {
		c.Instruments = inLots(s.tb, c.Instruments, s.lot)
	}
	for _, a := range args {
		key, value, _ := strings.Cut(a, "=")
		var err error
		switch key {
		case "queue":
			c.Queue, err = ParseQueue(value)
		case "latency":
			c.Latency, err = ParseLatency(value)
		case "slip":
			c.SlippageTicks, err = strconv.Atoi(value)
		case "maxage":
			age := time.Duration(-1)
			if value != "off" {
				age, err = time.ParseDuration(value)
			}
			c.MaxAge = MaxAge{Book: age, Quote: age, Trade: age}
		case "path":
			c.Bars.Path, err = ParseBarPath(value)
		case "touch":
			c.Bars.Touch = true
		case "share":
			c.Bars.VolumeShare, err = exchange.ParseRatio(value)
		case "noconsumption":
			c.NoConsumption = true
		case "explain":
			c.ExplainWithin, err = time.ParseDuration(value)
		case "funding":
			c.FundingRate, err = exchange.ParseRatio(value)
			c.UseFundingRate = true
		case "balance":
			c.Balance, err = exchange.ParseMoney(value, 6)
		case "leverage":
			c.Leverage, err = exchange.ParseRatio(value)
		case "fund":
			var deposit exchange.Money
			deposit, err = exchange.ParseMoney(value, 6)
			c.Insurance = []ledger.Deposit{{Currency: c.Currency, Balance: deposit}}
		case "impact":
			c.Impact, err = ParseImpact(value)
		case "selftrade":
			c.SelfTrade, err = ParseSelfTrade(value)
		case "rules":
			c.Rules = BitMEXRules()
		case "band":
			c.Rules.PriceBand, err = exchange.ParseRatio(value)
		case "orders":
			c.Rules.OpenOrders, err = strconv.Atoi(value)
		case "stops":
			c.Rules.Stops, err = strconv.Atoi(value)
		case "persecond":
			c.Rules.PerSecond, err = strconv.Atoi(value)
		case "perminute":
			c.Rules.PerMinute, err = strconv.Atoi(value)
		case "overload":
			c.Faults.Overload, err = exchange.ParseRatio(value)
		case "lost":
			c.Faults.Lost, err = exchange.ParseRatio(value)
		case "chance":
			c.TouchProbability, err = exchange.ParseRatio(value)
		case "levels":
			c.Depth.Levels, err = strconv.Atoi(value)
		case "depth":
			c.Depth.Size, err = exchange.ParseRatio(value)
		case "symbol":
			var i *exchange.Instrument
			if i, err = c.Instruments.Lookup("test", value); err == nil {
				s.sym = i.ID
				if !slices.Contains(c.Symbols, i.ID) {
					c.Symbols = append(c.Symbols, i.ID)
				}
			}
		default:
			err = fmt.Errorf("unknown setting %q", key)
		}
		if err != nil {
			return nil, err
		}
	}
	var err error
	s.x, err = New(c)
	s.now, s.begun = epoch, false
	return nil, err
}

func (s *script) run(line string) ([]string, error) {
	f := strings.Fields(line)
	args := f[1:]
	switch f[0] {
	case "config":
		return s.config(args)
	case "at":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return nil, err
		}
		return s.until(epoch.Add(d)), nil
	case "jump":
		d, err := time.ParseDuration(args[0])
		s.now = epoch.Add(d)
		return nil, err
	case "show":
		return s.show(args[0]), nil
	}
	events, err := s.events(f[0], args)
	if err != nil {
		return nil, err
	}
	var out []string
	if events != nil {
		for i := range events {
			if s.lot != 1 {
				events[i] = oddLots(events[i], s.lot)
			}
			s.x.Market(&events[i])
		}
	} else if err := s.command(f[0], args); err != nil {
		out = append(out, "error: "+s.text(err.Error()))
	}
	return append(out, s.until(s.now)...), nil
}

// until steps as the engine does: to each instant at which something is due.
func (s *script) until(t exchange.Time) (out []string) {
	for {
		next := min(max(s.x.Next(), s.now), t)
		s.now = next
		reports, err := s.x.Advance(context.Background(), next, nil)
		require.NoError(s.tb, err)
		for i := range reports {
			out = append(out, s.line(&reports[i])...)
		}
		if next == t && s.x.Next() > t {
			return out
		}
	}
}

func (s *script) line(r *exchange.Report) []string {
	at := "+" + r.Time.Sub(epoch).String()
	if r.Arrival != r.Time {
		at += " (" + r.Arrival.Sub(epoch).String() + ")"
	}
	o := &r.Order
	switch r.Kind {
	case exchange.ReportOrder:
		l := fmt.Sprintf("%s %s: %s", at, o.ClientID, r.ExecType)
		if r.ExecType == exchange.ExecNew || r.ExecType == exchange.ExecReplaced || r.ExecType == exchange.ExecRestated {
			l += fmt.Sprintf(" %s %s", o.Side, s.qty(o.Qty))
			if o.Price != 0 {
				l += " @ " + o.Price.String()
			}
			if o.StopPrice != 0 {
				l += " stop " + o.StopPrice.String()
			}
			if o.Working {
				l += " working"
			}
		}
		if o.Filled > 0 {
			l += fmt.Sprintf(" after %s", s.qty(o.Filled))
		}
		text, _, _ := strings.Cut(s.text(o.Text), "\n")
		if r.ExecType != exchange.ExecNew && r.ExecType != exchange.ExecTriggered && r.ExecType != exchange.ExecRejected {
			l += ", " + text
		}
		if o.RejectReason != "" {
			l += ", " + o.RejectReason
		}
		return []string{l}
	case exchange.ReportFill:
		f := &r.Fill
		who := string(f.ClientID)
		if who == "" {
			who = f.Type.String()
		}
		l := fmt.Sprintf("%s %s: %s %s @ %s %s", at, who, f.Side, s.qty(f.Qty), f.Price, f.Cause)
		if f.Liquidity == exchange.AddedLiquidity {
			l += " maker"
		}
		if f.Ambiguous {
			l += " ambiguous"
		}
		return []string{fmt.Sprintf("%s, %s left, position %s", l, s.qty(f.Leaves), s.qty(f.Position))}
	case exchange.ReportFunding:
		p := &r.Funding
		return []string{fmt.Sprintf("%s funding: %s on %s at %s pays %s", at, p.Rate, s.qty(p.Qty), p.Price,
			p.Amount.Decimal(6))}
	case exchange.ReportReject:
		who := string(r.Reject.ClientID)
		if who == "" {
			who = string(r.Reject.OrderID)
		}
		return []string{fmt.Sprintf("%s %s: %s refused, %s", at, who, r.Reject.Command, s.text(r.Reject.Reason))}
	}
	return nil
}

func (s *script) show(what string) (out []string) {
	m := s.x.byID[s.sym]
	switch what {
	case "queue":
		for _, list := range [][]*order{slices.Collect(m.bids.all()), slices.Collect(m.asks.all())} {
			for _, o := range list {
				out = append(out, fmt.Sprintf("%s: %s @ %s behind %.2f", o.ClientID, s.qty(o.Leaves), o.Price,
					float64(o.queue.front)/QueueUnit/float64(s.lot)))
			}
		}
	case "position":
		p := s.x.Account().Position(s.sym)
		mg := s.x.Account().Margin()
		out = append(out, fmt.Sprintf("%s at %s, mark %s, unrealised %s, realised %s, fees %s, funding %s; wallet %s",
			s.qty(p.Qty), p.EntryPrice, p.MarkPrice, p.Unrealised.Decimal(6), p.Realised.Decimal(6), p.Fees.Decimal(6),
			p.Funding.Decimal(6), mg.Wallet.Decimal(6)))
	case "margin":
		p, r, m := s.x.Account().Position(s.sym), s.x.Account().Requirements(s.sym), s.x.Account().Margin()
		out = append(out, fmt.Sprintf("liquidated at %s, bankrupt at %s; %s + %s + %s - %s = %s held, %s needed, of %s at most %s; available %s",
			p.LiquidationPrice, p.BankruptPrice, r.Init.Decimal(6), r.Comm.Decimal(6), r.Added.Decimal(6), r.Lost.Decimal(6), r.Margin.Decimal(6),
			r.Maint.Decimal(6), r.RiskValue.Decimal(6), r.RiskLimit.Decimal(6), m.Available.Decimal(6)))
	case "fund":
		for _, f := range s.x.Account().Insurance() {
			line := fmt.Sprintf("%s: %s received, %s paid, %d takeovers", f.Currency, f.Received.Decimal(6), f.Paid.Decimal(6), f.Takeovers)
			if f.Deleveragings > 0 {
				line += fmt.Sprintf(", %d deleveraged for %s", f.Deleveragings, f.Deleveraged.Decimal(6))
			}
			out = append(out, line)
		}
	case "stats":
		st := s.x.Stats()
		out = append(out, fmt.Sprintf("ambiguous %d bars %d fills, clamped %d, liquidations %d, warnings %v",
			st.AmbiguousBars, st.AmbiguousFills, st.ClampedOpens, st.Liquidations, st.Warnings))
	case "data":
		st := s.x.Stats()
		out = append(out, fmt.Sprintf("outdated %d, waiting %d, crossed %d for %s, old settlements %d, oldest %s",
			st.Outdated, st.Waiting, st.Crossed, st.CrossedFor, st.OldSettlements, st.OldestSettlement))
	case "next":
		next := s.x.Next()
		if next == exchange.Never {
			return []string{"never"}
		}
		out = append(out, "+"+next.Sub(epoch).String())
	}
	return out
}

func (s *script) events(verb string, args []string) (events []exchange.Event, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	at := s.now
	price := func(i int) exchange.Price { return exchange.MustPrice(args[i]) }
	qty := func(i int) exchange.Qty {
		q, err := exchange.ParseQty(args[i])
		if err != nil {
			panic(err)
		}
		return q
	}
	switch verb {
	case "book":
		var flags exchange.Flags
		side := exchange.Buy
		for i := 0; i < len(args); {
			switch args[i] {
			case "clear":
				flags = exchange.FlagClear | exchange.FlagSnapshot
				i++
				continue
			case "bid":
				side = exchange.Buy
				i++
			case "ask":
				side = exchange.Sell
				i++
			}
			events = append(events, exchange.LevelEvent(at, at, s.sym, side, exchange.Level{Price: price(i), Qty: qty(i + 1)}, flags))
			flags &^= exchange.FlagClear
			i += 2
		}
		events[len(events)-1].Flags |= exchange.FlagLast
	case "orders":
		var flags exchange.Flags
		for i := 0; i < len(args); i += 4 {
			if args[i] == "clear" {
				flags = exchange.FlagClear | exchange.FlagSnapshot
				i++
			}
			id, err := strconv.ParseUint(args[i], 10, 64)
			if err != nil {
				return nil, err
			}
			side := map[string]exchange.Side{"bid": exchange.Buy, "ask": exchange.Sell}[args[i+1]]
			events = append(events, exchange.BookOrderEvent(at, at, s.sym, side, exchange.BookOrder{ID: id, Price: price(i + 2), Qty: qty(i + 3)}, flags))
			flags &^= exchange.FlagClear
		}
		events[len(events)-1].Flags |= exchange.FlagLast
	case "quote":
		events = append(events, exchange.QuoteEvent(at, at, s.sym,
			exchange.Quote{BidPrice: price(0), BidQty: qty(1), AskPrice: price(2), AskQty: qty(3)}))
	case "trade":
		side := map[string]exchange.Side{"buy": exchange.Buy, "sell": exchange.Sell}[args[0]]
		events = append(events, exchange.TradeEvent(at, at, s.sym, exchange.Trade{Side: side, Price: price(1), Qty: qty(2)}))
	case "bar":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return nil, err
		}
		b := exchange.Bar{Symbol: s.sym, Start: at, End: at.Add(d), Open: price(1), High: price(2), Low: price(3), Close: price(4), Volume: 1000}
		for _, a := range args[5:] {
			if a == "quiet" {
				b.Quiet = true
			} else if v, ok := strings.CutPrefix(a, "vol="); ok {
				if b.Volume, err = exchange.ParseQty(v); err != nil {
					return nil, err
				}
			}
		}
		events = append(events, exchange.BarEvent(b))
	case "mark":
		m := exchange.Mark{}
		for _, a := range args {
			if v, ok := strings.CutPrefix(a, "index="); ok {
				m.Index = exchange.MustPrice(v)
			} else {
				m.Mark = exchange.MustPrice(a)
			}
		}
		events = append(events, exchange.MarkEvent(at, at, s.sym, m))
	case "gap":
		events = append(events, exchange.GapEvent(at, at, s.sym, at, at))
	case "funding":
		d, err := time.ParseDuration(strings.TrimPrefix(args[1], "due="))
		if err != nil {
			return nil, err
		}
		events = append(events, exchange.FundingEvent(at, at, s.sym, exchange.Funding{Rate: exchange.MustRatio(args[0]), Due: epoch.Add(d)}))
	}
	return events, nil
}

func (s *script) command(verb string, args []string) error {
	ctx := context.Background()
	switch verb {
	case "submit":
		o, err := parseOrder(s.sym, args)
		if err != nil {
			return err
		}
		o.Qty *= s.lot
		if o.DisplayQty != exchange.Hidden {
			o.DisplayQty *= s.lot
		}
		_, err = s.x.Submit(ctx, o)
		return err
	case "amend":
		a := parseAmend(s.sym, args)
		for _, q := range []*exchange.Qty{a.Qty, a.Leaves} {
			if q != nil {
				*q *= s.lot
			}
		}
		return s.x.Amend(ctx, a)
	case "cancel":
		return s.x.Cancel(ctx, exchange.CancelOrder{Symbol: s.sym, ClientID: exchange.ClientID(args[0])})
	case "cancelall":
		f := exchange.CancelFilter{Symbol: s.sym}
		if len(args) > 0 {
			f.Side = map[string]exchange.Side{"buy": exchange.Buy, "sell": exchange.Sell}[args[0]]
		}
		return s.x.CancelAll(ctx, f)
	case "close":
		_, err := s.x.ClosePosition(ctx, s.sym)
		return err
	case "deadman":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		return s.x.CancelAllAfter(ctx, d)
	case "leverage":
		return s.x.SetLeverage(ctx, s.sym, exchange.MustRatio(args[0]))
	case "transfer", "risklimit":
		amount, err := exchange.ParseMoney(args[0], 6)
		if err != nil {
			return err
		}
		if verb == "transfer" {
			return s.x.TransferMargin(ctx, s.sym, amount)
		}
		return s.x.SetRiskLimit(ctx, s.sym, amount)
	}
	return fmt.Errorf("unknown command %q", verb)
}

func parseOrder(sym exchange.SymbolID, args []string) (exchange.NewOrder, error) {
	o := exchange.NewOrder{Symbol: sym, ClientID: exchange.ClientID(args[0]), Side: exchange.Buy}
	if args[1] == "sell" {
		o.Side = exchange.Sell
	}
	q, err := exchange.ParseQty(args[2])
	if err != nil {
		return o, err
	}
	o.Qty = q
	types := map[string]exchange.OrderType{"market": exchange.Market, "limit": exchange.Limit, "stop": exchange.Stop,
		"stoplimit": exchange.StopLimit, "mit": exchange.MarketIfTouched, "lit": exchange.LimitIfTouched}
	insts := map[string]exchange.ExecInst{"post": exchange.PostOnly, "reduce": exchange.ReduceOnly, "close": exchange.Close,
		"last": exchange.LastPrice, "mark": exchange.MarkPrice, "index": exchange.IndexPrice, "within": exchange.LastWithinMark}
	tifs := map[string]exchange.TimeInForce{"ioc": exchange.ImmediateOrCancel, "fok": exchange.FillOrKill, "day": exchange.Day}
	pegs := map[string]exchange.PegPriceType{"primary": exchange.PrimaryPeg, "market": exchange.MarketPeg, "mid": exchange.MidPricePeg,
		"last": exchange.LastPeg, "trail": exchange.TrailingStopPeg}
	for i := 3; i < len(args); i++ {
		key, value, pair := strings.Cut(args[i], "=")
		switch a := args[i]; {
		case pair && pegs[key] != exchange.NoPeg:
			o.PegType, o.PegOffset = pegs[key], exchange.MustPrice(value)
			if key != "trail" {
				o.Type = exchange.Pegged
				o.ExecInst |= exchange.Fixed
			}
		case key == "oco":
			o.LinkID, o.Contingency = exchange.ClientID(value), exchange.OneCancelsTheOther
		case key == "oto":
			o.LinkID, o.Contingency = exchange.ClientID(value), exchange.OneTriggersTheOther
		case key == "show":
			q, err := exchange.ParseQty(value)
			if err != nil {
				return o, err
			}
			o.DisplayQty = q
		case a == "hidden":
			o.DisplayQty = exchange.Hidden
		case key == "link":
			o.LinkID = exchange.ClientID(value)
		case types[a] != 0:
			o.Type = types[a]
			if o.Type.Triggered() {
				i++
				o.StopPrice = exchange.MustPrice(args[i])
			}
			if o.Type == exchange.Limit || o.Type == exchange.StopLimit || o.Type == exchange.LimitIfTouched {
				i++
				o.Price = exchange.MustPrice(args[i])
			}
		case insts[a] != 0:
			o.ExecInst |= insts[a]
		case tifs[a] != 0:
			o.TimeInForce = tifs[a]
		default:
			return o, fmt.Errorf("unknown word %q", a)
		}
	}
	return o, nil
}

func parseAmend(sym exchange.SymbolID, args []string) exchange.AmendOrder {
	a := exchange.AmendOrder{Symbol: sym, OrigClientID: exchange.ClientID(args[0])}
	for _, w := range args[1:] {
		key, value, _ := strings.Cut(w, "=")
		if key == "id" {
			a.ClientID = exchange.ClientID(value)
			continue
		}
		p := exchange.MustPrice(value)
		q := exchange.Qty(p / exchange.PriceUnit)
		switch key {
		case "price":
			a.Price = &p
		case "stop":
			a.StopPrice = &p
		case "qty":
			a.Qty = &q
		case "leaves":
			a.Leaves = &q
		case "offset":
			a.PegOffset = &p
		}
	}
	return a
}
