package page

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// grid is a table of figures with a column for each currency or side. A figure's
// Key is its place in statistics.json.
type grid struct {
	Columns []string
	Rows    []gridRow
}

type gridRow struct {
	Name  string
	Cells []figure
}

// markout and share are rows of tables.
type markout struct{ After, Maker, Taker, Fills string }

type share struct{ Name, Realised, Unrealised, Fees, Rebates, Funding, Total, Class, Slippage string }

func (r *run) addStatistics(v *view) {
	v.Returns, v.Held, v.Trades = r.returnsGrid(), r.heldGrid(), r.tradesGrid()
	v.Execution, v.Markouts = r.execution(), r.markouts()
	v.Sides, v.BySymbol = r.shares(r.stats.Attribution.BySide), r.shares(r.stats.Attribution.BySymbol)
	v.Window, v.Interval = r.stats.Conventions.RollingDays, "unknown"
	if s := r.stats.Conventions.SampleSeconds; s > 0 {
		v.Interval = time.Duration(s * float64(time.Second)).String()
	}
	v.Profits = histogramSVG(r.stats.Trades[0].Distribution, "Profits of round trips", "trips", r.major)
	v.Rolling = rollingSVG(r.stats.Returns[0].Rolling)
	v.Hours = slotsSVG(r.stats.Attribution.ByHour, "Result by hour of the day, UTC", r.major)
	v.Weekdays = slotsSVG(r.stats.Attribution.ByWeekday, "Result by weekday, UTC", r.major)
}

// major writes an amount of the smallest unit in the one people say, with no more
// digits than it takes.
func (r *run) major(v float64) string {
	return strconv.FormatFloat(v*math.Pow10(-r.result.Account.CurrencyScale), 'g', 3, 64) + " " + r.result.Account.CurrencyMajor
}

func (r *run) amountOf(v *float64) string {
	if v == nil {
		return unknown
	}
	return r.money(exchange.Money(math.Round(*v)))
}

// row is a figure of each column, by a function of the column.
func row(name, list, key string, n int, text func(int) string) gridRow {
	out := gridRow{Name: name}
	for i := range n {
		out.Cells = append(out.Cells, figure{Value: text(i), Key: fmt.Sprintf("%s.%d.%s", list, i, key)})
	}
	return out
}

func (r *run) returnsGrid() (g grid) {
	list := r.stats.Returns
	for i := range list {
		g.Columns = append(g.Columns, "in "+list[i].Currency)
	}
	for _, x := range []struct {
		name, key string
		text      func(*float64) string
		of        func(*analysis.Returns) *float64
	}{
		{"total return", "total", percentOf, func(r *analysis.Returns) *float64 { return r.Total }},
		{"CAGR", "cagr", percentOf, func(r *analysis.Returns) *float64 { return r.CAGR }},
		{"volatility, a year", "volatility", percentOf, func(r *analysis.Returns) *float64 { return r.Volatility }},
		{"Sharpe ratio", "sharpe", ratioOf, func(r *analysis.Returns) *float64 { return r.Sharpe }},
		{"its standard error", "sharpe_error", ratioOf, func(r *analysis.Returns) *float64 { return r.SharpeError }},
		{"95 % interval, low", "sharpe_low", ratioOf, func(r *analysis.Returns) *float64 { return r.SharpeLow }},
		{"95 % interval, high", "sharpe_high", ratioOf, func(r *analysis.Returns) *float64 { return r.SharpeHigh }},
		{"probability that it is above 0", "probabilistic_sharpe", percentOf, func(r *analysis.Returns) *float64 { return r.Probabilistic }},
		{"days needed to be 95 % sure", "min_track_record_days", ratioOf, func(r *analysis.Returns) *float64 { return r.MinTrackRecord }},
		{"Sortino ratio", "sortino", ratioOf, func(r *analysis.Returns) *float64 { return r.Sortino }},
		{"Calmar ratio", "calmar", ratioOf, func(r *analysis.Returns) *float64 { return r.Calmar }},
		{"Omega", "omega", ratioOf, func(r *analysis.Returns) *float64 { return r.Omega }},
		{"max drawdown, by samples", "max_drawdown", percentOf,
			func(r *analysis.Returns) *float64 { return r.MaxDrawdown }},
		{"max drawdown, by days", "max_drawdown_daily", percentOf,
			func(r *analysis.Returns) *float64 { return r.MaxDaily }},
		{"time under water", "under_water", percentOf, func(r *analysis.Returns) *float64 { return r.UnderWater }},
		{"ulcer index", "ulcer", percentOf, func(r *analysis.Returns) *float64 { return r.Ulcer }},
		{"value at risk, 5 % of days", "var", percentOf, func(r *analysis.Returns) *float64 { return r.VaR }},
		{"mean of those days", "cvar", percentOf, func(r *analysis.Returns) *float64 { return r.CVaR }},
		{"tail ratio", "tail_ratio", ratioOf, func(r *analysis.Returns) *float64 { return r.TailRatio }},
		{"skew", "skew", ratioOf, func(r *analysis.Returns) *float64 { return r.Skew }},
		{"excess kurtosis", "kurtosis", ratioOf, func(r *analysis.Returns) *float64 { return r.Kurtosis }},
		{"days with a gain", "positive_days", percentOf, func(r *analysis.Returns) *float64 { return r.PositiveDays }},
		{"best day", "best_day", percentOf, func(r *analysis.Returns) *float64 { return r.BestDay }},
		{"worst day", "worst_day", percentOf, func(r *analysis.Returns) *float64 { return r.WorstDay }},
		{"best month", "best_month", percentOf, func(r *analysis.Returns) *float64 { return r.BestMonth }},
		{"worst month", "worst_month", percentOf, func(r *analysis.Returns) *float64 { return r.WorstMonth }},
	} {
		g.Rows = append(g.Rows, row(x.name, "returns", x.key, len(list), func(i int) string { return x.text(x.of(&list[i])) }))
	}
	return g
}

// heldGrid compares with holding the other currency, in each.
func (r *run) heldGrid() (g grid) {
	var held []*analysis.Held
	var places []int
	for i := range r.stats.Returns {
		x := &r.stats.Returns[i]
		if len(x.Held) > 0 {
			held, places = append(held, &x.Held[0]), append(places, i)
			g.Columns = append(g.Columns, x.Held[0].Currency+", in "+x.Currency)
		}
	}
	if len(held) == 0 {
		return g
	}
	for _, x := range []struct {
		name, key string
		text      func(*float64) string
		of        func(*analysis.Held) *float64
	}{
		{"its total return", "total", percentOf, func(h *analysis.Held) *float64 { return h.Total }},
		{"its CAGR", "cagr", percentOf, func(h *analysis.Held) *float64 { return h.CAGR }},
		{"its volatility", "volatility", percentOf, func(h *analysis.Held) *float64 { return h.Volatility }},
		{"its Sharpe ratio", "sharpe", ratioOf, func(h *analysis.Held) *float64 { return h.Sharpe }},
		{"its max drawdown", "max_drawdown", percentOf, func(h *analysis.Held) *float64 { return h.MaxDrawdown }},
		{"alpha, a year", "alpha", percentOf, func(h *analysis.Held) *float64 { return h.Alpha }},
		{"beta", "beta", ratioOf, func(h *analysis.Held) *float64 { return h.Beta }},
		{"correlation", "correlation", ratioOf, func(h *analysis.Held) *float64 { return h.Correlation }},
		{"information ratio", "information_ratio", ratioOf, func(h *analysis.Held) *float64 { return h.Information }},
	} {
		out := gridRow{Name: x.name}
		for i, h := range held {
			out.Cells = append(out.Cells, figure{Value: x.text(x.of(h)), Key: fmt.Sprintf("returns.%d.held.0.%s", places[i], x.key)})
		}
		g.Rows = append(g.Rows, out)
	}
	return g
}

func (r *run) tradesGrid() (g grid) {
	list := r.stats.Trades
	for i := range list {
		g.Columns = append(g.Columns, list[i].Side)
	}
	add := func(name, key string, text func(*analysis.Trades) string) {
		g.Rows = append(g.Rows, row(name, "trades", key, len(list), func(i int) string { return text(&list[i]) }))
	}
	whole := strconv.Itoa
	add("round trips", "count", func(t *analysis.Trades) string { return whole(t.Count) })
	add("won", "won", func(t *analysis.Trades) string { return whole(t.Won) })
	add("lost", "lost", func(t *analysis.Trades) string { return whole(t.Lost) })
	add("win rate", "win_rate", func(t *analysis.Trades) string { return percentOf(t.WinRate) })
	add("closing fills", "closing_fills", func(t *analysis.Trades) string { return whole(t.ClosingFills) })
	add("win rate of closing fills", "fill_win_rate",
		func(t *analysis.Trades) string { return percentOf(t.FillWinRate) })
	add("profit factor", "profit_factor", func(t *analysis.Trades) string { return ratioOf(t.ProfitFactor) })
	add("payoff", "payoff", func(t *analysis.Trades) string { return ratioOf(t.Payoff) })
	add("expectancy", "expectancy", func(t *analysis.Trades) string { return r.amountOf(t.Expectancy) })
	add("average win", "average_win", func(t *analysis.Trades) string { return r.amountOf(t.AverageWin) })
	add("average loss", "average_loss", func(t *analysis.Trades) string { return r.amountOf(t.AverageLoss) })
	add("best", "best", func(t *analysis.Trades) string { return r.amountOf(t.Best) })
	add("worst", "worst", func(t *analysis.Trades) string { return r.amountOf(t.Worst) })
	add("system quality number", "sqn", func(t *analysis.Trades) string { return ratioOf(t.SQN) })
	add("Kelly fraction", "kelly", func(t *analysis.Trades) string { return percentOf(t.Kelly) })
	add("most won in a row", "win_streak", func(t *analysis.Trades) string { return whole(t.WinStreak) })
	add("most lost in a row", "loss_streak", func(t *analysis.Trades) string { return whole(t.LossStreak) })
	add("mean time", "mean_seconds", func(t *analysis.Trades) string { return secondsOf(t.MeanSeconds) })
	add("median time", "median_seconds", func(t *analysis.Trades) string { return secondsOf(t.MedianSeconds) })
	add("longest", "longest_seconds", func(t *analysis.Trades) string { return secondsOf(t.LongestSeconds) })
	add("mean adverse excursion", "mean_mae", func(t *analysis.Trades) string { return r.amountOf(t.MeanMAE) })
	add("mean favourable excursion", "mean_mfe", func(t *analysis.Trades) string { return r.amountOf(t.MeanMFE) })
	add("captured of the favourable", "captured", func(t *analysis.Trades) string { return percentOf(t.Captured) })
	return g
}

func secondsOf(v *float64) string {
	if v == nil {
		return unknown
	}
	d := time.Duration(*v * float64(time.Second))
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	case d >= time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

func bpsOf(v *float64) string {
	if v == nil {
		return unknown
	}
	return strconv.FormatFloat(*v, 'f', 2, 64) + " bp"
}

func (r *run) execution() []figure {
	e := &r.stats.Execution
	slippage := unknown
	if e.Slippage != nil {
		slippage = r.money(*e.Slippage)
	}
	return []figure{
		{"fills forced by the venue, not counted here", strconv.FormatInt(e.ForcedFills, 10), "execution.forced_fills"},
		{"orders accepted", strconv.FormatInt(e.Orders, 10), "execution.orders"},
		{"filled of what was asked", percentOf(e.FillRatio), "execution.fill_ratio"},
		{"maker share of the value", percentOf(e.MakerShare), "execution.maker_share"},
		{"cancelled orders per fill", ratioOf(e.CancelsPerFill), "execution.cancels_per_fill"},
		{"rejected", strconv.FormatInt(e.Rejected, 10), "execution.rejected"},
		{"refused before sending", strconv.FormatInt(e.Refused, 10), "execution.refused"},
		{"wait of a maker's fill, mean", secondsOf(e.MeanQueueSeconds), "execution.mean_queue_seconds"},
		{"wait of a maker's fill, median", secondsOf(e.MedianQueueSeconds), "execution.median_queue_seconds"},
		{"slippage against arrival", bpsOf(e.SlippageBps), "execution.slippage_bps"},
		{"slippage in money", slippage, "execution.slippage"},
	}
}

func (r *run) markouts() []markout {
	var list []markout
	for _, m := range r.stats.Execution.Markouts {
		list = append(list, markout{After: (time.Duration(m.Seconds) * time.Second).String(), Maker: bpsOf(m.Maker), Taker: bpsOf(m.Taker),
			Fills: strconv.Itoa(m.Fills)})
	}
	return list
}

func (r *run) shares(parts []analysis.Part) []share {
	var list []share
	for i := range parts {
		p := &parts[i]
		total, slippage := float64(p.Total), unknown
		if p.Slippage != nil {
			slippage = r.money(*p.Slippage)
		}
		list = append(list, share{p.Name, r.money(p.Realised), r.money(p.Unrealised), r.money(p.Fees), r.money(p.Rebates),
			r.money(p.Funding), r.money(p.Total), class(&total), slippage})
	}
	return list
}

// slotsSVG draws what hours or weekdays brought, as bars around zero.
func slotsSVG(slots []analysis.Slot, label string, text func(float64) string) template.HTML {
	low, high := 0.0, 0.0
	for i := range slots {
		low, high = min(low, float64(slots[i].Total)), max(high, float64(slots[i].Total))
	}
	if low == high {
		return ""
	}
	const width, height, foot = 420.0, 170.0, 20.0
	y := func(v float64) float64 { return 6 + (high-v)/(high-low)*(height-foot-12) }
	var m markup
	m.picture(width, height, label)
	w := width / float64(len(slots))
	for i := range slots {
		v, class := float64(slots[i].Total), "up"
		if v < 0 {
			class = "down"
		}
		top, bottom := min(y(v), y(0)), max(y(v), y(0))
		m.open(
			"rect",
			has("class", "%s", class),
			has("x", "%.2f", float64(i)*w+1),
			has("y", "%.2f", top),
			has("width", "%.2f", w-2),
			has("height", "%.2f", max(bottom-top, 0.5)),
		)
		m.element("title", slots[i].Name+": "+text(v))
		m.close("rect")
		if len(slots) < 10 || i%3 == 0 {
			m.element("text", firstRunes(slots[i].Name, 3), has("x", "%.2f", float64(i)*w+2), has("y", "%g", height-5))
		}
	}
	m.rule(0, width, y(0))
	m.close("svg")
	return m.html()
}

// firstRunes is the beginning of a text.
func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

// rollingSVG draws the rolling Sharpe ratio and the rolling volatility.
func rollingSVG(list []analysis.Rolling) []template.HTML {
	if len(list) < 2 {
		return nil
	}
	sharpe := linesSVG(list, "Rolling Sharpe ratio", func(p *analysis.Rolling) *float64 { return p.Sharpe }, ratioOf)
	volatility := linesSVG(list, "Rolling volatility, a year", func(p *analysis.Rolling) *float64 { return p.Volatility }, percentOf)
	return []template.HTML{sharpe, volatility}
}

func linesSVG(list []analysis.Rolling, label string, of func(*analysis.Rolling) *float64, text func(*float64) string) template.HTML {
	low, high := 0.0, math.SmallestNonzeroFloat64
	for i := range list {
		if v := of(&list[i]); v != nil {
			low, high = min(low, *v), max(high, *v)
		}
	}
	const width, height, left, foot = 440.0, 150.0, 52.0, 18.0
	x := func(i int) float64 { return left + float64(i)/float64(len(list)-1)*(width-left) }
	y := func(v float64) float64 { return 8 + (high-v)/(high-low)*(height-foot-12) }
	var path strings.Builder
	pen := "M"
	for i := range list {
		v := of(&list[i])
		if v == nil {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, x(i), y(*v))
		pen = "L"
	}
	var m markup
	m.picture(width, height, fmt.Sprintf("%s from %s to %s", label, text(&low), text(&high)))
	m.element("path", "", has("class", "line"), has("d", "%s", path.String()))
	m.rule(left, width, y(0))
	for _, v := range []float64{low, high} {
		m.element("text", text(&v), has("x", "0"), has("y", "%.2f", y(v)+4))
	}
	for _, i := range []int{0, len(list) / 2} {
		m.element("text", list[i].At.Std().Format("2006-01-02"), has("x", "%.2f", x(i)), has("y", "%g", height-3))
	}
	m.close("svg")
	return m.html()
}
