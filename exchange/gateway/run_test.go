package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// list is a feed of events, and of an error after them.
type list struct {
	events []exchange.Event
	err    error
}

func (l *list) Next(_ context.Context, events []exchange.Event) (int, error) {
	n := copy(events, l.events)
	l.events = l.events[n:]
	if n == 0 {
		return 0, l.err
	}
	return n, nil
}

func (*list) Close() error { return nil }

// paced runs a gateway over trades a second apart, and returns how to ask it.
func paced(t *testing.T, r gateway.Replay, n int, end error) (ask func(path string, into any), ended chan error) {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	start, err := exchange.ParseTime("2023-05-01")
	require.NoError(t, err)
	var events []exchange.Event
	for k := range n {
		at := start.Add(time.Duration(k) * time.Second)
		events = append(events, exchange.TradeEvent(at, at, i.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000"), Qty: 100}))
	}
	config := sim.Config{Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle, Balance: 1_000_000_000}
	g, err := gateway.New(gateway.Config{Instruments: set, Symbols: config.Symbols, Currency: i.Settle, Keys: testKeys, Start: start,
		Open: func(gateway.Key) (exchange.Exchange, gateway.Statement, error) {
			x, err := sim.New(config)
			statement := x.Account()
			return x, statement, err
		}})
	require.NoError(t, err)
	if r.From != 0 {
		r.From += start
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- g.Run(ctx, &list{events, end}, r) }()
	server := httptest.NewServer(g.Handler())
	t.Cleanup(func() {
		cancel()
		server.Close()
	})
	w := &world{t: t, server: server}
	return func(path string, into any) { w.ask("trader", "GET", path, "").into(t, into) }, result
}

func traded(ask func(string, any)) int {
	var rows []api.Trade
	ask("/trade?count=1000", &rows)
	return len(rows)
}

func TestPace(t *testing.T) {
	ready := make(chan struct{})
	ask, _ := paced(t, gateway.Replay{Speed: 10, From: exchange.Time(100 * time.Second), Ready: func() { close(ready) }}, 200, io.EOF)
	<-ready
	began := time.Now()
	early := traded(ask)
	require.GreaterOrEqual(t, early, 100, "what is earlier is taken in at once")
	require.Less(t, early, 110)
	require.Eventually(t, func() bool { return traded(ask) >= 120 }, 10*time.Second, 5*time.Millisecond)
	require.InDelta(t, 2.0, time.Since(began).Seconds(), 0.8, "20 seconds of the feed in two")
}

// At full speed the feed ends at once, and requests are served after it: the market
// stands, its clock goes on.
func TestFullSpeed(t *testing.T) {
	ask, ended := paced(t, gateway.Replay{}, 500, io.EOF)
	require.Eventually(t, func() bool { return traded(ask) == 500 }, 5*time.Second, time.Millisecond)
	now := func() api.Time {
		var rows []api.Instrument
		ask("/instrument", &rows)
		return rows[0].Timestamp
	}
	first := now()
	time.Sleep(20 * time.Millisecond)
	require.Greater(t, now(), first)
	select {
	case err := <-ended:
		require.Fail(t, "it ended", "%v", err)
	default:
	}
}

var errDisk = errors.New("the disk is gone")

func TestFeedFails(t *testing.T) {
	_, ended := paced(t, gateway.Replay{}, 10, errDisk)
	require.ErrorIs(t, <-ended, errDisk)
}
