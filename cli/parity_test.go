package cli_test

import (
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/strategies"
)

// journal keeps what an exchange reports, in words that do not depend on ids.
type journal struct {
	names map[exchange.ClientID]int
	lines []string
	final exchange.Margin
}

func (j *journal) take(reports []exchange.Report) {
	for n := range reports {
		r := &reports[n]
		switch r.Kind {
		case exchange.ReportMargin:
			j.final = r.Margin
		case exchange.ReportOrder:
			o := &r.Order
			j.add("%s order %d %s %s %s %d @ %s stop %s: %s %d left, %d filled at %s %q", at(r.Time), j.name(o.ClientID), r.ExecType, o.Side, o.Type,
				o.Qty, o.Price, o.StopPrice, o.Status, o.Leaves, o.Filled, o.AvgPrice, o.RejectReason)
		case exchange.ReportFill:
			f := &r.Fill
			j.add("%s fill of %d: %s %d @ %s %s value %d fee %d realised %d, position %d, %d left", at(r.Time), j.name(f.ClientID), f.Side, f.Qty,
				f.Price, f.Liquidity, f.Value, f.Fee, f.Realised, f.Position, f.Leaves)
		case exchange.ReportFunding:
			j.add("%s funding %d on %d", at(r.Time), r.Funding.Amount, r.Funding.Qty)
		case exchange.ReportReject:
			j.add("%s %s of %d refused: %s", at(r.Time), r.Reject.Command, j.name(r.Reject.ClientID), r.Reject.Reason)
		}
	}
}

func (j *journal) add(format string, args ...any) {
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// at is a time as the wire carries it, in milliseconds.
func at(t exchange.Time) string { return t.Truncate(time.Millisecond).String() }

func (j *journal) name(id exchange.ClientID) int {
	if j.names == nil {
		j.names = map[exchange.ClientID]int{}
	}
	if _, known := j.names[id]; !known {
		j.names[id] = len(j.names)
	}
	return j.names[id]
}

// direct is a simulated exchange whose reports are kept.
type direct struct {
	*sim.Exchange
	journal *journal
}

func (d direct) Advance(ctx context.Context, now exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	n := len(reports)
	reports, err := d.Exchange.Advance(ctx, now, reports)
	d.journal.take(reports[n:])
	return reports, err
}

// remote is the same behind client, sockets and gateway, one step at a time.
type remote struct {
	*bitmex.Exchange
	t       *testing.T
	g       *gateway.Gateway
	now     *exchange.Time
	journal *journal
}

func (r remote) flush(ctx context.Context) { require.NoError(r.t, r.Flush(ctx)) }

func (r remote) Market(ev *exchange.Event) {
	r.flush(r.t.Context())
	*r.now = max(*r.now, ev.Time)
	require.NoError(r.t, r.g.Step(r.t.Context(), ev))
}

func (r remote) Next() exchange.Time {
	r.flush(r.t.Context())
	due, err := r.g.Next(r.t.Context())
	require.NoError(r.t, err)
	return min(due, r.Exchange.Next())
}

func (r remote) Advance(ctx context.Context, now exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	r.flush(ctx)
	*r.now = max(*r.now, now)
	require.NoError(r.t, r.g.AdvanceTo(ctx, now))
	r.flush(ctx)
	n := len(reports)
	reports, err := r.Exchange.Advance(ctx, now, reports)
	r.journal.take(reports[n:])
	return reports, err
}

type oneKey struct{ gateway.Key }

func (k oneKey) Lookup(id string) (gateway.Key, bool) { return k.Key, id == k.ID }
func (k oneKey) Account(int64) []gateway.Key          { return []gateway.Key{k.Key} }

// Every built-in strategy gives the same orders, fills and money on the simulated
// exchange and on the client of the gateway that serves it.
func TestParity(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	from, err := exchange.ParseTime("2020-06-01")
	require.NoError(t, err)
	for _, d := range strategies.All() {
		for _, kind := range []string{"bar-1m", "quote"} {
			t.Run(d.Name+" "+kind, func(t *testing.T) {
				t.Parallel()
				synthetic := synth.Config{Instrument: xbt, From: from, To: from.Add(24 * time.Hour), Seed: 7, Kinds: []string{kind}, Price: 9500 * exchange.PriceUnit,
					Volatility: exchange.MustRatio("1.5")}
				source := engine.Source{Symbol: xbt.ID, Kind: exchange.KindBar, Interval: time.Minute}
				if racetest.Enabled {
					synthetic.To = from.Add(6 * time.Hour)
				}
				if kind == "quote" {
					synthetic.To = from.Add(synthetic.To.Sub(from) / 144)
					source = engine.Source{Symbol: xbt.ID, Kind: exchange.KindQuote}
				}
				config := sim.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Currency: xbt.Settle, Balance: 1_000_000_000, SlippageTicks: 1}
				run := func(x exchange.Exchange, margin exchange.Margin) error {
					feed, err := synth.New(synthetic)
					require.NoError(t, err)
					values, err := d.Values(minutely(&d))
					require.NoError(t, err)
					s, err := d.New(values)
					if err != nil {
						return err
					}
					eng, err := engine.New(engine.Config{Instruments: set, Symbols: config.Symbols, Sources: []engine.Source{source}, Feed: feed, Exchange: x,
						Strategy: s, Seed: 1, Margin: margin})
					require.NoError(t, err)
					_, err = eng.Run(t.Context())
					return err
				}
				var near, far journal
				x, err := sim.New(config)
				require.NoError(t, err)
				if err := run(direct{x, &near}, x.Account().Margin()); err != nil {
					t.Skipf("it does not run on this data: %v", err)
				}
				require.NoError(t, runRemote(t, set, config, &far, run))
				if len(near.lines) == 0 {
					t.Skip("it does nothing on this data")
				}
				require.Equal(t, near.lines, far.lines)
				require.Equal(t, near.final.Wallet, far.final.Wallet)
				t.Logf("%d reports, wallet %d", len(near.lines), near.final.Wallet)
			})
		}
	}
}

// minutely are parameters with which a strategy decides on every minute.
func minutely(d *engine.Definition) map[string]string {
	all := map[string]string{"bars": "", "qty": "10000", "spacing": "10"}
	switch d.Name {
	case "grid_maker", "avellaneda_stoikov":
		all["qty"], all["limit"] = "10", "100"
	}
	maps.DeleteFunc(all, func(name, _ string) bool {
		return !slices.ContainsFunc(d.Params, func(p engine.Param) bool { return p.Name == name })
	})
	return all
}

func runRemote(t *testing.T, set *exchange.Instruments, config sim.Config, j *journal, run func(exchange.Exchange, exchange.Margin) error) error {
	t.Helper()
	key := gateway.Key{ID: "k", Secret: secret.New("s"), Account: 1, Permissions: []string{gateway.PermitOrder}}
	x, err := sim.New(config)
	require.NoError(t, err)
	now, statement := exchange.Time(0), x.Account()
	g, err := gateway.New(gateway.Config{Instruments: set, Symbols: config.Symbols, Currency: config.Currency, Keys: oneKey{key},
		Open: func(gateway.Key) (exchange.Exchange, gateway.Statement, error) { return x, statement, nil }})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	owned := make(chan error, 1)
	go func() { owned <- g.Own(ctx) }()
	server := httptest.NewServer(g.Handler())
	defer server.Close()
	policy := live.DefaultPolicy()
	policy.RequestsPerMinute, policy.OrdersPerSecond = 0, 0
	client, err := bitmex.Connect(ctx, bitmex.ExchangeConfig{Config: bitmex.Config{URL: server.URL, Key: key.ID, Secret: key.Secret, Policy: policy},
		Instruments: set, Symbols: config.Symbols, Now: func() exchange.Time { return now }})
	require.NoError(t, err)
	err = run(remote{client, t, g, &now, j}, x.Account().Margin())
	// What the strategy did at the very last instant came back after it.
	require.NoError(t, client.Flush(ctx))
	rest, restErr := client.Advance(ctx, now.Add(time.Millisecond), nil)
	require.NoError(t, restErr)
	j.take(rest)
	require.NoError(t, client.Close())
	cancel()
	require.NoError(t, <-owned)
	return err
}
