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
)

// figure is a number with its name. Key is its place in result.json.
type figure struct{ Name, Value, Key string }

// card is a headline figure.
type card struct{ Name, Value, Note, Class, Key string }

const unknown = "–"

// percent writes a fraction.
func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 2, 64) + " %" }

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
	return strconv.FormatFloat(*v, 'f', 2, 64)
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

func (r *run) cards() []card {
	res := r.result
	m, c := &res.Metrics, &res.Counts
	cards := []card{
		{"total return", percentOf(m.TotalReturn), "price " + percentOf(m.BenchmarkReturn), class(m.TotalReturn), "metrics.total_return"},
	}
	if total, held, ok := r.otherReturn(); ok {
		cards = append(cards, card{"total return in " + r.other.other, percent(total), r.heldName() + " " + percent(held), class(&total), ""})
	}
	return append(cards,
		card{"end equity", r.money(res.Account.EndEquity), "from " + r.money(res.Account.StartBalance), "", "account.end_equity"},
		card{"Sharpe ratio", ratioOf(m.Sharpe), "Sortino " + ratioOf(m.Sortino), class(m.Sharpe), "metrics.sharpe"},
		card{"max drawdown", percentOf(m.MaxDrawdown), "volatility " + percentOf(m.Volatility), "", "metrics.max_drawdown"},
		card{"CAGR", percentOf(m.CAGR), "exposure " + percentOf(m.Exposure), class(m.CAGR), "metrics.cagr"},
		card{"win rate", percentOf(m.WinRate), "profit factor " + ratioOf(m.ProfitFactor), "", "metrics.win_rate"},
		card{"fills", strconv.FormatInt(c.Fills, 10), r.makerShare(), "", "counts.fills"},
	)
}

func (r *run) makerShare() string {
	c := &r.result.Counts
	if c.Fills == 0 {
		return "none"
	}
	return "maker " + percent(float64(c.MakerFills)/float64(c.Fills))
}

// heldName says what the account is compared with in the other currency: what it
// was made of.
func (r *run) heldName() string { return "holding " + r.other.own }

// otherReturn is the return in the other currency, and that of the start balance
// untouched.
func (r *run) otherReturn() (total, held float64, ok bool) {
	curve, same := r.second.equity.points(), r.second.coin.points()
	if !r.other.inverse {
		same = r.second.quote.points()
	}
	if !r.other.ok || len(curve) == 0 || same[0].v == 0 {
		return 0, 0, false
	}
	start := same[0].v
	return curve[len(curve)-1].v/start - 1, same[len(same)-1].v/start - 1, true
}

func (r *run) metrics() []figure {
	m := &r.result.Metrics
	return []figure{
		{"total return", percentOf(m.TotalReturn), "metrics.total_return"},
		{"price", percentOf(m.BenchmarkReturn), "metrics.benchmark_return"},
		{"CAGR", percentOf(m.CAGR), "metrics.cagr"},
		{"volatility, a year", percentOf(m.Volatility), "metrics.volatility"},
		{"Sharpe ratio", ratioOf(m.Sharpe), "metrics.sharpe"},
		{"Sortino ratio", ratioOf(m.Sortino), "metrics.sortino"},
		{"max drawdown", percentOf(m.MaxDrawdown), "metrics.max_drawdown"},
		{"win rate", percentOf(m.WinRate), "metrics.win_rate"},
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
	Weight      template.CSS // 0 to 1
}

// years compounds the days of each month and year.
func (r *run) years() []year {
	scale := math.Pow10(-r.result.Account.CurrencyScale)
	base := float64(r.result.Account.StartBalance) * scale
	months := make(map[int]float64) // year·12+month, factor
	last := base
	var keys []int
	for _, d := range r.days {
		at := d.at.Add(-1).Std()
		key := at.Year()*12 + int(at.Month()) - 1
		if _, ok := months[key]; !ok {
			keys, months[key] = append(keys, key), 1
		}
		if last > 0 {
			months[key] *= d.equity / last
		}
		last = d.equity
	}
	most := 0.0
	for _, f := range months {
		most = max(most, math.Abs(f-1))
	}
	var list []year
	total := 1.0
	for _, key := range keys {
		if n := len(list); n == 0 || list[n-1].Year != key/12 {
			list, total = append(list, year{Year: key / 12}), 1
		}
		y := &list[len(list)-1]
		total *= months[key]
		y.Months[key%12], y.Total = heatOf(months[key]-1, most), heatOf(total-1, 1)
	}
	return list
}

func heatOf(v, most float64) heat {
	h := heat{Text: strconv.FormatFloat(100*v, 'f', 1, 64), Class: class(&v), Weight: "0"}
	if most > 0 {
		h.Weight = template.CSS(strconv.FormatFloat(min(math.Abs(v)/most, 1), 'f', 2, 64)) //nolint:gosec // a number
	}
	return h
}

// returns are those of days, as the metrics have them.
func (r *run) returns() []float64 {
	last := float64(r.result.Account.StartBalance) * math.Pow10(-r.result.Account.CurrencyScale)
	var list []float64
	for _, d := range r.days {
		if last > 0 {
			list = append(list, d.equity/last-1)
		}
		last = d.equity
	}
	return list
}

// drawdown is a row of the table of drawdowns.
type drawdown struct {
	Depth, Peak, Trough, Recovered, Length string
	From, Until                            float64
}

func (r *run) drawdowns() []drawdown {
	var list []drawdown
	for _, e := range r.falls.list() {
		if e.depth < 0.00005 {
			break // 0.00 %
		}
		end, recovered := r.result.Run.End, "not yet"
		if e.recovered != 0 {
			end, recovered = e.recovered, stamp(e.recovered)
		}
		list = append(list, drawdown{Depth: percent(-e.depth), Peak: stamp(e.peak), Trough: stamp(e.trough), Recovered: recovered,
			Length: length(end.Sub(e.peak)), From: seconds(e.peak), Until: seconds(end)})
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
