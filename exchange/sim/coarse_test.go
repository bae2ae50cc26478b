package sim_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// reactor decides at random at the close of each coarse bar, and reacts inside the bars:
// with brackets, with answers to fills and with orders from timers. Its decisions depend
// on the time and on its seed alone, so they are the same on bars of every interval.
type reactor struct {
	seed     uint64
	interval time.Duration
	tick     exchange.Price
	scale    exchange.Price // of distances
	style    int
	rand     *rand.Rand
	entry    exchange.ClientID
	entered  bool
	errs     int
}

// The styles of a reactor.
const (
	bracketByGroup  = iota // a stop and a target that sleep until the entry fills
	bracketByAnswer        // the same, sent when the entry fills
	reverse                // a market order that answers the entry
	targetOnly             // a target that answers the entry
	byTimer                // orders and cancels at random times inside the bars
	styles
)

func (r *reactor) Init(ctx *engine.Context) error {
	return ctx.Bars(ctx.Symbol(), engine.BarSpec{Interval: r.interval})
}

func (r *reactor) OnBar(ctx *engine.Context, b *engine.Bar) {
	r.rand = rand.New(rand.NewPCG(r.seed, uint64(b.End)))
	s := ctx.Symbol()
	r.check(ctx.CancelAll(s))
	if qty := ctx.PositionQty(s); qty != 0 {
		_, err := ctx.Market(s, -qty)
		r.check(err)
	}
	if r.rand.IntN(3) == 0 {
		return
	}
	side := exchange.Side(1 + r.rand.IntN(2))
	typ := exchange.Stop
	at := b.Close + r.distance()*exchange.Price(side.Sign())
	if r.rand.IntN(2) == 0 {
		typ = exchange.Limit
		at = b.Close - r.distance()*exchange.Price(side.Sign())
	}
	o := exchange.NewOrder{Symbol: s, Side: side, Qty: 100, Type: typ, ExecInst: exchange.LastPrice}
	if typ == exchange.Stop {
		o.StopPrice = at
	} else {
		o.Price, o.ExecInst = at, 0
	}
	r.entered = false
	if r.style == bracketByGroup {
		o.LinkID, o.Contingency = exchange.ClientID(fmt.Sprint("g", b.End)), exchange.OneTriggersTheOther
	}
	id, err := ctx.Submit(o)
	if r.check(err); err != nil {
		return
	}
	r.entry = id
	switch r.style {
	case bracketByGroup:
		r.bracket(ctx, side, at, 100, o.LinkID)
	case byTimer:
		for range 3 {
			ctx.After(time.Duration(r.rand.Int64N(int64(r.interval))))
		}
	}
}

// bracket sends a stop and a target for a position of a side that was entered at a price.
func (r *reactor) bracket(
	ctx *engine.Context,
	side exchange.Side,
	at exchange.Price,
	qty exchange.Qty,
	group exchange.ClientID,
) {
	sign := exchange.Price(side.Sign())
	for _, o := range []exchange.NewOrder{
		{Type: exchange.Stop, StopPrice: at - r.distance()*sign, ExecInst: exchange.ReduceOnly | exchange.LastPrice},
		{Type: exchange.Limit, Price: at + r.distance()*sign, ExecInst: exchange.ReduceOnly},
	} {
		o.Symbol, o.Side, o.Qty, o.LinkID = ctx.Symbol(), side.Opposite(), qty, group
		_, err := ctx.Submit(o)
		r.check(err)
	}
}

func (r *reactor) OnFill(ctx *engine.Context, f *exchange.Fill) {
	if f.ClientID != r.entry || r.entered || ctx.PositionQty(f.Symbol) == 0 {
		return
	}
	r.entered = true
	sign := exchange.Price(f.Side.Sign())
	switch r.style {
	case bracketByAnswer:
		r.bracket(ctx, f.Side, f.Price, f.Qty, "")
	case reverse:
		_, err := ctx.Market(f.Symbol, -2*exchange.Qty(sign)*f.Qty)
		r.check(err)
	case targetOnly:
		_, err := ctx.Limit(f.Symbol, -exchange.Qty(sign)*f.Qty, f.Price+r.distance()*sign, exchange.ReduceOnly)
		r.check(err)
	}
}

func (r *reactor) OnTimer(ctx *engine.Context, _ engine.TimerID) {
	s := ctx.Symbol()
	last := ctx.Last(s)
	side := exchange.Side(1 + r.rand.IntN(2))
	sign := exchange.Price(side.Sign())
	var err error
	switch r.rand.IntN(4) {
	case 0:
		_, err = ctx.Market(s, 100*exchange.Qty(sign))
	case 1:
		_, err = ctx.Limit(s, 100*exchange.Qty(sign), last-r.distance()*sign, 0)
	case 2:
		_, err = ctx.Submit(
			exchange.NewOrder{Symbol: s, Side: side, Qty: 100, Type: exchange.Stop, StopPrice: last + r.distance()*sign,
				ExecInst: exchange.LastPrice},
		)
	default:
		err = ctx.CancelAll(s)
	}
	r.check(err)
}

func (r *reactor) distance() exchange.Price {
	return max(exchange.Price(r.rand.Int64N(int64(r.scale))).RoundTick(r.tick), r.tick)
}

func (r *reactor) check(err error) {
	if err != nil {
		r.errs++
	}
}

// run returns what a reactor's account gained on bars, in satoshi.
func (r *reactor) run(t *testing.T, set *exchange.Instruments, bars []exchange.Event, path sim.BarPath) exchange.Money {
	t.Helper()
	in, err := set.Lookup("test", "COARSE")
	require.NoError(t, err)
	const balance = 10_000_000_000
	x, err := sim.New(
		sim.Config{Instruments: set, Symbols: []exchange.SymbolID{in.ID}, Currency: in.Settle, Balance: balance,
			Bars: sim.BarModel{Path: path}},
	)
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Instruments: set, Symbols: []exchange.SymbolID{in.ID}, Feed: &eventList{bars},
		Sources:  []engine.Source{{Symbol: in.ID, Kind: exchange.KindBar, Interval: bars[0].BarInterval()}},
		Exchange: x, Strategy: r})
	require.NoError(t, err)
	_, err = e.Run(t.Context())
	require.NoError(t, err)
	return x.Account().Equity() - balance
}

type eventList struct{ events []exchange.Event }

func (l *eventList) Next(_ context.Context, batch []exchange.Event) (int, error) {
	n := copy(batch, l.events)
	if l.events = l.events[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (l *eventList) Close() error { return nil }

// coarse joins bars to bars of a longer interval.
func coarse(minutes []exchange.Event, interval time.Duration) (out []exchange.Event) {
	var b exchange.Bar
	for i := range minutes {
		m := minutes[i].Bar()
		start := m.Start.Truncate(interval)
		if b.Start != start || b.End == 0 {
			if b.End != 0 {
				out = append(out, exchange.BarEvent(b))
			}
			b = m
			b.Start, b.End = start, start.Add(interval)
			continue
		}
		b.High, b.Low, b.Close = max(b.High, m.High), min(b.Low, m.Low), m.Close
		b.Volume += m.Volume
	}
	return append(out, exchange.BarEvent(b))
}

const coarseInstrument = `[{"venue": "test", "symbol": "COARSE", "kind": "inverse", "underlying": "XBT", "quote": "USD",
  "settle": {"code": "XBt", "major": "XBT", "scale": 8}, "multiplier": 100000000,
  "terms": [{"tickSize": 0.5, "lotSize": 1, "makerFee": 0, "takerFee": 0, "initMargin": 0.01, "maintMargin": 0.005,
             "maxPrice": 1000000, "maxQty": 10000000}]}]`

func coarseSet(t *testing.T) *exchange.Instruments {
	t.Helper()
	set := new(exchange.Instruments)
	require.NoError(t, set.Load(strings.NewReader(coarseInstrument)))
	return set
}

// compareCoarse runs reactors on minutes and on bars built from them, and fails if the
// coarser bars give systematically more: if the mean gain over the minutes' result is more
// than two and a half standard errors.
func compareCoarse(
	t *testing.T,
	minutes []exchange.Event,
	interval time.Duration,
	scale exchange.Price,
	runs int,
	path sim.BarPath,
) {
	t.Helper()
	set := coarseSet(t)
	bars := coarse(minutes, interval)
	for style := range styles {
		t.Run(fmt.Sprint(interval, " style ", style), func(t *testing.T) {
			var sum, squares, fine, rough float64
			for n := range runs {
				gain := func(on []exchange.Event) float64 {
					r := &reactor{seed: uint64(n + 1), interval: interval, tick: exchange.MustPrice("0.5"), scale: scale, style: style}
					g := r.run(t, set, on, path)
					require.Less(t, r.errs, 1+len(bars)/10, "commands were refused")
					return float64(g)
				}
				a, b := gain(minutes), gain(bars)
				fine, rough = fine+a, rough+b
				sum, squares = sum+b-a, squares+(b-a)*(b-a)
			}
			mean := sum / float64(runs)
			deviation := math.Sqrt(squares/float64(runs)-mean*mean) / math.Sqrt(float64(runs))
			t.Logf(
				"minutes %.0f, bars %.0f satoshi a run; difference %.0f ± %.0f",
				fine/float64(runs),
				rough/float64(runs),
				mean,
				deviation,
			)
			require.LessOrEqual(t, mean, 2.5*deviation, "coarse bars are better than the minutes that they are made of")
		})
	}
}

// walk is a random walk of minutes, each of twenty steps of a tick.
func walk(seed uint64, n int, symbol exchange.SymbolID) (out []exchange.Event) {
	r := rand.New(rand.NewPCG(seed, 7))
	p := exchange.MustPrice("10000")
	tick := exchange.MustPrice("0.5")
	start := exchange.TimeOf(time.Date(2022, 3, 1, 0, 0, 0, 0, time.UTC))
	for i := range n {
		b := exchange.Bar{
			Symbol: symbol,
			Start:  start.Add(time.Duration(i) * time.Minute),
			Open:   p,
			High:   p,
			Low:    p,
			Volume: 1_000_000,
		}
		b.End = b.Start.Add(time.Minute)
		for range 20 {
			p += tick * exchange.Price(2*r.IntN(2)-1)
			b.High, b.Low = max(b.High, p), min(b.Low, p)
		}
		b.Close = p
		out = append(out, exchange.BarEvent(b))
	}
	return out
}

// Coarse bars may be worse or noisier than the minutes that they are made of, never
// systematically better: strategies that react inside the bars gain nothing from it.
func TestCoarseBarsAreNotBetterThanMinutes(t *testing.T) {
	racetest.Skip(t)
	runs := 16
	if testing.Short() {
		runs = 8
	}
	for _, path := range []sim.BarPath{sim.Adaptive, sim.HighFirst, sim.Pessimistic} {
		t.Run(path.String(), func(t *testing.T) {
			compareCoarse(t, walk(1, 2*1440, 0), 5*time.Minute, exchange.MustPrice("15"), runs, path)
			compareCoarse(t, walk(2, 4*1440, 0), time.Hour, exchange.MustPrice("50"), runs, path)
			compareCoarse(t, walk(3, 30*1440, 0), 24*time.Hour, exchange.MustPrice("200"), runs/2, path)
		})
	}
}

// The same on every minute of XBTUSD in 2019.
func TestCoarseBarsAreNotBetterThanRealMinutes(t *testing.T) {
	racetest.Skip(t)
	shared := os.Getenv("DUNAMIS_SHARED")
	if shared == "" {
		t.Skip("DUNAMIS_SHARED is not set: no recordings")
	}
	minutes := readMinutes(t, filepath.Join(shared, "data", "bitmex", "XBTUSD-1m-2019.csv.gz"))
	compareCoarse(t, minutes[:30*1440], time.Hour, exchange.MustPrice("20"), 6, sim.Adaptive)
	compareCoarse(t, minutes[200*1440:207*1440], 5*time.Minute, exchange.MustPrice("30"), 6, sim.Adaptive)
	compareCoarse(t, minutes[:120*1440], 24*time.Hour, exchange.MustPrice("200"), 4, sim.Adaptive)
}

// readMinutes reads bars as /trade/bucketed prints them, stamped with their end.
func readMinutes(t *testing.T, name string) (out []exchange.Event) {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	sc := bufio.NewScanner(z)
	require.True(t, sc.Scan())
	col := map[string]int{}
	for i, name := range strings.Split(sc.Text(), ",") {
		col[strings.Trim(name, `"`)] = i
	}
	for sc.Scan() {
		row := strings.Split(sc.Text(), ",")
		end, err := time.Parse(time.RFC3339, strings.Trim(row[col["timestamp"]], `"`))
		require.NoError(t, err)
		p := func(c string) exchange.Price {
			if row[col[c]] == "" {
				return 0
			}
			return exchange.MustPrice(row[col[c]])
		}
		b := exchange.Bar{
			End:    exchange.TimeOf(end),
			Open:   p("open"),
			High:   p("high"),
			Low:    p("low"),
			Close:  p("close"),
			Volume: 1_000_000,
		}
		if b.Open == 0 {
			continue
		}
		b.Start = b.End.Add(-time.Minute)
		out = append(out, exchange.BarEvent(b))
	}
	require.NoError(t, sc.Err())
	require.NotEmpty(t, out)
	return out
}
