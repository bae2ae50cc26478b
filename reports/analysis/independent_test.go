package analysis_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// independentRun is a run of testdata/independent.json, which independent.py makes and
// explains.
type independentRun struct {
	SampleSeconds float64        `json:"sample_seconds"`
	Steps         []step         `json:"steps"`
	Figures       map[string]any `json:"figures"`
}

// step is [when, what, ...]; see independent.py.
type step []any

// number is the number at a place, which may be counted from the end.
func (s step) number(i int) float64 {
	v, _ := s[(i+len(s))%len(s)].(float64)
	return v
}

func (s step) is(i int) bool {
	v, _ := s[i].(bool)
	return v
}

func (s step) price(i int) exchange.Price {
	return exchange.Price(math.Round(s.number(i) * float64(exchange.PriceUnit)))
}

func independentRuns(t *testing.T) map[string]independentRun {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "independent.json"))
	require.NoError(t, err)
	var runs map[string]independentRun
	require.NoError(t, json.Unmarshal(b, &runs))
	return runs
}

// play records the steps of a run, as the simulator would report them.
func (x *independentRun) play(t *testing.T, dir string) {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	position := &exchange.Position{Symbol: i.ID}
	r := &recording{tb: t, dir: dir, symbols: []exchange.SymbolID{i.ID},
		book: book{wallet: balance, positions: map[exchange.SymbolID]*exchange.Position{i.ID: position}}}
	r.rec, err = reports.Create(dir, reports.Options{Account: &r.book, Instruments: set, StartBalance: balance,
		Symbols:  r.symbols,
		Currency: i.Settle, Run: reports.Run{Strategy: "test", Data: "bar-1m", SampleSeconds: x.SampleSeconds}})
	require.NoError(t, err)
	for n, step := range x.Steps {
		r.at = exchange.Time(step.number(0)) * exchange.Time(time.Second)
		before := position.Qty
		r.book.wallet, position.Qty = exchange.Money(step.number(-3)), exchange.Qty(step.number(-2))
		position.Unrealised, position.MarkPrice = exchange.Money(step.number(-1)), step.price(2)
		switch step[1] {
		case "fill":
			qty := exchange.SideOf(position.Qty - before).Signed(exchange.Qty(step.number(5)))
			require.Equal(t, before+qty, position.Qty, "step %d", n)
			r.independentFill(step)
		case "fund":
			r.book.totals.Funding += exchange.Money(step.number(3))
			rep := exchange.Report{Kind: exchange.ReportFunding, Time: r.at, Arrival: r.at, Symbol: i.ID}
			rep.Funding = exchange.FundingPayment{Time: r.at, Symbol: i.ID, Qty: position.Qty,
				Amount: exchange.Money(step.number(3))}
			require.NoError(t, r.rec.Report(&rep))
		case "sample":
			r.rec.Priced(r.at)
			r.sample()
		}
	}
	result, err := r.rec.Finish(reports.Outcome{})
	require.NoError(t, err)
	require.Equal(t, int64(len(x.Steps)), result.Counts.Samples+result.Counts.Fills+result.Counts.FundingPayments)
}

// independentFill reports an order and its fill.
func (r *recording) independentFill(step step) {
	s := r.symbols[0]
	id := strconv.Itoa(int(step.number(3)))
	side := exchange.Buy
	if step[4] == "Sell" {
		side = exchange.Sell
	}
	f := exchange.Fill{Time: r.at, Symbol: s, OrderID: exchange.OrderID("o" + id),
		ClientID: exchange.ClientID("c" + id), ExecID: id,
		Side: side, Qty: exchange.Qty(step.number(5)), Price: step.price(6), Value: exchange.Money(step.number(8)),
		Fee: exchange.Money(step.number(9)), Realised: exchange.Money(step.number(10)),
		Position: r.book.positions[s].Qty, Type: exchange.ExecTrade, Liquidity: exchange.RemovedLiquidity}
	if step.is(11) {
		f.Liquidity = exchange.AddedLiquidity
	}
	if step.is(12) {
		f.Type, f.Cause, f.ClientID = exchange.ExecLiquidation, exchange.ForcedClose, ""
	} else {
		r.rec.Submitted(s, f.ClientID, step.price(7))
	}
	r.book.totals.Realised += f.Realised
	r.book.totals.Fees += f.Fee
	rep := exchange.Report{Kind: exchange.ReportFill, Time: r.at, Arrival: r.at, Symbol: s, Fill: f}
	rep.Order = exchange.Order{Time: r.at, Symbol: s, OrderID: f.OrderID, ClientID: f.ClientID, Side: side, Qty: f.Qty,
		Filled: f.Qty, Status: exchange.Filled}
	require.NoError(r.tb, r.rec.Report(&rep))
}

// Every figure that was computed without this code is that of the two files: returns,
// ratios and drawdowns of whole days, calendars, trips and their excursions, closing
// fills, execution without what was forced, both currencies, and what is not defined.
func TestIndependentFigures(t *testing.T) {
	for name, x := range independentRuns(t) {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			x.play(t, dir)
			_, err := analysis.Write(dir)
			require.NoError(t, err)
			files := map[string]any{}
			for part, file := range map[string]string{"result": reports.ResultFile,
				"statistics": reports.StatisticsFile} {
				b, err := os.ReadFile(filepath.Join(dir, file))
				require.NoError(t, err)
				var v any
				require.NoError(t, json.Unmarshal(b, &v))
				files[part] = v
			}
			require.Greater(t, len(x.Figures), 100)
			for _, path := range slices.Sorted(maps.Keys(x.Figures)) {
				have, ok := at(files, strings.Split(path, "."))
				if !ok {
					t.Errorf("%s: not in the file", path)
					continue
				}
				if list, is := have.([]any); is {
					have = float64(len(list))
				}
				if !same(x.Figures[path], have) {
					t.Errorf("%s: %v, want %v", path, have, x.Figures[path])
				}
			}
		})
	}
}

// at looks a path up.
func at(v any, path []string) (any, bool) {
	for _, name := range path {
		switch x := v.(type) {
		case map[string]any:
			inner, ok := x[name]
			if !ok {
				return nil, false
			}
			v = inner
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n >= len(x) {
				return nil, false
			}
			v = x[n]
		default:
			return nil, false
		}
	}
	return v, true
}

// same compares floats that were computed in another order.
func same(want, have any) bool {
	a, ok := want.(float64)
	if !ok {
		return want == have
	}
	b, ok := have.(float64)
	return ok && math.Abs(a-b) <= 1e-9*max(1, math.Abs(a))
}

// independent.json is what independent.py makes, but for the last digits of roots and
// powers, which differ between machines.
func TestIndependentFiguresAreThoseOfTheScript(t *testing.T) {
	python := os.Getenv("DUNAMIS_PYTHON")
	if python == "" {
		t.Skip("DUNAMIS_PYTHON names no Python")
	}
	out, err := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "independent.py")).Output()
	require.NoError(t, err)
	var made map[string]independentRun
	require.NoError(t, json.Unmarshal(out, &made))
	kept := independentRuns(t)
	require.Len(t, made, len(kept))
	for name, want := range made {
		have := kept[name]
		require.Equal(t, want.Steps, have.Steps, "make it anew: python3 independent.py > independent.json")
		require.InDelta(t, want.SampleSeconds, have.SampleSeconds, 0)
		require.Len(t, have.Figures, len(want.Figures))
		for path, v := range want.Figures {
			require.True(t, same(v, have.Figures[path]), "%s: %s: %v, kept %v", name, path, v, have.Figures[path])
		}
	}
}
