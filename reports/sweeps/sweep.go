package sweeps

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

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
	Schema   string           `json:"schema"`
	Versions reports.Versions `json:"versions"`
	// Fingerprint is equal for sweeps whose runs do the same and are judged alike.
	Fingerprint string             `json:"fingerprint,omitempty"`
	Command     string             `json:"command"` // one run of it, but for the parameters
	Config      json.RawMessage    `json:"config"`
	Run         reports.Run        `json:"run"` // what the runs share; its params are the fixed ones
	Account     Account            `json:"account"`
	Models      []reports.Model    `json:"models"`
	Data        []reports.DataPart `json:"data"`

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
	Objective string `json:"objective"`                 // name of a figure
	Direction string `json:"direction,omitempty"`       // max or min; empty: as [FigureOf] says
	// Where is what a run must meet to be the best, such as "max_drawdown<0.3".
	Where []string `json:"where,omitempty"`
}

// Axis is a parameter that is varied. Values are in order; there are none where a
// range is drawn from.
type Axis struct {
	Name   string           `json:"name"`
	Type   engine.ParamType `json:"type"`
	Values []string         `json:"values"`
}

// Status is how a run ended.
type Status string

// How runs end. Pruned is reserved for sweeps that give runs up early.
const (
	OK      Status = "ok"
	Failed  Status = "failed"  // its strategy panicked or could not start, or its account did not add up
	Timeout Status = "timeout" // it took longer than it was given
	Pruned  Status = "pruned"
)

// Run is one run of a sweep: `backtest run` with the same settings has the same
// digest. One that did not end well has no figures; its JSON has null in their place.
//
// The tag figure says where result.json has a figure, label what people call it, and
// best whether the greatest or the least is.
type Run struct { //nolint:recvcheck // encoding/json calls the method of a value
	N      int               `json:"n"`      // from 1, in the order of the points
	Params map[string]string `json:"params"` // those that are varied
	Status Status            `json:"status"`
	Error  string            `json:"error"` // why it failed; empty when it did not
	// Bankrupt runs lost everything, see [analysis.Daily.Ruin]; Eligible ones may be
	// the best: they are not bankrupt and meet [Search.Where]. [Sweep.Judge] fills them in.
	Bankrupt bool   `json:"bankrupt"`
	Eligible bool   `json:"eligible"`
	Digest   string `json:"digest"` // empty without a result

	EndEquity    exchange.Money `json:"end_equity" figure:"account" label:"end equity" best:"max"`
	RealisedPnL  exchange.Money `json:"realised_pnl" figure:"account" label:"realised PnL" best:"max"`
	Fees         exchange.Money `json:"fees" figure:"account" label:"fees" best:"min"`
	Funding      exchange.Money `json:"funding" figure:"account" label:"funding" best:"max"`
	TotalReturn  *float64       `json:"total_return" figure:"metrics" label:"total return" best:"max"`
	CAGR         *float64       `json:"cagr" figure:"metrics" label:"CAGR" best:"max"`
	Sharpe       *float64       `json:"sharpe" figure:"metrics" label:"Sharpe ratio" best:"max"`
	Sortino      *float64       `json:"sortino" figure:"metrics" label:"Sortino ratio" best:"max"`
	Volatility   *float64       `json:"volatility" figure:"metrics" label:"volatility" best:"min"`
	MaxDrawdown  *float64       `json:"max_drawdown" figure:"metrics" label:"max drawdown" best:"min"`
	WinRate      *float64       `json:"win_rate" figure:"metrics" label:"win rate" best:"max"`
	ProfitFactor *float64       `json:"profit_factor" figure:"metrics" label:"profit factor" best:"max"`
	Exposure     *float64       `json:"exposure" figure:"metrics" label:"exposure" best:"min"`
	Turnover     *float64       `json:"turnover" figure:"metrics" label:"turnover" best:"min"`
	Orders       int64          `json:"orders" figure:"counts" label:"orders" best:"max"`
	Fills        int64          `json:"fills" figure:"counts" label:"fills" best:"max"`
	Trades       int64          `json:"trades" figure:"counts" label:"round trips" best:"max"`
	Rejected     int64          `json:"rejected" figure:"counts" label:"rejected" best:"min"`
	Liquidations int64          `json:"liquidations" figure:"counts" label:"liquidations" best:"min"`
	Warnings     int64          `json:"warnings" figure:"counts" label:"warnings" best:"min"` // that its result has

	BenchmarkReturn *float64       `json:"benchmark_return" figure:"metrics" label:"benchmark return" best:"max"`
	EndBalance      exchange.Money `json:"end_balance" figure:"account" label:"end balance" best:"max"`
	UnrealisedPnL   exchange.Money `json:"unrealised_pnl" figure:"account" label:"unrealised PnL" best:"max"`
	Insurance       exchange.Money `json:"insurance" figure:"account" label:"insurance" best:"min"`
	AccountTurnover exchange.Money `json:"account_turnover" figure:"account" label:"value traded" best:"min"`
	Events          int64          `json:"events" figure:"counts" label:"events" best:"max"`
	Samples         int64          `json:"samples" figure:"counts" label:"samples" best:"max"`
	MakerFills      int64          `json:"maker_fills" figure:"counts" label:"maker fills" best:"max"`
	TradesWon       int64          `json:"trades_won" figure:"counts" label:"round trips won" best:"max"`
	TradesLost      int64          `json:"trades_lost" figure:"counts" label:"round trips lost" best:"min"`
	FundingPayments int64          `json:"funding_payments" figure:"counts" label:"funding payments" best:"min"`
	Refused         int64          `json:"refused" figure:"counts" label:"refused" best:"min"`
	Settlements     int64          `json:"settlements" figure:"counts" label:"settlements" best:"min"`
	AmbiguousFills  int64          `json:"ambiguous_fills" figure:"counts" label:"ambiguous fills" best:"min"`
	AmbiguousBars   int64          `json:"ambiguous_bars" figure:"counts" label:"ambiguous bars" best:"min"`
	LateTrades      int64          `json:"late_trades" figure:"counts" label:"late trades" best:"min"`
}

// RunOf keeps of a result what a sweep compares.
func RunOf(n int, params map[string]string, r *reports.Result) Run {
	m, c, a := &r.Metrics, &r.Counts, &r.Account
	return Run{N: n, Params: params, Status: OK, Digest: r.Digest, EndEquity: a.EndEquity, RealisedPnL: a.RealisedPnL,
		Fees:    a.Fees,
		Funding: a.Funding, TotalReturn: m.TotalReturn, CAGR: m.CAGR, Sharpe: m.Sharpe, Sortino: m.Sortino, Volatility: m.Volatility,
		MaxDrawdown: m.MaxDrawdown, WinRate: m.WinRate, ProfitFactor: m.ProfitFactor, Exposure: m.Exposure, Turnover: m.Turnover,
		Orders: c.Orders, Fills: c.Fills, Trades: c.Trades, Rejected: c.Rejected, Liquidations: c.Liquidations,
		Warnings:        int64(len(r.Warnings)),
		BenchmarkReturn: m.BenchmarkReturn, EndBalance: a.EndBalance, UnrealisedPnL: a.UnrealisedPnL, Insurance: a.Insurance,
		AccountTurnover: a.Turnover, Events: c.Events, Samples: c.Samples, MakerFills: c.MakerFills, TradesWon: c.TradesWon,
		TradesLost: c.TradesLost, FundingPayments: c.FundingPayments, Refused: c.Refused, Settlements: c.Settlements,
		AmbiguousFills: c.AmbiguousFills, AmbiguousBars: c.AmbiguousBars, LateTrades: c.LateTrades}
}

// FailedRun is a run that did not end well.
func FailedRun(n int, params map[string]string, status Status, reason string) Run {
	return Run{N: n, Params: params, Status: status, Error: reason}
}

// Finished reports whether a run came to its end, and so has figures. Files of earlier
// builds give no status: they have only such runs.
func (r *Run) Finished() bool { return r.Status == OK || r.Status == "" }

// rank orders runs before their objective does: those that may be the best come first,
// and those that nothing is known of come last.
func (r *Run) rank() int {
	switch {
	case !r.Finished():
		return 3
	case r.Bankrupt:
		return 2
	case !r.Eligible:
		return 1
	}
	return 0
}

// MarshalJSON implements json.Marshaler.
func (r Run) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		field := v.Type().Field(i)
		value := v.Field(i).Interface()
		if field.Tag.Get("figure") != "" && !r.Finished() {
			value = nil
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%q:%s", field.Tag.Get("json"), text)
	}
	b.WriteByte('}')
	out := b.Bytes()
	out[0] = '{'
	return out, nil
}

// Trials is what choosing the run with the highest Sharpe ratio is worth; see
// [analysis.Trials].
type Trials struct {
	Runs           int      `json:"runs"` // that finished
	Idle           int      `json:"idle"`
	Bankrupt       int      `json:"bankrupt"`
	Distinct       int      `json:"distinct"`
	Days           int      `json:"days"`
	Best           int      `json:"best"` // its number; 0: no run has a Sharpe ratio
	Sharpe         *float64 `json:"sharpe"`
	Expected       *float64 `json:"expected_max"`
	Deflated       *float64 `json:"deflated_sharpe"`
	MinTrackRecord *float64 `json:"min_track_record_days"`
	Overfitting    *float64 `json:"probability_of_overfitting"`
	Reason         string   `json:"reason,omitempty"`
}

// Entry is a run with the equity at the end of each of its days. Start and End are 0
// of one that did not finish.
type Entry struct {
	Run        Run
	Start, End exchange.Time
	Days       []analysis.Day
}
