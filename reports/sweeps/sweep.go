package sweeps

import (
	"encoding/json"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// Schema names the kind and version of sweep.json.
const Schema = "dunamis.sweep/1"

// Sweep is sweep.json. Amounts are in the smallest unit of the settlement currency; a
// number that is not defined is nil.
type Sweep struct {
	Schema   string             `json:"schema"`
	Versions reports.Versions   `json:"versions"`
	Command  string             `json:"command"` // one run of it, but for the parameters
	Config   json.RawMessage    `json:"config"`
	Run      reports.Run        `json:"run"` // what the runs share; its params are the fixed ones
	Account  Account            `json:"account"`
	Models   []reports.Model    `json:"models"`
	Data     []reports.DataPart `json:"data"`

	Search    Search     `json:"search"`
	Axes      []Axis     `json:"axes"`
	Runs      []Run      `json:"runs"`
	Best      *int       `json:"best"` // number of the run with the best objective
	Stability *Stability `json:"stability"`
	Marginals []Marginal `json:"marginals"`
	Trials    Trials     `json:"trials"`
	Warnings  []string   `json:"warnings"`
}

// Account is what every run starts with.
type Account struct {
	Currency      string         `json:"currency"`
	CurrencyMajor string         `json:"currency_major"`
	CurrencyScale int            `json:"currency_scale"`
	StartBalance  exchange.Money `json:"start_balance"`
}

// Search is how the points were chosen, and by what they are judged.
type Search struct {
	Method    string `json:"method"` // grid or random
	Seed      uint64 `json:"seed"`   // of a random sample
	Grid      int    `json:"grid"`   // points of the whole grid; 0: a range is drawn from
	Refused   int    `json:"refused"`
	Example   string `json:"refused_example,omitempty"` // what the strategy said of one
	Objective string `json:"objective"`
}

// Axis is a parameter that is varied. Values are in order; there are none where a
// range is drawn from.
type Axis struct {
	Name   string           `json:"name"`
	Type   engine.ParamType `json:"type"`
	Values []string         `json:"values"`
}

// Run is one run of a sweep: `backtest run` with the same settings has the same
// digest.
type Run struct {
	N      int               `json:"n"`      // from 1, in the order of the points
	Params map[string]string `json:"params"` // those that are varied
	Digest string            `json:"digest"`

	EndEquity    exchange.Money `json:"end_equity"`
	RealisedPnL  exchange.Money `json:"realised_pnl"`
	Fees         exchange.Money `json:"fees"`
	Funding      exchange.Money `json:"funding"`
	TotalReturn  *float64       `json:"total_return"`
	CAGR         *float64       `json:"cagr"`
	Sharpe       *float64       `json:"sharpe"`
	Sortino      *float64       `json:"sortino"`
	Volatility   *float64       `json:"volatility"`
	MaxDrawdown  *float64       `json:"max_drawdown"`
	WinRate      *float64       `json:"win_rate"`
	ProfitFactor *float64       `json:"profit_factor"`
	Exposure     *float64       `json:"exposure"`
	Turnover     *float64       `json:"turnover"`
	Orders       int64          `json:"orders"`
	Fills        int64          `json:"fills"`
	Trades       int64          `json:"trades"`
	Rejected     int64          `json:"rejected"`
	Liquidations int64          `json:"liquidations"`
	Warnings     int            `json:"warnings"` // that its result has
}

// RunOf keeps of a result what a sweep compares.
func RunOf(n int, params map[string]string, r *reports.Result) Run {
	m, c, a := &r.Metrics, &r.Counts, &r.Account
	return Run{N: n, Params: params, Digest: r.Digest, EndEquity: a.EndEquity, RealisedPnL: a.RealisedPnL, Fees: a.Fees,
		Funding: a.Funding, TotalReturn: m.TotalReturn, CAGR: m.CAGR, Sharpe: m.Sharpe, Sortino: m.Sortino, Volatility: m.Volatility,
		MaxDrawdown: m.MaxDrawdown, WinRate: m.WinRate, ProfitFactor: m.ProfitFactor, Exposure: m.Exposure, Turnover: m.Turnover,
		Orders: c.Orders, Fills: c.Fills, Trades: c.Trades, Rejected: c.Rejected, Liquidations: c.Liquidations, Warnings: len(r.Warnings)}
}

// Trials is what choosing the run with the highest Sharpe ratio is worth; see
// [analysis.Trials].
type Trials struct {
	Runs           int      `json:"runs"`
	Days           int      `json:"days"`
	Best           int      `json:"best"` // its number; 0: no run has a Sharpe ratio
	Sharpe         *float64 `json:"sharpe"`
	Expected       *float64 `json:"expected_max"`
	Deflated       *float64 `json:"deflated_sharpe"`
	MinTrackRecord *float64 `json:"min_track_record_days"`
	Overfitting    *float64 `json:"probability_of_overfitting"`
	Reason         string   `json:"reason,omitempty"`
}

// Entry is a run with the equity at the end of each of its days.
type Entry struct {
	Run        Run
	Start, End exchange.Time
	Days       []analysis.Day
}

// Objective is a figure by which runs are compared.
type Objective struct {
	Name  string
	Label string // for people
	of    func(*Run) *float64
	least bool // the least is the best
}

// objectives are those that a sweep can be judged by; the first is the default.
var objectives = []Objective{
	{"sharpe", "Sharpe ratio", func(r *Run) *float64 { return r.Sharpe }, false},
	{"sortino", "Sortino ratio", func(r *Run) *float64 { return r.Sortino }, false},
	{"total_return", "total return", func(r *Run) *float64 { return r.TotalReturn }, false},
	{"profit_factor", "profit factor", func(r *Run) *float64 { return r.ProfitFactor }, false},
	{"win_rate", "win rate", func(r *Run) *float64 { return r.WinRate }, false},
	{"max_drawdown", "max drawdown", func(r *Run) *float64 { return r.MaxDrawdown }, true},
}

// ObjectiveNames lists them, the default first.
func ObjectiveNames() []string {
	names := make([]string, len(objectives))
	for i := range objectives {
		names[i] = objectives[i].Name
	}
	return names
}

// ObjectiveOf finds an objective by name.
func ObjectiveOf(name string) (Objective, bool) {
	for _, o := range objectives {
		if o.Name == name {
			return o, true
		}
	}
	return Objective{}, false
}

// Objective is what the sweep is judged by.
func (s *Sweep) Objective() Objective {
	o, _ := ObjectiveOf(s.Search.Objective)
	return o
}

// Value is the objective of a run, nil if it has none.
func (o Objective) Value(r *Run) *float64 { return o.of(r) }

// Least reports whether the least is the best.
func (o Objective) Least() bool { return o.least }

// Better reports whether a run is better than another. One without a value is the
// worst; runs that are equal are not better.
func (o Objective) Better(a, b *Run) bool {
	x, y := o.of(a), o.of(b)
	switch {
	case x == nil || y == nil:
		return x != nil && y == nil
	case o.least:
		return *x < *y
	}
	return *x > *y
}
