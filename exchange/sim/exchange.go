package sim

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// Config describes a simulated exchange and one account on it.
type Config struct {
	Instruments *exchange.Instruments
	Symbols     []exchange.SymbolID
	Currency    exchange.Currency // of the account's first wallet
	Balance     exchange.Money    // in it
	Wallets     []ledger.Deposit  // further wallets; a symbol needs one in the currency that it settles in
	Leverage    exchange.Ratio    // default of every symbol; 0: cross margin
	Insurance   []ledger.Deposit  // what the venue's insurance fund holds at the start

	Latency Latency    // nil: zero
	Queue   QueueModel // nil: ProbPower(3)
	Bars    BarModel
	Depth   DepthModel
	// SlippageTicks is what a market order or a stop pays beyond the price, when
	// the data has no book: on bars, and on trades alone.
	SlippageTicks int
	// TouchProbability is how likely a trade at a resting order's price fills it
	// where trades are all that the data has. 0: only a trade beyond it does.
	TouchProbability exchange.Ratio
	// NoConsumption lets every order find the displayed quantities untouched by
	// the orders before it, and a trade beyond a resting order's price fill it
	// whole, as some engines do.
	NoConsumption bool
	// ExplainWithin is how long after a level fell a trade at its price is still
	// taken for the cause. 0: at the same instant only.
	ExplainWithin time.Duration

	MaxAge MaxAge // oldest data at which orders trade

	Impact    Impact    // of our orders on the market
	SelfTrade SelfTrade // what happens when our orders meet

	// FundingRate is settled at each funding time for which the data has no
	// rate, if UseFundingRate is set.
	FundingRate    exchange.Ratio
	UseFundingRate bool

	Rules  Rules  // limits of the venue
	Faults Faults // of the way there

	Seed uint64 // of random models
}

// Exchange is a simulated exchange with one account. It is an
// [exchange.Exchange] that must also be told of the market, by [Exchange.Market].
//
// An Exchange is owned by one goroutine and keeps no state outside itself.
type Exchange struct {
	cfg     Config
	account *ledger.Account
	symbols []*symbol // in the order of Config.Symbols
	byID    []*symbol // by SymbolID; nil for symbols that are not traded

	now      exchange.Time // what the caller last told
	at       exchange.Time // the instant that is being worked on
	next     exchange.Time // cached answer of Next
	begun    bool          // there was a market event
	closed   bool
	onBars   bool    // a symbol has no better data, or had none
	replayed *symbol // whose bar is being replayed
	sound    bool    // there are no faults to draw and no limits of requests

	commands commandQueue
	reports  reportQueue
	orders   orderPool
	byNumber numberTable[order] // open orders
	names    names
	finished finishedOrders
	filled   filledOrders
	fired    []*order // triggers that wait for their turn in this instant
	clocks   clocks
	daily    int                            // open orders for the day
	groups   map[exchange.ClientID][]*order // open orders by clOrdLinkID
	doomed   bool                           // a mark price calls for liquidation
	trouble  trouble
	texts    joined

	orderIDs, execIDs, clientIDs, forcedIDs minter

	seq      uint64 // orders and changes that take a new place in a queue
	stats    Stats
	scratch  []*order
	released []*order // orders whose wait for a price has ended, while they take their turn
}

var (
	_ exchange.Exchange      = (*Exchange)(nil)
	_ exchange.MarginControl = (*Exchange)(nil)
)

// New returns an exchange without market data. Errors are
// [*exchange.ValidationError] or wrap [exchange.ErrUnknownSymbol].
func New(c Config) (*Exchange, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Queue == nil {
		c.Queue = ProbPower(3)
	}
	if c.Latency == nil {
		c.Latency = ZeroLatency{}
	}
	c.Depth, c.MaxAge = c.Depth.orDefault(), c.MaxAge.orDefault()
	account, err := ledger.New(ledger.Config{
		Instruments: c.Instruments, Currency: c.Currency, Balance: c.Balance, Wallets: c.Wallets, Leverage: c.Leverage,
		Fund: ledger.NewFund(c.Insurance...),
	})
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	account.LimitRisk("XBt", c.Rules.AccountRisk)
	x := &Exchange{
		cfg: c, account: account, next: exchange.Never, clocks: newClocks(), commands: commandQueue{due: exchange.Never},
		groups: make(map[exchange.ClientID][]*order),
		names:  newNames(), byID: make([]*symbol, c.Instruments.Len()),
		trouble: newTrouble(c.Seed),
		now:     math.MinInt64, at: math.MinInt64,
		reports: reportQueue{made: math.MinInt64, last: math.MinInt64},
	}
	x.reports.names = &x.names
	x.sound = c.Faults.Overload == 0 && c.Faults.Lost == 0 && c.Rules.PerMinute == 0 && c.Rules.PerSecond == 0
	x.orderIDs.prefix, x.execIDs.prefix = orderPrefix, "exec-"
	x.clientIDs.prefix, x.forcedIDs.prefix = clientPrefix, forcedPrefix
	for _, id := range c.Symbols {
		if x.byID[id] == nil {
			s := newSymbol(c.Instruments.Get(id), &x.cfg)
			_, s.swapped = account.Coin(id)
			x.byID[id] = s
			x.symbols = append(x.symbols, s)
		}
	}
	return x, nil
}

func (c *Config) check() error {
	switch {
	case c.Instruments == nil:
		return bad("instruments", "", "must be set")
	case len(c.Symbols) == 0:
		return bad("symbols", "", "want at least one")
	case c.Balance < 0:
		return bad("balance", c.Balance, "must not be negative")
	case c.Leverage < 0:
		return bad("leverage", c.Leverage, "must not be negative")
	case c.SlippageTicks < 0:
		return bad("slippageTicks", c.SlippageTicks, "must not be negative")
	case c.TouchProbability < 0 || c.TouchProbability > exchange.RatioUnit:
		return bad("touchProbability", c.TouchProbability, "want 0 to 1")
	case c.SelfTrade > SelfTradeCancelBoth:
		return bad("selfTrade", c.SelfTrade, "unknown rule")
	case c.Impact.check() != nil:
		return c.Impact.check()
	case c.ExplainWithin < 0:
		return bad("explainWithin", c.ExplainWithin, "must not be negative")
	case c.Bars.Path > Pessimistic:
		return bad("bars.path", c.Bars.Path, "unknown path")
	case c.Bars.VolumeShare < 0 || c.Bars.VolumeShare > exchange.RatioUnit:
		return bad("bars.volumeShare", c.Bars.VolumeShare, "want 0 to 1")
	case c.Depth.Size < 0 || c.Depth.Ticks < 0 || c.Depth.Levels < 0:
		return bad("depth", fmt.Sprint(c.Depth), "must not be negative")
	}
	for _, id := range c.Symbols {
		if int(id) >= c.Instruments.Len() {
			return fmt.Errorf("symbol #%d: %w", id, exchange.ErrUnknownSymbol)
		}
		if i := c.Instruments.Get(id); !c.holds(i.Settle.Code) {
			return &exchange.ValidationError{Field: "symbols", Value: i.Symbol, Symbol: i.Name(),
				Reason: fmt.Sprintf("settles in %s and the account is in %s", i.Settle.Code, c.Currency.Code)}
		}
	}
	return c.checkRules()
}

// holds reports whether the account has a wallet in a currency.
func (c *Config) holds(code string) bool {
	return code == c.Currency.Code || slices.ContainsFunc(c.Wallets, func(d ledger.Deposit) bool { return d.Currency.Code == code })
}

func bad(field string, value any, reason string) error {
	return &exchange.ValidationError{Field: field, Value: fmt.Sprint(value), Reason: reason}
}

// Next returns the earliest instant at which an order arrives, a bar that touches
// something of ours ends, funding is due, the dead man's switch fires or a report
// arrives. It only reads a field.
func (x *Exchange) Next() exchange.Time { return x.next }

// Advance brings the exchange to now: instant by instant, orders arrive,
// triggers fire, funding is settled and positions are liquidated. Then it
// appends the reports that have arrived.
func (x *Exchange) Advance(_ context.Context, now exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	if x.closed {
		return reports, exchange.ErrClosed
	}
	x.now = max(x.now, now)
	x.reports.begin(reports, now)
	t, heard := x.due(), len(x.reports.out)
	for ; t <= now; t = x.due() {
		x.at = max(x.at, t)
		x.instant(x.at)
		if x.replayed != nil && len(x.reports.out) > heard {
			t = x.due() // answers arrive before the path of the bar goes on
			break
		}
	}
	reports = x.reports.end()
	x.next = min(t, x.reports.arrival())
	return reports, nil
}

// instant does what is due at t on the side of the exchange, in the order that
// the package documentation gives.
func (x *Exchange) instant(t exchange.Time) {
	if x.onBars && !x.pending(t) {
		x.replayBars(t)
	}
	for x.begun && x.commands.due <= t {
		x.execute(x.commands.pop())
	}
	if x.clocks.first <= t {
		x.strike(t)
	}
	if len(x.fired) > 0 {
		x.fireTriggers()
	}
	if x.clocks.dated <= t {
		x.keepDates(t)
	}
	if x.doomed {
		x.liquidateDoomed(t)
	}
}

// pending reports whether orders arrive or have been triggered at t: the path of a bar
// waits for them.
func (x *Exchange) pending(t exchange.Time) bool {
	return x.begun && x.commands.due <= t || len(x.fired) > 0 || x.doomed
}

// replayBars goes on with the bars that have ended by t, one symbol after the other: what
// happens in one of them says nothing of the price of another.
func (x *Exchange) replayBars(t exchange.Time) {
	if s := x.replayed; s != nil {
		x.replay(s)
		return
	}
	for _, s := range x.symbols {
		if s.wake <= t {
			if x.replay(s); x.replayed != nil {
				return
			}
		}
	}
}

// strike does what the clocks call for before the triggers have their turn.
func (x *Exchange) strike(t exchange.Time) {
	if x.clocks.lost <= t {
		x.answerLost(t)
	}
	if x.clocks.deadman <= t {
		x.clocks.set(&x.clocks.deadman, exchange.Never)
		x.cancelSelected(exchange.CancelFilter{AllSymbol: true}, "Canceled: CancelAllAfter timeout")
	}
	if x.clocks.midnight <= t {
		x.endDay()
	}
}

// keepDates settles funding and ends contracts that are due.
func (x *Exchange) keepDates(t exchange.Time) {
	for _, s := range x.symbols {
		if s.fundAt <= t {
			x.fund(s, t)
		}
	}
	for _, s := range x.symbols {
		if s.expireAt <= t {
			x.expire(s, t)
		}
	}
	x.nextDate()
}

// nextDate finds out when funding or the end of a contract is next due.
func (x *Exchange) nextDate() {
	t := exchange.Never
	for _, s := range x.symbols {
		t = min(t, s.fundAt, s.expireAt)
	}
	x.clocks.set(&x.clocks.dated, t)
}

// due returns when the exchange next has something to do, reports aside.
func (x *Exchange) due() exchange.Time {
	t := x.clocks.first
	if x.begun {
		t = min(t, x.commands.due)
	}
	if x.onBars || len(x.fired) > 0 || x.doomed {
		t = min(t, x.sooner())
	}
	return t
}

// sooner returns what is due at once, or when the next bar is replayed.
func (x *Exchange) sooner() exchange.Time {
	if len(x.fired) > 0 || x.doomed {
		return x.at
	}
	t := exchange.Never
	for _, s := range x.symbols {
		t = min(t, s.wake)
	}
	return t
}

func (x *Exchange) reschedule() { x.next = min(x.due(), x.reports.arrival()) }

// Close ends the exchange: every later call returns [exchange.ErrClosed].
func (x *Exchange) Close() error {
	x.closed = true
	x.next = exchange.Never
	return nil
}
