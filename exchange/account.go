package exchange

// Fill is one execution: the money that moved because an order traded, or
// because the venue liquidated or settled a position.
type Fill struct {
	ExecID    string
	OrderID   OrderID
	ClientID  ClientID
	Symbol    SymbolID
	Side      Side
	Qty       Qty
	Price     Price
	Type      ExecType // ExecTrade, ExecLiquidation, ExecSettlement
	Liquidity Liquidity
	Value     Money // unsigned settlement value
	Fee       Money // positive when paid
	FeeRate   Ratio
	Realised  Money // price PnL of the part that closed a position, before fees
	Position  Qty   // signed position after the fill
	Leaves    Qty   // of the order, after the fill
	Cause     Cause
	Ambiguous bool // a bar allowed another order of events with another result
	Time      Time // at the exchange
}

// Cause says why a simulated fill happened; live venues leave it NoCause.
type Cause uint8

// Causes of fills.
const (
	NoCause     Cause = iota
	TookBook          // walked displayed levels
	TookTouch         // took at the touch of a one-level or trade-only market
	TradedAt          // a trade at our price reached through the queue
	TradedPast        // a trade beyond our price
	BookCrossed       // the opposite best reached our price
	BarOpened         // at the open of a bar
	BarPassed         // within a bar's path
	ForcedClose       // liquidation, settlement
	SelfTraded        // with another order of the account
)

var causeNames = []string{"", "book", "touch", "trade-at", "trade-past", "book-crossed", "bar-open", "bar-path", "forced", "self"}

// String returns a short word, used in fill tables.
func (c Cause) String() string { return name(causeNames, c) }

// MarshalText implements encoding.TextMarshaler.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Cause) UnmarshalText(b []byte) error { return parse("cause", causeNames, b, c) }

// Position is the state of one symbol of an account.
//
// Cost is signed in the convention of [Terms.Cost], so that
// Unrealised = MarkValue - Cost for every kind of contract.
type Position struct {
	Symbol           SymbolID
	Qty              Qty // signed
	Cost             Money
	EntryPrice       Price
	MarkPrice        Price
	MarkValue        Money
	Unrealised       Money
	Realised         Money // price PnL so far, before fees and funding
	Fees             Money // positive when paid
	Funding          Money // positive when received
	Leverage         Ratio // 0: cross margin
	InitMargin       Money // of open orders
	MaintMargin      Money // of the position
	LiquidationPrice Price // 0: none
	BankruptPrice    Price // 0: none
	RiskLimit        Money // that was raised; 0: that of the terms
	Time             Time
}

// Requirements is what the margin of a position is made of, in the settlement currency.
type Requirements struct {
	InitRate  Ratio // initial margin that a position needs, at its risk limit and leverage
	MaintRate Ratio // maintenance margin, without funding
	FeeRate   Ratio // the highest of the fee rates, which the margin includes

	RiskLimit     Money // 0: none
	RiskValue     Money // of position and orders, which must not exceed it
	GrossOpenCost Money // of the open orders that could enlarge the position

	Init   Money // of an isolated position: its initial margin,
	Comm   Money // the fee to close it at its bankruptcy price,
	Added  Money // what was added by hand and by funding received,
	Lost   Money // and what funding paid has taken
	Margin Money // what the position holds: Init + Comm + Added - Lost, or for cross margin Maint
	Maint  Money // below which it is liquidated
}

// Margin is the state of an account in one settlement currency.
type Margin struct {
	Account     string // whose it is, where there are several; see package accounts
	Currency    string // Currency.Code
	Wallet      Money  // deposits + realised - fees + funding
	Unrealised  Money
	Balance     Money // Wallet + Unrealised: the equity
	InitMargin  Money // held for open orders
	MaintMargin Money // held for positions
	Available   Money
	Time        Time
}

// FundingPayment is one settlement of funding on a position.
type FundingPayment struct {
	Symbol SymbolID
	Rate   Ratio
	Qty    Qty   // signed position at that moment
	Price  Price // mark price used
	Amount Money // positive when received
	Time   Time
}

// ReportKind tells which fields of a Report are set.
type ReportKind uint8

// Kinds of reports.
const (
	ReportOrder    ReportKind = iota + 1 // Order, ExecType
	ReportFill                           // Fill, and Order after it
	ReportPosition                       // Position
	ReportMargin                         // Margin
	ReportFunding                        // Funding
	ReportReject                         // Reject: a command that failed without changing an order
)

// Report is something that an Exchange tells its owner. Parts that its kind does not
// name are zero. It is a value in a reused slice: a handler that keeps one must copy it.
type Report struct {
	Kind     ReportKind
	ExecType ExecType
	Symbol   SymbolID
	Time     Time // at the exchange
	Arrival  Time // at the strategy
	// ExecID is the venue's id of what happened, of reports of orders, fills and funding.
	// The simulator leaves it empty.
	ExecID   string
	Order    Order
	Fill     Fill
	Position Position
	Margin   Margin
	Funding  FundingPayment
	Reject   Reject
}

// Reject is a command that the venue refused, or that was lost on the way.
type Reject struct {
	Command  string // "amend", "cancel", "leverage", "transferMargin", "riskLimit" ...
	OrderID  OrderID
	ClientID ClientID
	Reason   string // the venue's text
	Time     Time
}
