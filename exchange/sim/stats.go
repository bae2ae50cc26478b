package sim

import (
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// Warning is something that the simulator assumed because the data does not
// say.
type Warning uint8

// Warnings.
const (
	WarnNoIndex   Warning = iota // an index trigger without index prices follows the mark price
	WarnNoMark                   // a mark trigger without mark prices follows the last price
	WarnNoFunding                // a position met a funding time without a rate
	WarnNoVolume                 // an order took before its impact could be measured
	warnings
)

var warningTexts = [warnings]string{
	"an index trigger follows the mark price: there are no index prices",
	"a mark trigger follows the last price: there are no mark prices",
	"no funding was settled: there is no rate for the funding time",
	"an order had no impact: fewer than ten minutes of trades had been seen",
}

// String explains the warning.
func (w Warning) String() string {
	if int(w) < len(warningTexts) {
		return warningTexts[w]
	}
	return fmt.Sprintf("warning %d", uint8(w))
}

// Stats counts what happened, and what was assumed on the way.
type Stats struct {
	Orders       int // arrived
	Rejected     int
	Canceled     int
	Refused      int // amendments, cancels and other commands
	Lost         int // requests that never arrived
	Bounced      int // requests that were rejected on their way
	Overloads    int // requests that were turned away unread
	Fundings     int
	Liquidations int // positions taken over
	Reductions   int // parts of positions closed in the market to avoid that
	Settlements  int // of positions in dated contracts
	// Fills by their cause.
	Fills [exchange.SelfTraded + 1]int
	// AmbiguousFills is how many fills inside bars depend on an order of events that
	// the bars do not show; AmbiguousBars is how many bars had one.
	AmbiguousBars  int
	AmbiguousFills int
	// Held is how many orders waited until the price of the market was known: they
	// arrived inside a bar or a hole of the data, or the data was older than [MaxAge],
	// of which Outdated counts the last kind. Waiting is how many wait now.
	Held, Outdated, Waiting int
	// ClampedOpens is how many bars opened outside their range.
	ClampedOpens int
	// Travelling is how many orders were sent and have not arrived.
	Travelling int
	// Crossed is how many messages left a market crossed, and CrossedFor for how long
	// it was altogether.
	Crossed    int
	CrossedFor time.Duration
	// OldSettlements is how many positions were settled at a price that was more than half
	// an hour old, and OldestSettlement how old the oldest was.
	OldSettlements   int
	OldestSettlement time.Duration
	// Warnings by kind: how often each was due. A warning about a trigger counts
	// each time the trigger was looked at.
	Warnings [warnings]int
}

func (s *Stats) warn(w Warning) { s.Warnings[w]++ }

func (s *Stats) ambiguous(m *symbol) {
	s.AmbiguousFills++
	if !m.bar.ambiguous {
		m.bar.ambiguous = true
		s.AmbiguousBars++
	}
}

// TotalFills returns the number of fills, of whatever cause.
func (s *Stats) TotalFills() (n int) {
	for _, of := range s.Fills {
		n += of
	}
	return n
}

// oldSettlement is the age above which a price of settlement is warned of: the venue
// settles at an average of the last half hour, which such a price is no part of.
const oldSettlement = 30 * time.Minute

func (s *Stats) settledAt(age time.Duration) {
	if age > oldSettlement {
		s.OldSettlements++
		s.OldestSettlement = max(s.OldestSettlement, age)
	}
}

// Stats returns what was counted so far.
func (x *Exchange) Stats() Stats {
	stats := x.stats
	for _, s := range x.symbols {
		stats.Waiting += s.held
		stats.CrossedFor += s.crossedFor(x.now)
	}
	for range x.travelling() {
		stats.Travelling++
	}
	return stats
}

// Model names a choice that results depend on, for a run's manifest.
type Model struct {
	Name   string
	Choice string
	// Bias says in which direction the model errs.
	Bias string
}

// Models describes the models in use.
func (x *Exchange) Models() []Model {
	c := &x.cfg
	return []Model{
		{"latency", describe(c.Latency), "none known"},
		{"queue", c.Queue.String(), "cancels ahead of us are estimated from the change of the level"},
		{"consumption", onOff(!c.NoConsumption), "off: one displayed quantity can fill many orders"},
		{"trades.touch", c.TouchProbability.String(), "chance of a fill by a trade at our price, without a book; 0 is pessimistic"},
		{"bars.path", c.Bars.Path.String(),
			"decides for orders from before the bar; those that become active inside it are decided against us"},
		{"bars.limit", c.Bars.limitRule(), "touch is optimistic, through is pessimistic"},
		{"bars.volume-share", c.Bars.VolumeShare.String(), "0: no limit"},
		{"slippage.ticks", fmt.Sprint(c.SlippageTicks), "without a book only"},
		{"depth", fmt.Sprintf("%s x best each %d ticks, at most %d levels", c.Depth.Size, c.Depth.Ticks, c.Depth.Levels),
			"what is behind the best quote is assumed; 0 levels: no limit"},
		{"max-age", c.MaxAge.String(),
			"an order that would trade at older data waits for the next; off: it trades at the last"},
		{"funding", c.fundingRule(), "none known"},
		{"impact", c.Impact.String(), c.Impact.bias()},
		{"self-trade", c.SelfTrade.String(), "pass: orders of ours that meet do not see each other"},
		{"rules", c.Rules.String(), "limits of the venue beyond the instrument's"},
		{"faults", c.Faults.String(), "none: every request arrives and is read"},
	}
}

func (b BarModel) limitRule() string {
	if b.Touch {
		return "touch"
	}
	return "through"
}

func (c *Config) fundingRule() string {
	if c.UseFundingRate {
		return "data, else " + c.FundingRate.String()
	}
	return "data"
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// Account is the account as the exchange sees it, valued at the newest prices.
type Account struct{ x *Exchange }

// Account returns the account for reading.
func (x *Exchange) Account() Account { return Account{x} }

// Equity returns the first wallet and the unrealised profit in it together.
func (a Account) Equity() exchange.Money {
	a.x.revalue(a.x.now)
	return a.x.account.Equity()
}

// Margin returns the state of the first wallet.
func (a Account) Margin() exchange.Margin {
	a.x.revalue(a.x.now)
	return a.x.account.Margin(a.x.now)
}

// MarginIn returns the state of the wallet of a currency; ok is false when there is none.
func (a Account) MarginIn(code string) (exchange.Margin, bool) {
	a.x.revalue(a.x.now)
	return a.x.account.MarginIn(code, a.x.now)
}

// Margins returns the states of all wallets, the first one first.
func (a Account) Margins() []exchange.Margin {
	a.x.revalue(a.x.now)
	list := a.x.account.Currencies()
	out := make([]exchange.Margin, len(list))
	for n, c := range list {
		out[n], _ = a.x.account.MarginIn(c.Code, a.x.now)
	}
	return out
}

// Portfolio returns what all wallets come to in a currency, at the mark prices of the
// symbols.
func (a Account) Portfolio(in exchange.Currency) exchange.Portfolio {
	list := make([]*exchange.Instrument, len(a.x.symbols))
	for n, s := range a.x.symbols {
		list[n] = s.inst
	}
	return exchange.PortfolioOf(in, a.Margins(), list, func(s exchange.SymbolID) exchange.Price { return a.Position(s).MarkPrice })
}

// Requirements returns what the margin of a position is made of.
func (a Account) Requirements(s exchange.SymbolID) exchange.Requirements {
	a.x.revalue(a.x.now)
	return a.x.account.Requirements(s)
}

// Insurance returns the state of the venue's insurance fund in every currency that it
// has had to do with.
func (a Account) Insurance() []ledger.FundState { return a.x.account.Insurance().States() }

// Position returns the position of a symbol, with the price that would value it
// also while there is none.
func (a Account) Position(s exchange.SymbolID) exchange.Position {
	a.x.revalue(a.x.now)
	p := a.x.account.Position(s)
	if sym := a.symbol(s); sym != nil && p.Qty == 0 {
		a.x.catchUp(sym, a.x.now)
		p.MarkPrice = sym.markPrice()
	}
	return p
}

func (a Account) symbol(s exchange.SymbolID) *symbol {
	if int(s) >= len(a.x.byID) {
		return nil
	}
	return a.x.byID[s]
}

// Totals returns the sums over the life of the first wallet.
func (a Account) Totals() ledger.Totals { return a.x.account.Totals() }

// TotalsIn returns the sums over the life of the wallet of a currency; ok is false when
// there is none.
func (a Account) TotalsIn(code string) (ledger.Totals, bool) { return a.x.account.TotalsIn(code) }

// Open returns the number of open orders of a symbol.
func (a Account) Open(s exchange.SymbolID) int {
	if sym := a.symbol(s); sym != nil {
		return sym.busy
	}
	return 0
}
