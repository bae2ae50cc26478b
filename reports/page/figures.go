package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// figure is a number with its name. Key is its place in result.json.
type figure struct{ Name, Value, Key string }

// card is a headline figure with lines of notes beneath. Key is its place in
// result.json.
type card struct {
	Name, Value, Class, Key string

	Notes [][]note
}

// note is a piece of a line: a text, or a figure of result.json or statistics.json.
type note struct {
	Text, Key, Stat string

	Strong bool
}

func plainNote(text string) [][]note { return [][]note{{{Text: text}}} }

const unknown = "–"

// percent writes a fraction.
func percent(v float64) string { return reports.Decimals(100*v) + " %" }

func percentOf(v *float64) string {
	if v == nil {
		return unknown
	}
	return percent(*v)
}

func ratioOf(v *float64) string {
	if v == nil {
		return unknown
	}
	return reports.Decimals(*v)
}

func class(v *float64) string {
	switch {
	case v == nil || *v == 0:
		return ""
	case *v > 0:
		return "gain"
	}
	return "loss"
}

// stamp writes a time to the second.
func stamp(t exchange.Time) string { return t.Std().Format("2006-01-02 15:04:05") + " UTC" }

// length writes a duration in the unit that fits it.
func length(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
	return d.Round(time.Second).String()
}

func join(list []string) string { return strings.Join(list, ", ") }

func params(m map[string]string) string {
	var list []string
	for k, v := range m {
		if v != "" {
			list = append(list, k+"="+v)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func (r *run) money(m exchange.Money) string {
	a := &r.result.Account
	return m.Decimal(a.CurrencyScale).StringFixed(int32(a.CurrencyScale)) + " " + a.CurrencyMajor
}

// cards are the headline figures, each with what holding would have done beside it,
// in both currencies.
func (r *run) cards() []card {
	a, m, c := &r.result.Account, &r.result.Metrics, &r.result.Counts
	list := []card{
		r.compared("total return", "metrics.total_return", percentOf, m.TotalReturn, true, "total",
			func(x *analysis.Returns) *float64 { return x.Total }, func(h *analysis.Held) *float64 { return h.Total }),
		r.compared("CAGR", "metrics.cagr", percentOf, m.CAGR, true, "cagr",
			func(x *analysis.Returns) *float64 { return x.CAGR }, func(h *analysis.Held) *float64 { return h.CAGR }),
		r.compared("Sharpe ratio", "metrics.sharpe", ratioOf, m.Sharpe, true, "sharpe",
			func(x *analysis.Returns) *float64 { return x.Sharpe }, func(h *analysis.Held) *float64 { return h.Sharpe }),
		r.compared(reports.DrawdownName(&r.result.Run), "metrics.max_drawdown", percentOf, m.MaxDrawdown, false,
			"max_drawdown",
			func(x *analysis.Returns) *float64 { return x.MaxDrawdown }, func(h *analysis.Held) *float64 { return h.MaxDrawdown }),
		r.compared("volatility, a year", "metrics.volatility", percentOf, m.Volatility, false, "volatility",
			func(x *analysis.Returns) *float64 { return x.Volatility }, func(h *analysis.Held) *float64 { return h.Volatility }),
		{Name: "end equity", Value: r.money(a.EndEquity), Key: "account.end_equity",
			Notes: [][]note{{{Text: "from "}, {Text: r.money(a.StartBalance), Key: "account.start_balance"}}}},
		{Name: "round trips won", Value: percentOf(m.WinRate), Key: "metrics.win_rate",
			Notes: [][]note{{{Text: "of "}, {Text: strconv.FormatInt(c.Trades, 10), Key: "counts.trades"}},
				{{Text: "closing fills won "}, {Text: percentOf(m.FillWinRate), Key: "metrics.fill_win_rate"},
					{Text: " of "}, {Text: strconv.FormatInt(c.ClosingFills, 10), Key: "counts.closing_fills"}},
				{{Text: "profit factor "}, {Text: ratioOf(m.ProfitFactor), Key: "metrics.profit_factor"}}}},
		{Name: "fills", Value: strconv.FormatInt(c.Fills, 10), Key: "counts.fills",
			Notes: [][]note{{{Text: "as maker "}, {Text: percentOf(r.stats.Execution.MakerShare), Stat: "execution.maker_share"}, {Text: " of the value"}},
				{{Text: "in the market "}, {Text: percentOf(m.Exposure), Key: "metrics.exposure"}, {Text: " of the time"}}}},
	}
	list[3].Notes = append(list[3].Notes, []note{{Text: "by days "}, {Text: percentOf(m.MaxDrawdownDaily),
		Key: "metrics.max_drawdown_daily"}})
	if len(r.stats.Returns) > 1 {
		other := &r.stats.Returns[1]
		list[5].Notes = append(list[5].Notes, []note{{Text: "that is " + amount(other.End) + " " + other.Currency + ", from " + amount(other.Start)}})
	}
	return list
}

// amount writes a value in a currency that the account is not in.
func amount(v float64) string {
	if math.Abs(v) < 100 {
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// compared is a card with the benchmark of each currency: holding the other one.
func (r *run) compared(name, key string, text func(*float64) string, v *float64, coloured bool, stat string,
	of func(*analysis.Returns) *float64, held func(*analysis.Held) *float64) card {
	c := card{Name: name, Value: text(v), Key: key}
	if why := r.result.Metrics.Reasons[strings.TrimPrefix(key, "metrics.")]; v == nil && why != "" {
		c.Notes = plainNote(why)
	}
	if coloured {
		c.Class = class(v)
	}
	for i := range r.stats.Returns {
		x := &r.stats.Returns[i]
		var line []note
		if i > 0 {
			line = append(line, note{Text: "in " + x.Currency + " "}, note{Text: text(of(x)), Stat: fmt.Sprintf("returns.%d.%s", i, stat), Strong: true}, note{Text: ", "})
		}
		if len(x.Held) > 0 {
			line = append(line, note{Text: "holding " + x.Held[0].Currency + " "}, note{Text: text(held(&x.Held[0])), Stat: fmt.Sprintf("returns.%d.held.0.%s", i, stat)})
		}
		if len(line) > 0 {
			c.Notes = append(c.Notes, line)
		}
	}
	return c
}

func (r *run) metrics() []figure {
	m := &r.result.Metrics
	return []figure{
		{"price", percentOf(m.BenchmarkReturn), "metrics.benchmark_return"},
		{"profit factor", ratioOf(m.ProfitFactor), "metrics.profit_factor"},
		{"exposure", percentOf(m.Exposure), "metrics.exposure"},
		{"turnover", ratioOf(m.Turnover), "metrics.turnover"},
	}
}

func (r *run) account() []figure {
	a := &r.result.Account
	return []figure{
		{"start balance", r.money(a.StartBalance), "account.start_balance"},
		{"realised PnL", r.money(a.RealisedPnL), "account.realised_pnl"},
		{"fees paid", r.money(a.Fees), "account.fees"},
		{"funding received", r.money(a.Funding), "account.funding"},
		{"insurance", r.money(a.Insurance), "account.insurance"},
		{"end balance", r.money(a.EndBalance), "account.end_balance"},
		{"unrealised PnL", r.money(a.UnrealisedPnL), "account.unrealised_pnl"},
		{"end equity", r.money(a.EndEquity), "account.end_equity"},
		{"turnover", r.money(a.Turnover), "account.turnover"},
	}
}

func (r *run) counts() []figure {
	c := &r.result.Counts
	var list []figure
	for _, x := range []struct {
		name, key string
		n         int64
	}{
		{"market events", "events", c.Events}, {"orders", "orders", c.Orders}, {"fills", "fills", c.Fills},
		{"maker fills", "maker_fills", c.MakerFills}, {"round trips", "trades", c.Trades}, {"won", "trades_won", c.TradesWon},
		{"lost", "trades_lost", c.TradesLost}, {"funding payments", "funding_payments", c.FundingPayments},
		{"rejected", "rejected", c.Rejected}, {"refused before sending", "refused", c.Refused},
		{"liquidations", "liquidations", c.Liquidations}, {"settlements", "settlements", c.Settlements},
		{"ambiguous fills", "ambiguous_fills", c.AmbiguousFills}, {"ambiguous bars", "ambiguous_bars", c.AmbiguousBars},
		{"late trades", "late_trades", c.LateTrades},
		{"closing fills", "closing_fills", c.ClosingFills}, {"unanswered", "unanswered", c.Unanswered},
	} {
		if x.n != 0 || x.key == "orders" || x.key == "fills" {
			list = append(list, figure{x.name, strconv.FormatInt(x.n, 10), "counts." + x.key})
		}
	}
	for _, status := range sorted(r.outcomes) {
		list = append(list, figure{Name: "orders " + strings.ToLower(status), Value: strconv.FormatInt(r.outcomes[status], 10)})
	}
	for _, name := range sorted(c.Other) {
		if n := c.Other[name]; n != 0 {
			list = append(list, figure{strings.ReplaceAll(name, "_", " "), strconv.FormatInt(n, 10), "counts.other." + name})
		}
	}
	return list
}

func sorted(m map[string]int64) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (r *run) positions() []figure {
	var list []figure
	for i := range r.result.Positions {
		p := &r.result.Positions[i]
		list = append(list, figure{Name: p.Symbol, Value: fmt.Sprintf("%d at %s, mark %s, unrealised %s", p.Qty, p.EntryPrice, p.MarkPrice,
			r.money(p.Unrealised))})
	}
	return list
}

var monthNames = []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// year is a row of the table of monthly returns.
type year struct {
	Year   int
	Months [12]heat
	Total  heat
}

type heat struct {
	Text, Class string
	Weight      int // how deep its colour is, 0 to 20; the style has a class for each
}

// calendar is what a currency has by month, by drawdown and by day.
type calendar struct {
	Currency  string
	Years     []year
	Drawdowns []drawdown
	Histogram template.HTML
}

func (r *run) calendars() []calendar {
	var list []calendar
	for i := range r.stats.Returns {
		x := &r.stats.Returns[i]
		list = append(list, calendar{x.Currency, years(x), r.drawdowns(x),
			histogramSVG(x.Distribution, "Daily returns in "+x.Currency, "days", percent)})
	}
	return list
}

// years lays out the months of a currency.
func years(own *analysis.Returns) []year {
	most := 0.0
	for _, m := range own.Months {
		if m.Return != nil {
			most = max(most, math.Abs(*m.Return))
		}
	}
	var list []year
	for _, y := range own.Years {
		list = append(list, year{Year: y.Year, Total: partial(heatOf(y.Return, 1), y.Partial)})
	}
	for _, m := range own.Months {
		list[m.Year-list[0].Year].Months[m.Month-1] = partial(heatOf(m.Return, most), m.Partial)
	}
	return list
}

// partial marks a period of which the run covers a part.
func partial(h heat, is bool) heat {
	if is {
		h.Text += "*"
	}
	return h
}

func heatOf(of *float64, most float64) heat {
	if of == nil {
		return heat{Text: unknown}
	}
	v := *of
	h := heat{Text: strconv.FormatFloat(100*v, 'f', 1, 64), Class: class(&v)}
	if most > 0 {
		h.Weight = int(math.Round(20 * min(math.Abs(v)/most, 1)))
	}
	return h
}

// drawdown is a row of the table of drawdowns.
type drawdown struct {
	Depth, Peak, Trough, Recovered, Length string
	From, Until                            float64
}

func (r *run) drawdowns(of *analysis.Returns) []drawdown {
	var list []drawdown
	for _, e := range of.Drawdowns {
		if e.Depth < 0.00005 {
			break // 0.00 %
		}
		end, recovered := r.result.Run.End, "not yet"
		if e.Recovered != nil {
			end, recovered = *e.Recovered, stamp(*e.Recovered)
		}
		list = append(list, drawdown{Depth: percent(-e.Depth), Peak: stamp(e.Peak), Trough: stamp(e.Trough), Recovered: recovered,
			Length: length(end.Sub(e.Peak)), From: seconds(e.Peak), Until: seconds(end)})
	}
	return list
}

func (r *run) waterfall() template.HTML {
	a := &r.result.Account
	f := func(m exchange.Money) float64 { return float64(m) * math.Pow10(-a.CurrencyScale) }
	parts := []part{{name: "start balance", v: f(a.StartBalance), sum: true}, {name: "price PnL, closed", v: f(a.RealisedPnL)}}
	for _, p := range []part{{name: "fees", v: -f(exchange.Money(r.paid))}, {name: "rebates", v: f(exchange.Money(r.rebates))},
		{name: "funding", v: f(a.Funding)}, {name: "insurance", v: f(a.Insurance)}, {name: "price PnL, open", v: f(a.UnrealisedPnL)}} {
		if p.v != 0 {
			parts = append(parts, p)
		}
	}
	parts = append(parts, part{name: "end equity", v: f(a.EndEquity), sum: true})
	return waterfallHTML(parts, func(v float64) string {
		return strconv.FormatFloat(v, 'f', a.CurrencyScale, 64) + " " + a.CurrencyMajor
	})
}
