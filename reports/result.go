package reports

import "github.com/dunamis-engine/dunamis/exchange"

// ResultSchema names the kind and version of result.json. The number changes
// when a reader of the old files could misread the new ones.
const ResultSchema = "dunamis.result/1"

// Result is what came of a run. Equal inputs give equal results, byte for byte:
// nothing in it depends on the machine or on the time of day.
//
// Amounts are integers in the smallest unit of the settlement currency. A metric
// that is not defined is nil.
type Result struct {
	Schema      string     `json:"schema"`
	Digest      string     `json:"digest"` // "sha256:" and 64 hexadecimal digits
	Run         Run        `json:"run"`
	Account     Balance    `json:"account"`
	Counts      Counts     `json:"counts"`
	Metrics     Metrics    `json:"metrics"`
	Benchmark   *Benchmark `json:"benchmark"`   // nil: no price was known
	Positions   []Position `json:"positions"`   // open at the end
	Instruments []Contract `json:"instruments"` // of the run's symbols
	Models      []Model    `json:"models"`
	Data        []DataPart `json:"data"`
	Warnings    []string   `json:"warnings"`
}

// Run says what was run. From and To are the range asked for; those left zero
// are filled in with Start and End, which are set by the recorder.
type Run struct {
	Strategy string            `json:"strategy"`
	Params   map[string]string `json:"params"`
	Venue    string            `json:"venue"`
	Symbols  []string          `json:"symbols"` // the first is the primary one
	Data     string            `json:"data"`    // what was replayed, such as "bar-1m"
	From     exchange.Time     `json:"from"`
	To       exchange.Time     `json:"to"` // not included
	Start    exchange.Time     `json:"start"`
	End      exchange.Time     `json:"end"`
	// SampleSeconds is the distance of the samples of the account; one more is taken at
	// each 00:00 UTC. 0: not known.
	SampleSeconds float64 `json:"sample_seconds"`
}

// primary is the symbol whose price a run is compared with.
func (r *Run) primary() string {
	if len(r.Symbols) == 0 {
		return ""
	}
	return r.Symbols[0]
}

// Balance is the account from start to end. These hold exactly:
//
//	EndBalance = StartBalance + RealisedPnL - Fees + Funding + Insurance
//	EndEquity  = EndBalance + UnrealisedPnL
type Balance struct {
	Currency      string         `json:"currency"`       // the smallest unit, such as "XBt"
	CurrencyMajor string         `json:"currency_major"` // such as "XBT"
	CurrencyScale int            `json:"currency_scale"` // decimal places between them
	StartBalance  exchange.Money `json:"start_balance"`
	EndBalance    exchange.Money `json:"end_balance"`
	EndEquity     exchange.Money `json:"end_equity"`
	RealisedPnL   exchange.Money `json:"realised_pnl"` // price PnL before fees
	UnrealisedPnL exchange.Money `json:"unrealised_pnl"`
	Fees          exchange.Money `json:"fees"`      // positive when paid
	Funding       exchange.Money `json:"funding"`   // positive when received
	Insurance     exchange.Money `json:"insurance"` // losses that the venue bore
	Turnover      exchange.Money `json:"turnover"`  // settlement value traded
}

// Counts are numbers of things that happened.
type Counts struct {
	Events     int64 `json:"events"` // of the market
	Samples    int64 `json:"samples"`
	Orders     int64 `json:"orders"`
	Fills      int64 `json:"fills"`
	MakerFills int64 `json:"maker_fills"` // that added liquidity
	Trades     int64 `json:"trades"`      // closed round trips
	TradesWon  int64 `json:"trades_won"`
	TradesLost int64 `json:"trades_lost"`
	// Fills that closed a position or a part of one, and how many of them won and lost
	// by their price PnL less their own fee.
	ClosingFills     int64 `json:"closing_fills"`
	ClosingFillsWon  int64 `json:"closing_fills_won"`
	ClosingFillsLost int64 `json:"closing_fills_lost"`
	FundingPayments  int64 `json:"funding_payments"`
	Rejected         int64 `json:"rejected"`     // orders and commands that the exchange refused
	Refused          int64 `json:"refused"`      // commands refused before they were sent
	Liquidations     int64 `json:"liquidations"` // fills by liquidation
	Settlements      int64 `json:"settlements"`  // fills by settlement
	AmbiguousFills   int64 `json:"ambiguous_fills"`
	AmbiguousBars    int64 `json:"ambiguous_bars"`
	LateTrades       int64 `json:"late_trades"` // too late for the bar they belong to
	Unanswered       int64 `json:"unanswered"`  // orders neither accepted nor refused by the end
	// Other is what the exchange counted besides.
	Other map[string]int64 `json:"other"`
}

// Metrics are statistics; docs/results.md gives the formula of each. A nil is
// not defined for this run.
type Metrics struct {
	Days             int64          `json:"days"` // whole days, which the figures of days are over
	TotalReturn      *float64       `json:"total_return"`
	TotalReturnQuote *float64       `json:"total_return_quote"` // in the currency of the benchmark
	CAGR             *float64       `json:"cagr"`
	Sharpe           *float64       `json:"sharpe"`
	Sortino          *float64       `json:"sortino"`
	Volatility       *float64       `json:"volatility"`
	MaxDrawdown      *float64       `json:"max_drawdown"` // over the samples
	DrawdownStart    *exchange.Time `json:"max_drawdown_start"`
	DrawdownEnd      *exchange.Time `json:"max_drawdown_end"`
	MaxDrawdownDaily *float64       `json:"max_drawdown_daily"` // over the ends of days
	WinRate          *float64       `json:"win_rate"`           // of round trips
	FillWinRate      *float64       `json:"fill_win_rate"`      // of closing fills
	ProfitFactor     *float64       `json:"profit_factor"`
	Exposure         *float64       `json:"exposure"`
	Turnover         *float64       `json:"turnover"`
	BenchmarkReturn  *float64       `json:"benchmark_return"`
	// Reasons say why a metric is not defined, by its name here.
	Reasons map[string]string `json:"reasons"`
}

// Benchmark is the price of the primary symbol over the run: its first and its last
// mark price. Neither depends on how often the account is sampled.
type Benchmark struct {
	Symbol     string         `json:"symbol"`
	Currency   string         `json:"currency"` // that the price is in
	Start      exchange.Time  `json:"start"`    // when the first price was known
	StartPrice exchange.Price `json:"start_price"`
	EndPrice   exchange.Price `json:"end_price"`
}

// Position is a position that is open at the end.
type Position struct {
	Symbol           string          `json:"symbol"`
	Qty              exchange.Qty    `json:"qty"`  // signed
	Cost             exchange.Money  `json:"cost"` // signed: unrealised = value at the mark - cost
	EntryPrice       exchange.Price  `json:"entry_price"`
	MarkPrice        exchange.Price  `json:"mark_price"`
	Unrealised       exchange.Money  `json:"unrealised_pnl"`
	LiquidationPrice *exchange.Price `json:"liquidation_price"` // nil: none
}

// Contract is what an instrument is, as far as its money is concerned.
type Contract struct {
	Venue      string          `json:"venue"`
	Symbol     string          `json:"symbol"`
	Kind       exchange.Kind   `json:"kind"`
	Underlying string          `json:"underlying"`
	Quote      string          `json:"quote"`
	Multiplier int64           `json:"multiplier"`
	Divisor    int64           `json:"divisor"`
	Terms      []ContractTerms `json:"terms"` // in force during the run, ascending
}

// ContractTerms are terms from a date on.
type ContractTerms struct {
	From        exchange.Time  `json:"from"` // empty: always
	TickSize    exchange.Price `json:"tick_size"`
	LotSize     exchange.Qty   `json:"lot_size"`
	MakerFee    exchange.Ratio `json:"maker_fee"`
	TakerFee    exchange.Ratio `json:"taker_fee"`
	InitMargin  exchange.Ratio `json:"init_margin"`
	MaintMargin exchange.Ratio `json:"maint_margin"`
}

// Model is a choice that the simulated exchange made, such as its queue model.
type Model struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// DataPart is a piece of the data that the run rests on.
type DataPart struct {
	Path   string `json:"path"` // within the catalog
	Rows   int64  `json:"rows"`
	Digest string `json:"digest"` // of the input that the part was made from
}

// contractOf describes an instrument with the terms in force from start to end.
func contractOf(i *exchange.Instrument, start, end exchange.Time) Contract {
	c := Contract{Venue: i.Venue, Symbol: i.Symbol, Kind: i.Kind, Underlying: i.Underlying, Quote: i.Quote,
		Multiplier: i.Multiplier, Divisor: i.Divisor, Terms: []ContractTerms{}}
	for at := start; ; {
		t := i.At(at)
		c.Terms = append(c.Terms, ContractTerms{From: t.From, TickSize: t.TickSize, LotSize: t.LotSize, MakerFee: t.MakerFee,
			TakerFee: t.TakerFee, InitMargin: t.InitMargin, MaintMargin: t.MaintMargin})
		if at = i.NextChange(at); at > end || at == exchange.Never {
			return c
		}
	}
}

func positionOf(symbol string, p *exchange.Position) Position {
	out := Position{Symbol: symbol, Qty: p.Qty, Cost: p.Cost, EntryPrice: p.EntryPrice, MarkPrice: p.MarkPrice,
		Unrealised: p.Unrealised}
	if p.LiquidationPrice != 0 {
		out.LiquidationPrice = &p.LiquidationPrice
	}
	return out
}
