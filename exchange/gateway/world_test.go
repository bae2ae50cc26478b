package gateway_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
	"github.com/dunamis-engine/dunamis/secret"
)

// keys are API keys in memory.
type keys []gateway.Key

func (k keys) Lookup(id string) (gateway.Key, bool) {
	for _, x := range k {
		if x.ID == id {
			return x, true
		}
	}
	return gateway.Key{}, false
}

func (k keys) Account(account int64) (list []gateway.Key) {
	for _, x := range k {
		if x.Account == account {
			x.Secret = secret.String{}
			list = append(list, x)
		}
	}
	return list
}

// Keys of the tests: one that trades, one that cancels, one that reads, one that is
// disabled, and one of another account.
var testKeys = keys{
	{ID: "trader", Secret: secret.New("s1"), Name: "trader", Account: 1, Permissions: []string{gateway.PermitOrder}},
	{ID: "guard", Secret: secret.New("s2"), Account: 1, Permissions: []string{gateway.PermitOrderCancel}},
	{ID: "reader", Secret: secret.New("s3"), Account: 1},
	{ID: "off", Secret: secret.New("s4"), Account: 1, Permissions: []string{gateway.PermitOrder}, Disabled: true},
	{ID: "other", Secret: secret.New("s5"), Account: 2, Permissions: []string{gateway.PermitOrder}},
}

// world is a gateway over simulated exchanges, with a hand on its clock and market.
type world struct {
	t      testing.TB
	g      *gateway.Gateway
	server *httptest.Server
	via    string // where streams connect to; empty: the server
	set    *exchange.Instruments
	inst   *exchange.Instrument
	traded []exchange.SymbolID // by clients: the first symbol, unless a test says otherwise
	now    exchange.Time
	clock  atomic.Int64 // the same, for clients that look from goroutines of their own
}

// newWorld serves symbols. Accounts have a wallet for each currency that they settle in.
func newWorld(t testing.TB, change func(*gateway.Config), symbols ...string) *world {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	w := &world{t: t, set: set}
	w.now, err = exchange.ParseTime("2023-05-01T00:00:00.000Z")
	require.NoError(t, err)
	w.clock.Store(int64(w.now))
	if len(symbols) == 0 {
		symbols = []string{"XBTUSD"}
	}
	config := sim.Config{Instruments: set, Balance: 1_000_000_000_000, Depth: sim.DepthModel{Levels: 1}, Queue: sim.RiskAverse{}}
	for _, symbol := range symbols {
		i, err := set.Lookup("bitmex", symbol)
		require.NoError(t, err)
		if config.Symbols = append(config.Symbols, i.ID); len(config.Symbols) == 1 {
			config.Currency = i.Settle
		}
		other := func(d ledger.Deposit) bool { return d.Currency == i.Settle }
		if i.Settle != config.Currency && !slices.ContainsFunc(config.Wallets, other) {
			config.Wallets = append(config.Wallets, ledger.Deposit{Currency: i.Settle, Balance: 1_000_000_000_000})
		}
	}
	w.inst, w.traded = set.Get(config.Symbols[0]), config.Symbols[:1]
	c := gateway.Config{Instruments: set, Symbols: config.Symbols, Currency: config.Currency, Start: w.now, Keys: testKeys,
		Open: func(gateway.Key) (exchange.Exchange, gateway.Statement, error) {
			x, err := sim.New(config)
			if err != nil {
				return nil, nil, err
			}
			statement := x.Account()
			return x, statement, nil
		}}
	if change != nil {
		change(&c)
	}
	w.g, err = gateway.New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	owned := make(chan struct{})
	go func() { defer close(owned); _ = w.g.Own(ctx) }()
	w.server = httptest.NewServer(w.g.Handler())
	t.Cleanup(func() {
		cancel()
		<-owned
		w.server.CloseClientConnections()
		w.server.Close()
	})
	return w
}

func (w *world) step(events ...exchange.Event) {
	w.t.Helper()
	w.clock.Store(int64(w.now))
	for n := range events {
		require.NoError(w.t, w.g.Step(context.Background(), &events[n]))
	}
}

// quote makes a market of one level a side.
func (w *world) quote(bid, ask exchange.Level) {
	w.t.Helper()
	w.step(exchange.QuoteEvent(w.now, w.now, w.inst.ID, exchange.Quote{BidPrice: bid.Price, BidQty: bid.Qty, AskPrice: ask.Price, AskQty: ask.Qty}))
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	w.clock.Store(int64(w.now))
	require.NoError(w.t, w.g.AdvanceTo(context.Background(), w.now))
}

// policy is without limits: the clock of the tests is not the wall's.
func policy() live.Policy {
	p := live.DefaultPolicy()
	p.RequestsPerMinute, p.OrdersPerSecond = 0, 0
	p.Backoff, p.Reconnect, p.MaxReconnect = 2*time.Millisecond, 2*time.Millisecond, 50*time.Millisecond
	return p
}

// config connects a client with a key of the tests.
func (w *world) config(key string) bitmex.Config {
	k, ok := testKeys.Lookup(key)
	require.True(w.t, ok)
	return bitmex.Config{URL: w.server.URL, Key: k.ID, Secret: k.Secret, Policy: policy()}
}

func (w *world) connect(key string) *bitmex.Exchange {
	w.t.Helper()
	x, err := bitmex.Connect(w.t.Context(), bitmex.ExchangeConfig{Config: w.config(key), Instruments: w.set, Symbols: w.traded,
		Now: func() exchange.Time { return exchange.Time(w.clock.Load()) }})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, x.Close()) })
	return x
}
