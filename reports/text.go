package reports

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/terminal"
)

// Text lays a result out for a terminal: plain, aligned, in one colour.
func Text(r Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s, %s\n", terminal.Line(r.Run.Strategy), terminal.Line(symbolsText(&r)),
		terminal.Line(r.Run.Data))
	fmt.Fprintf(&b, "%s to %s (%s)\n", r.Run.Start, r.Run.End, LengthText(r.Run.End.Sub(r.Run.Start)))
	if len(r.Run.Params) > 0 {
		fmt.Fprintf(&b, "%s\n", terminal.Line(paramsText(r.Run.Params)))
	}
	for _, section := range [][][2]string{accountRows(&r), metricRows(&r), countRows(&r), positionRows(&r)} {
		if len(section) == 0 {
			continue
		}
		b.WriteByte('\n')
		writeAligned(&b, section)
	}
	for i, x := range undefinedRows(&r) {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: %s\n", x[0], x[1])
	}
	for i, w := range r.Warnings {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "warning: %s\n", terminal.Line(w))
	}
	fmt.Fprintf(&b, "\ndigest %s\n", terminal.Line(r.Digest))
	return b.String()
}

// writeAligned writes rows of a name and a value, values to the right.
func writeAligned(b *strings.Builder, rows [][2]string) {
	name, value := 0, 0
	for i, r := range rows {
		r = [2]string{terminal.Line(r[0]), terminal.Line(r[1])}
		rows[i] = r
		name = max(name, utf8.RuneCountInString(r[0]))
		value = max(value, utf8.RuneCountInString(r[1]))
	}
	for _, r := range rows {
		pad := name - utf8.RuneCountInString(r[0]) + 2 + value - utf8.RuneCountInString(r[1])
		fmt.Fprintf(b, "  %s%s%s\n", r[0], strings.Repeat(" ", pad), r[1])
	}
}

func accountRows(r *Result) [][2]string {
	a := &r.Account
	money := func(m exchange.Money) string { return moneyText(a, m) }
	rows := [][2]string{
		{"start balance", money(a.StartBalance)},
		{"realised PnL", money(a.RealisedPnL)},
		{"fees", money(-a.Fees)},
		{"funding", money(a.Funding)},
	}
	if a.Insurance != 0 {
		rows = append(rows, [2]string{"insurance", money(a.Insurance)})
	}
	return append(rows, [][2]string{
		{"end balance", money(a.EndBalance)},
		{"unrealised PnL", money(a.UnrealisedPnL)},
		{"end equity", money(a.EndEquity)},
	}...)
}

func metricRows(r *Result) [][2]string {
	m := &r.Metrics
	rows := [][2]string{{"total return", percentText(m.TotalReturn)}}
	if b := r.Benchmark; b != nil && b.Currency != r.Account.CurrencyMajor && m.TotalReturnQuote != nil {
		rows = append(rows, [2]string{"total return in " + b.Currency, percentText(m.TotalReturnQuote)})
	}
	return append(rows, [][2]string{
		{priceName(r), percentText(m.BenchmarkReturn)},
		{"CAGR", percentText(m.CAGR)},
		{"Sharpe ratio", ratioText(m.Sharpe)},
		{"Sortino ratio", ratioText(m.Sortino)},
		{"volatility", percentText(m.Volatility)},
		{DrawdownName(&r.Run), percentText(m.MaxDrawdown)},
		{"max drawdown, by days", percentText(m.MaxDrawdownDaily)},
		{"win rate of round trips", percentText(m.WinRate)},
		{"win rate of closing fills", percentText(m.FillWinRate)},
		{"profit factor", ratioText(m.ProfitFactor)},
		{"exposure", percentText(m.Exposure)},
		{"turnover", ratioText(m.Turnover)},
	}...)
}

// priceName names the benchmark with the currency that it is in.
func priceName(r *Result) string {
	name := "price of " + r.Run.primary()
	if r.Benchmark != nil && r.Benchmark.Currency != "" {
		name += " in " + r.Benchmark.Currency
	}
	return name
}

// DrawdownName names the drawdown with the samples that it is taken over: more of them
// find a deeper one.
func DrawdownName(r *Run) string {
	if r.SampleSeconds <= 0 {
		return "max drawdown, by samples"
	}
	return "max drawdown, by samples of " + shortDuration(time.Duration(r.SampleSeconds*float64(time.Second)))
}

// shortDuration leaves out what is 0: 1m, not 1m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = text[:len(text)-2]
	}
	if strings.HasSuffix(text, "h0m") {
		text = text[:len(text)-2]
	}
	return text
}

// undefinedRows say why headline figures are missing.
func undefinedRows(r *Result) [][2]string {
	var rows [][2]string
	for _, x := range []struct{ name, key string }{
		{"CAGR", "cagr"}, {"Sharpe ratio", "sharpe"}, {"Sortino ratio", "sortino"}, {"volatility", "volatility"},
		{priceName(r), "benchmark_return"},
	} {
		if why := r.Metrics.Reasons[x.key]; why != "" {
			rows = append(rows, [2]string{"no " + x.name, why})
		}
	}
	return rows
}

// countRows leaves out what did not happen, but for what every run should tell.
func countRows(r *Result) [][2]string {
	c := &r.Counts
	var rows [][2]string
	for _, x := range []struct {
		name   string
		n      int64
		always bool
	}{
		{"events", c.Events, true}, {"orders", c.Orders, true}, {"fills", c.Fills, true}, {"maker fills", c.MakerFills, false}, {"round trips", c.Trades, true},
		{"closing fills", c.ClosingFills, false},
		{"funding payments", c.FundingPayments, false}, {"rejected", c.Rejected, false}, {"refused", c.Refused, false},
		{"liquidations", c.Liquidations, false}, {"settlements", c.Settlements, false},
		{"ambiguous fills", c.AmbiguousFills, false}, {"ambiguous bars", c.AmbiguousBars, false},
		{"late trades", c.LateTrades, false}, {"unanswered", c.Unanswered, false},
	} {
		if x.always || x.n != 0 {
			rows = append(rows, [2]string{x.name, strconv.FormatInt(x.n, 10)})
		}
	}
	for _, name := range sortedKeys(c.Other) {
		if n := c.Other[name]; n != 0 {
			rows = append(rows, [2]string{strings.ReplaceAll(name, "_", " "), strconv.FormatInt(n, 10)})
		}
	}
	return rows
}

func positionRows(r *Result) [][2]string {
	var rows [][2]string
	for i := range r.Positions {
		p := &r.Positions[i]
		rows = append(rows, [2]string{"position " + p.Symbol, fmt.Sprintf("%d at %s, mark %s", p.Qty, p.EntryPrice, p.MarkPrice)})
	}
	return rows
}

func symbolsText(r *Result) string { return r.Run.Venue + " " + strings.Join(r.Run.Symbols, ", ") }

func paramsText(params map[string]string) string {
	var words []string
	for _, name := range sortedKeys(params) {
		words = append(words, name+"="+params[name])
	}
	return strings.Join(words, " ")
}

func moneyText(a *Balance, m exchange.Money) string {
	unit := a.CurrencyMajor
	if unit == "" {
		return strconv.FormatInt(int64(m), 10) + " " + a.Currency
	}
	return m.Decimal(a.CurrencyScale).StringFixed(int32(a.CurrencyScale)) + " " + unit
}

// percentText shows a fraction, and a dash where it is not defined.
func percentText(v *float64) string {
	if v == nil {
		return "-"
	}
	return Decimals(*v*100) + " %"
}

// Decimals writes a number with two decimals, and one that is too large to be read
// so in powers of ten.
func Decimals(v float64) string {
	if math.Abs(v) >= 1e7 {
		return strconv.FormatFloat(v, 'e', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func ratioText(v *float64) string {
	if v == nil {
		return "-"
	}
	return Decimals(*v)
}

// LengthText writes a duration in the unit that fits it.
func LengthText(d time.Duration) string {
	if d >= 2*day {
		return strconv.FormatFloat(d.Hours()/24, 'f', 1, 64) + " days"
	}
	return d.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
