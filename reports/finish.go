package reports

import (
	"fmt"
	"maps"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// result computes what came of the run and checks it.
func (r *Recorder) result(o *Outcome) (*Result, error) {
	if !r.started {
		return nil, &ConfigError{Field: "Finish", Reason: "the run took no sample"}
	}
	margin := r.o.Account.Margin(r.end)
	totals := r.o.Account.Totals()
	positions := r.positions()
	if err := r.checkSums(&totals, &margin); err != nil {
		return nil, err
	}
	out := &Result{Schema: ResultSchema, Run: r.o.Run, Models: r.o.Models, Data: r.o.Data, Positions: positions,
		Warnings: r.warnings(o)}
	out.Run.Start, out.Run.End = r.start, r.end
	if out.Run.From == 0 {
		out.Run.From = r.start
	}
	if out.Run.To == 0 {
		out.Run.To = r.end
	}
	out.Account = r.balance(&margin, &totals)
	if err := out.Check(); err != nil {
		return nil, err
	}
	for _, s := range r.o.Symbols {
		out.Instruments = append(out.Instruments, contractOf(r.o.Instruments.Get(s), r.start, r.end))
	}
	out.Counts = r.count(o)
	out.Benchmark = r.price.describe(r.o.Instruments.Get(r.primary))
	out.Metrics = r.metrics(out)
	out.Digest = r.digest.sum(&out.Account)
	return out, nil
}

func (r *Recorder) positions() []Position {
	list := []Position{}
	for _, s := range r.o.Symbols {
		if p := r.o.Account.Position(s); p.Qty != 0 {
			list = append(list, positionOf(r.symbols[s], &p))
		}
	}
	return list
}

func (r *Recorder) balance(m *exchange.Margin, t *Totals) Balance {
	c := r.o.Currency
	return Balance{Currency: c.Code, CurrencyMajor: c.Major, CurrencyScale: c.Scale, StartBalance: r.o.StartBalance,
		EndBalance: m.Wallet, EndEquity: m.Balance, RealisedPnL: t.Realised, UnrealisedPnL: m.Unrealised, Fees: t.Fees,
		Funding: t.Funding, Insurance: t.Insurance, Turnover: r.sums.Turnover}
}

// checkSums compares the account with the reports that it sent.
func (r *Recorder) checkSums(t *Totals, m *exchange.Margin) error {
	for _, c := range []struct {
		identity    string
		left, right exchange.Money
	}{
		{"realised PnL of the account and of its fills", t.Realised, r.sums.Realised},
		{"fees of the account and of its fills", t.Fees, r.sums.Fees},
		{"funding of the account and of its payments", t.Funding, r.sums.Funding},
		{"equity and wallet + unrealised PnL of the account", m.Balance, m.Wallet + m.Unrealised},
	} {
		if c.left != c.right {
			return &IdentityError{Identity: c.identity, Left: c.left, Right: c.right}
		}
	}
	return nil
}

// Check verifies the identities of the account, and that the positions account
// for its unrealised PnL. Errors are [*IdentityError].
func (r *Result) Check() error {
	a := &r.Account
	var unrealised exchange.Money
	for i := range r.Positions {
		unrealised += r.Positions[i].Unrealised
	}
	for _, c := range []struct {
		identity    string
		left, right exchange.Money
	}{
		{"end balance and start balance + realised PnL - fees + funding + insurance",
			a.EndBalance, a.StartBalance + a.RealisedPnL - a.Fees + a.Funding + a.Insurance},
		{"end equity and end balance + unrealised PnL", a.EndEquity, a.EndBalance + a.UnrealisedPnL},
		{"unrealised PnL of the account and of its positions", a.UnrealisedPnL, unrealised},
	} {
		if c.left != c.right {
			return &IdentityError{Identity: c.identity, Left: c.left, Right: c.right}
		}
	}
	return nil
}

func (r *Recorder) count(o *Outcome) Counts {
	c := r.counts
	c.Events, c.Refused, c.LateTrades = o.Engine.Events, o.Engine.Refused, o.Engine.Late
	c.AmbiguousBars = o.AmbiguousBars
	c.Orders = r.orders.seen
	c.Trades, c.TradesWon, c.TradesLost = r.trips.closed, r.trips.won, r.trips.lost
	c.ClosingFills, c.ClosingFillsWon, c.ClosingFillsLost = r.trips.closings, r.trips.closingsWon, r.trips.closingsLost
	c.Unanswered = r.orders.unanswered()
	c.Other = maps.Clone(o.Counts)
	if c.Other == nil {
		c.Other = map[string]int64{}
	}
	return c
}

func (r *Recorder) metrics(out *Result) Metrics {
	r.daily.finish()
	b := &out.Account
	m := Metrics{
		Days:             int64(r.daily.whole),
		TotalReturn:      totalReturn(b),
		MaxDrawdown:      r.drawdown.max(),
		MaxDrawdownDaily: r.daily.falls.max(),
		WinRate:          r.trips.winRate(),
		FillWinRate:      r.trips.fillWinRate(),
		ProfitFactor:     r.trips.profitFactor(),
		Exposure:         r.exposure.fraction(r.start, r.end),
		Turnover:         turnover(b),
		Reasons:          map[string]string{},
	}
	if m.MaxDrawdownDaily == nil && m.MaxDrawdown != nil {
		m.MaxDrawdownDaily = number(0) // no day has ended
	}
	m.DrawdownStart, m.DrawdownEnd = r.drawdown.span()
	set := func(into **float64, name string) func(*float64, string) {
		return func(v *float64, why string) {
			if *into = v; why != "" {
				m.Reasons[name] = why
			}
		}
	}
	set(&m.CAGR, "cagr")(cagr(b, r.end.Sub(r.start)))
	set(&m.Sharpe, "sharpe")(r.daily.sharpe())
	set(&m.Sortino, "sortino")(r.daily.sortino())
	set(&m.Volatility, "volatility")(r.daily.volatility())
	set(&m.BenchmarkReturn, "benchmark_return")(r.price.total())
	set(&m.TotalReturnQuote, "total_return_quote")(quoteReturn(out))
	for name, why := range map[string]struct {
		missing bool
		why     string
	}{
		"win_rate":      {m.WinRate == nil, "no round trip was closed"},
		"fill_win_rate": {m.FillWinRate == nil, "no fill closed anything"},
		"profit_factor": {m.ProfitFactor == nil, "no round trip lost"},
		"exposure":      {m.Exposure == nil, "the run has no length"},
	} {
		if why.missing {
			m.Reasons[name] = why.why
		}
	}
	return m
}

// warnings are the caller's, and what the recorder noticed itself.
func (r *Recorder) warnings(o *Outcome) []string {
	list := append([]string{}, o.Warnings...)
	if n := r.counts.AmbiguousFills; n > 0 {
		text := fmt.Sprintf("%d of %d fills are ambiguous: their bars allow another order of events with another result",
			n, r.counts.Fills)
		if 20*n > r.counts.Fills {
			text += "; bars of a shorter interval would show it"
		}
		list = append(list, text)
	}
	if n := r.counts.Liquidations; n > 0 {
		list = append(list, fmt.Sprintf("the account was liquidated, first at %s (%s)", r.liquidated, count(n, "fill")))
	}
	if n := r.counts.Rejected; n > 0 {
		list = append(list, fmt.Sprintf("%s rejected by the exchange, first %s", count(n, "command"), r.rejected))
	}
	if reason := o.Engine.Halted; reason != "" {
		list = append(list, "the strategy ended the run: "+reason)
	}
	return list
}

// count writes a number of things.
func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// publish writes the files of a finished run, the manifest last.
func (r *Recorder) publish(result *Result, ended time.Time) error {
	t := r.tables
	if err := r.closeTables(); err != nil {
		return err
	}
	size, err := r.dir.writeJSON(ResultFile, result)
	if err != nil {
		return err
	}
	text := markdown(result, r.manifest.Command)
	if err := r.dir.write(SummaryFile, []byte(text)); err != nil {
		return err
	}
	r.manifest.Status, r.manifest.Run, r.manifest.Digest = Finished, result.Run, result.Digest
	r.setEnded(ended)
	r.manifest.Files = []File{{Name: ResultFile, Bytes: size}, {Name: SummaryFile, Bytes: int64(len(text))}}
	for _, x := range t.all() {
		r.manifest.Files = append(r.manifest.Files, x.described())
	}
	return r.dir.writeManifest(&r.manifest)
}
