package analysis

import (
	"math"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/stats"
)

// Schema names the kind and version of statistics.json. The number changes when a
// reader of the old files could misread the new ones.
const Schema = "dunamis.statistics/1"

// Statistics is what the tables of a run say about it. Equal tables give equal
// statistics, byte for byte. A number that is not defined is nil.
type Statistics struct {
	Schema      string      `json:"schema"`
	Digest      string      `json:"digest"` // of the run
	Conventions Conventions `json:"conventions"`
	Returns     []Returns   `json:"returns"` // in the account's currency, then in the contract's other one
	Trades      []Trades    `json:"trades"`  // all, long, short
	Execution   Execution   `json:"execution"`
	Attribution Attribution `json:"attribution"`
}

// Conventions are the choices behind the numbers.
type Conventions struct {
	PeriodsPerYear     int     `json:"periods_per_year"`
	Period             string  `json:"period"`
	SampleSeconds      float64 `json:"sample_seconds"`  // 0: not known
	MinDays            int     `json:"min_days"`        // whole days that a ratio takes
	MinYearlyDays      int     `json:"min_yearly_days"` // days that a yearly rate takes
	RiskFree           float64 `json:"risk_free"`
	Cutoff             float64 `json:"var_cutoff"`
	Confidence         float64 `json:"confidence"` // of the interval and the track record
	BootstrapDraws     int     `json:"bootstrap_draws"`
	BootstrapSeed      uint64  `json:"bootstrap_seed"`
	RollingDays        int     `json:"rolling_days"`
	ArrivalPrice       string  `json:"arrival_price"`
	MostDrawdownsShown int     `json:"most_drawdowns"`
}

// Returns are the statistics of the equity in one currency.
type Returns struct {
	Currency string  `json:"currency"`
	Start    float64 `json:"start"` // equity, in the currency people say
	End      float64 `json:"end"`
	Days     int     `json:"days"` // whole days: the daily returns

	Total          *float64 `json:"total"`
	CAGR           *float64 `json:"cagr"`
	Volatility     *float64 `json:"volatility"`
	Sharpe         *float64 `json:"sharpe"`
	SharpeError    *float64 `json:"sharpe_error"`
	SharpeLow      *float64 `json:"sharpe_low"`
	SharpeHigh     *float64 `json:"sharpe_high"`
	Probabilistic  *float64 `json:"probabilistic_sharpe"`
	MinTrackRecord *float64 `json:"min_track_record_days"`
	Sortino        *float64 `json:"sortino"`
	Calmar         *float64 `json:"calmar"`
	Omega          *float64 `json:"omega"`
	Ulcer          *float64 `json:"ulcer"`
	TailRatio      *float64 `json:"tail_ratio"`
	Skew           *float64 `json:"skew"`
	Kurtosis       *float64 `json:"kurtosis"`
	VaR            *float64 `json:"var"`
	CVaR           *float64 `json:"cvar"`
	BestDay        *float64 `json:"best_day"`
	WorstDay       *float64 `json:"worst_day"`
	BestMonth      *float64 `json:"best_month"`
	WorstMonth     *float64 `json:"worst_month"`
	PositiveDays   *float64 `json:"positive_days"`
	MaxDrawdown    *float64 `json:"max_drawdown"`       // over the samples, not the days
	MaxDaily       *float64 `json:"max_drawdown_daily"` // over the ends of days
	UnderWater     *float64 `json:"under_water"`        // share of the time between a peak and its return

	// Reasons say why figures are not defined, by their names here.
	Reasons map[string]string `json:"reasons"`

	// Curve is the equity at equal steps of the run, the last one at its end. A step
	// without a sample repeats the one before.
	Curve []float64 `json:"curve"`

	Held []Held `json:"held"` // against holding a currency

	Distribution []stats.Bin `json:"distribution"` // of daily returns

	Drawdowns []Drawdown `json:"drawdowns"` // deepest first
	Months    []Period   `json:"months"`
	Years     []Period   `json:"years"`
	Rolling   []Rolling  `json:"rolling"`
}

// Held compares with holding the start balance in a currency and doing nothing.
type Held struct {
	Currency    string   `json:"currency"`
	Total       *float64 `json:"total"`
	CAGR        *float64 `json:"cagr"`
	MaxDrawdown *float64 `json:"max_drawdown"`       // over the samples, not the days
	MaxDaily    *float64 `json:"max_drawdown_daily"` // over the ends of days
	Volatility  *float64 `json:"volatility"`
	Sharpe      *float64 `json:"sharpe"`
	Alpha       *float64 `json:"alpha"` // of the run against it
	Beta        *float64 `json:"beta"`
	Correlation *float64 `json:"correlation"`
	Information *float64 `json:"information_ratio"`
}

// Drawdown is a fall of the equity from a peak until it comes back.
type Drawdown struct {
	Depth     float64        `json:"depth"` // a positive fraction of the peak
	Peak      exchange.Time  `json:"peak"`
	Trough    exchange.Time  `json:"trough"`
	Recovered *exchange.Time `json:"recovered"` // nil: not by the end
}

// Period is a calendar month, or a year with month 0.
type Period struct {
	Year   int      `json:"year"`
	Month  int      `json:"month,omitempty"`
	Return *float64 `json:"return"`
	// Partial says that the run covers only a part of the period.
	Partial bool `json:"partial"`
}

// Rolling are statistics of the days up to a midnight.
type Rolling struct {
	At         exchange.Time `json:"at"`
	Sharpe     *float64      `json:"sharpe"`
	Volatility *float64      `json:"volatility"`
}

// Trades are the closed round trips of one side. Amounts are in the smallest unit
// of the settlement currency.
type Trades struct {
	Side    string   `json:"side"` // all, long, short
	Count   int      `json:"count"`
	Won     int      `json:"won"`
	Lost    int      `json:"lost"`
	WinRate *float64 `json:"win_rate"` // of round trips
	// Fills that closed a position or a part of one; one wins by its price PnL less its
	// own fee.
	ClosingFills    int      `json:"closing_fills"`
	ClosingFillsWon int      `json:"closing_fills_won"`
	FillWinRate     *float64 `json:"fill_win_rate"`
	ProfitFactor    *float64 `json:"profit_factor"`
	Expectancy      *float64 `json:"expectancy"`
	AverageWin      *float64 `json:"average_win"`
	AverageLoss     *float64 `json:"average_loss"`
	Payoff          *float64 `json:"payoff"`
	SQN             *float64 `json:"sqn"`
	Kelly           *float64 `json:"kelly"`
	Best            *float64 `json:"best"`
	Worst           *float64 `json:"worst"`
	WinStreak       int      `json:"win_streak"`
	LossStreak      int      `json:"loss_streak"`

	MeanSeconds    *float64 `json:"mean_seconds"`
	MedianSeconds  *float64 `json:"median_seconds"`
	LongestSeconds *float64 `json:"longest_seconds"`

	// Excursions are of trips in the primary symbol, whose mark the samples hold.
	MeanMAE   *float64 `json:"mean_mae"` // the lowest profit on the way, 0 or less
	MeanMFE   *float64 `json:"mean_mfe"` // the highest, 0 or more
	WorstMAE  *float64 `json:"worst_mae"`
	BestMFE   *float64 `json:"best_mfe"`
	Captured  *float64 `json:"captured"` // sum of profits / sum of MFE
	Excursion int      `json:"excursions"`

	Distribution []stats.Bin `json:"distribution"` // of profits
}

// Execution is how the account's own orders fared; what the venue forced is not in it,
// but for its count. Basis points are of the price compared with;
// what is good for the account is positive.
type Execution struct {
	Orders         int64    `json:"orders"` // that the exchange accepted
	FillRatio      *float64 `json:"fill_ratio"`
	MakerShare     *float64 `json:"maker_share"` // of the value
	CancelsPerFill *float64 `json:"cancels_per_fill"`
	Rejected       int64    `json:"rejected"`
	Refused        int64    `json:"refused"`
	ForcedFills    int64    `json:"forced_fills"` // by the venue, in none of the other figures

	// From the exchange's first word of an order to its fill as a maker.
	MeanQueueSeconds   *float64 `json:"mean_queue_seconds"`
	MedianQueueSeconds *float64 `json:"median_queue_seconds"`

	// Against the mark at the last sample up to the order.
	SlippageBps *float64        `json:"slippage_bps"`
	Slippage    *exchange.Money `json:"slippage"`

	Markouts []Markout `json:"markouts"`
}

// Markout is where the price went after fills, weighted by value. It is nil for
// horizons shorter than the samples are apart.
type Markout struct {
	Seconds int      `json:"seconds"`
	Fills   int      `json:"fills"`
	Maker   *float64 `json:"maker_bps"` // adverse selection, when negative
	Taker   *float64 `json:"taker_bps"`
}

// Attribution is where the result came from. In each list the totals, with the
// insurance where it is not in the price, add up to end equity - start balance,
// exactly.
type Attribution struct {
	Total     exchange.Money `json:"total"`
	Insurance exchange.Money `json:"insurance"`
	BySymbol  []Part         `json:"by_symbol"`
	BySide    []Part         `json:"by_side"`
	ByHour    []Slot         `json:"by_hour"`    // of the day, UTC
	ByWeekday []Slot         `json:"by_weekday"` // Monday first
}

// Part is what a symbol, or a side of the position, brought.
type Part struct {
	Name       string         `json:"name"`
	Realised   exchange.Money `json:"realised"`
	Unrealised exchange.Money `json:"unrealised"`
	Fees       exchange.Money `json:"fees"`    // paid, negative
	Rebates    exchange.Money `json:"rebates"` // received, positive
	Funding    exchange.Money `json:"funding"`
	Total      exchange.Money `json:"total"`
	Turnover   exchange.Money `json:"turnover"`
	// Slippage is contained in the price PnL; nil where it is not known.
	Slippage *exchange.Money `json:"slippage"`
}

// Slot is what the samples of an hour or a weekday brought. A sample counts to
// the time before it.
type Slot struct {
	Name    string         `json:"name"`
	Price   exchange.Money `json:"price"` // closed and open, insurance included
	Fees    exchange.Money `json:"fees"`  // negative when paid
	Funding exchange.Money `json:"funding"`
	Total   exchange.Money `json:"total"`
	// Slippage, by the times of fills, is contained in the price; nil where it is not
	// known.
	Slippage *exchange.Money `json:"slippage"`
}

// number makes nil of what is not defined.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
