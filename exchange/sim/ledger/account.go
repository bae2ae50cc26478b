package ledger

import (
	"fmt"
	"math"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Config describes an account.
type Config struct {
	Instruments *exchange.Instruments // must not change while the account is in use
	Currency    exchange.Currency     // of the first wallet
	Balance     exchange.Money        // in it
	Wallets     []Deposit             // further wallets, each in another currency
	Leverage    exchange.Ratio        // default for every symbol; 0: cross
	Fund        *Fund                 // of the venue, which other accounts may share; nil: one of its own
}

// Deposit is what a wallet holds at the start.
type Deposit struct {
	Currency exchange.Currency
	Balance  exchange.Money
}

// Account is the books of one account: a wallet for each currency, and a position
// for each symbol that settles in one of them. It belongs to one goroutine.
//
// Times that are passed in must not go back: the terms in force follow them.
type Account struct {
	instruments *exchange.Instruments
	fund        *Fund
	wallets     []wallet // of fixed length once there are positions, which point into it

	positions []position          // by SymbolID
	forced    []exchange.SymbolID // answer of MustLiquidate
	nextTerms exchange.Time       // when terms of an instrument change next
}

// maxBalance leaves room for what positions may gain.
const maxBalance exchange.Money = math.MaxInt64 / 8

// New returns an account with its deposits and no positions.
func New(c Config) (*Account, error) {
	if c.Instruments == nil {
		return nil, &exchange.ValidationError{Field: "instruments", Reason: "must be given"}
	}
	if c.Leverage != 0 && c.Leverage < minLeverage {
		return nil, &exchange.ValidationError{Field: "leverage", Value: c.Leverage.String(), Reason: "want 0 for cross margin or at least 0.01"}
	}
	a := &Account{instruments: c.Instruments, fund: c.Fund, positions: make([]position, c.Instruments.Len())}
	if a.fund == nil {
		a.fund = new(Fund)
	}
	for _, d := range append([]Deposit{{c.Currency, c.Balance}}, c.Wallets...) {
		if err := a.open(d); err != nil {
			return nil, err
		}
	}
	for n := range a.positions {
		p := &a.positions[n]
		p.instrument = c.Instruments.Get(exchange.SymbolID(n))
		p.wallet = a.walletOf(p.instrument.Settle.Code)
		if p.instrument.Kind == exchange.Spot {
			a.pair(p)
		} else {
			p.leverage = c.Leverage
		}
		p.free()
	}
	a.SetTerms(0)
	return a, nil
}

// SetTerms reads the terms in force of every instrument again. It is called by
// itself once a time that is passed to another method reaches the next change.
func (a *Account) SetTerms(at exchange.Time) {
	a.nextTerms = exchange.Never
	for n := range a.positions {
		p := &a.positions[n]
		p.terms = p.instrument.At(at)
		p.rate = p.orderRate()
		a.nextTerms = min(a.nextTerms, p.instrument.NextChange(at))
		p.stale = true
	}
	for n := range a.wallets {
		w := &a.wallets[n]
		a.changed(w)
		for _, s := range w.touched {
			a.positions[s].dirty = true
		}
	}
}

func (a *Account) advance(at exchange.Time) {
	if at >= a.nextTerms {
		a.SetTerms(at)
	}
}

// of returns the position of a symbol that this account may hold.
func (a *Account) of(s exchange.SymbolID) (*position, error) {
	if p := a.find(s); p != nil {
		return p, nil
	}
	return nil, a.without(s)
}

// find returns the position of a symbol, nil if this account may hold none.
func (a *Account) find(s exchange.SymbolID) *position {
	if int(s) < len(a.positions) && a.positions[s].wallet != nil {
		return &a.positions[s]
	}
	return nil
}

// without says why there is no position of a symbol.
func (a *Account) without(s exchange.SymbolID) error {
	if int(s) >= len(a.positions) {
		return fmt.Errorf("symbol %d: %w", s, exchange.ErrUnknownSymbol)
	}
	i := a.positions[s].instrument
	return &CurrencyError{Symbol: i.Symbol, Settle: i.Settle.Code, Account: a.wallets[0].currency.Code}
}

// PositionQty returns the signed position of a symbol.
func (a *Account) PositionQty(s exchange.SymbolID) exchange.Qty { return a.positions[s].held.Qty }

// Position returns the state of a symbol.
func (a *Account) Position(s exchange.SymbolID) exchange.Position {
	p := &a.positions[s]
	a.refresh(p.wallet)
	out := exchange.Position{
		Symbol: s, Qty: p.held.Qty, Cost: p.held.Cost, EntryPrice: p.terms.PriceOfCost(p.held.Qty, p.held.Cost),
		MarkPrice: p.mark, MarkValue: p.markValue, Unrealised: p.unrealised,
		Realised: p.realised, Fees: p.fees, Funding: p.funding, Leverage: p.leverage,
		InitMargin: p.orderMargin, MaintMargin: p.inUse(), Time: p.time,
	}
	if p.steps > 0 {
		out.RiskLimit = p.riskLimit()
	}
	if p.held.Qty != 0 && !p.spot() {
		out.LiquidationPrice, out.BankruptPrice = a.liquidationPrices(p)
	}
	return out
}
