package ledger

import (
	"fmt"
	"math"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Config describes an account.
type Config struct {
	Instruments *exchange.Instruments // must not change while the account is in use
	Currency    exchange.Currency     // settlement currency of the account
	Balance     exchange.Money
	Leverage    exchange.Ratio // default for every symbol; 0: cross
}

// Account is the books of one account in one settlement currency. It belongs to
// one goroutine.
//
// Times that are passed in must not go back: the terms in force follow them.
type Account struct {
	instruments *exchange.Instruments
	currency    exchange.Currency
	balance     exchange.Money // at the start
	wallet      exchange.Money
	totals      Totals

	positions []position          // by SymbolID
	touched   []exchange.SymbolID // that ever had a position or orders, ascending
	forced    []exchange.SymbolID // answer of MustLiquidate
	nextTerms exchange.Time       // when terms of an instrument change next

	// Sums over touched, right unless dirty: see refresh.
	dirty bool
	sums  sums
}

// sums are totals of the derived state of positions.
type sums struct {
	unrealised      exchange.Money
	crossUnrealised exchange.Money
	crossMaint      exchange.Money
	crossCount      int
	reserved        exchange.Money // margin of isolated positions, cost of spot
	orders          exchange.Money // margin of open orders
}

// Totals are sums over the life of an account.
type Totals struct {
	Realised  exchange.Money // price PnL, before fees and funding
	Fees      exchange.Money // positive when paid
	Funding   exchange.Money // positive when received
	Insurance exchange.Money // what the insurance fund added after liquidations
	Turnover  exchange.Money // value of all fills
}

// maxBalance leaves room for what positions may gain.
const maxBalance exchange.Money = math.MaxInt64 / 8

// New returns an account with a balance and no positions.
func New(c Config) (*Account, error) {
	switch {
	case c.Instruments == nil:
		return nil, &exchange.ValidationError{Field: "instruments", Reason: "must be given"}
	case c.Currency.Code == "":
		return nil, &exchange.ValidationError{Field: "currency", Reason: "must not be empty"}
	case c.Balance < 0 || c.Balance > maxBalance:
		return nil, &exchange.ValidationError{Field: "balance", Value: fmt.Sprint(int64(c.Balance)), Reason: fmt.Sprintf("want 0 to %d", maxBalance)}
	case c.Leverage != 0 && c.Leverage < minLeverage:
		return nil, &exchange.ValidationError{Field: "leverage", Value: c.Leverage.String(), Reason: "want 0 for cross margin or at least 0.01"}
	}
	a := &Account{
		instruments: c.Instruments, currency: c.Currency, balance: c.Balance, wallet: c.Balance,
		positions: make([]position, c.Instruments.Len()),
	}
	for n := range a.positions {
		p := &a.positions[n]
		p.instrument = c.Instruments.Get(exchange.SymbolID(n))
		p.foreign = p.instrument.Settle.Code != c.Currency.Code
		if p.instrument.Kind != exchange.Spot {
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
		a.nextTerms = min(a.nextTerms, p.instrument.NextChange(at))
		p.stale = true
	}
	a.changed(nil)
	for _, s := range a.touched {
		a.positions[s].dirty = true
	}
}

func (a *Account) advance(at exchange.Time) {
	if at >= a.nextTerms {
		a.SetTerms(at)
	}
}

// of returns the position of a symbol that this account may hold.
func (a *Account) of(s exchange.SymbolID) (*position, error) {
	if int(s) >= len(a.positions) {
		return nil, fmt.Errorf("symbol %d: %w", s, exchange.ErrUnknownSymbol)
	}
	p := &a.positions[s]
	if p.foreign {
		return nil, &CurrencyError{Symbol: p.instrument.Symbol, Settle: p.instrument.Settle.Code, Account: a.currency.Code}
	}
	return p, nil
}

// touch enters a position in the list of those that count.
func (a *Account) touch(p *position) {
	if p.touched {
		return
	}
	p.touched = true
	n, _ := slices.BinarySearch(a.touched, p.instrument.ID)
	a.touched = slices.Insert(a.touched, n, p.instrument.ID)
}

// changed notes that the wallet or a position is no longer what margins and
// liquidation thresholds were computed from. All cross positions draw on one
// wallet, so every threshold goes.
func (a *Account) changed(p *position) {
	if p != nil {
		p.dirty = true
	}
	a.dirty = true
	for _, s := range a.touched {
		a.positions[s].disarm()
	}
}

// refresh brings everything that is derived up to date: of the positions that
// have changed or whose mark has moved, and the sums over all.
func (a *Account) refresh() {
	if !a.dirty {
		return
	}
	a.dirty = false
	var t sums
	for _, s := range a.touched {
		p := &a.positions[s]
		if p.dirty {
			p.dirty = false
			p.margin = p.margins()
			p.gross = p.grossOf(&p.buys, &p.sells)
			p.orderMargin = p.orderMarginOf(p.gross)
		}
		if p.stale {
			p.stale = false
			p.value()
		}
		t.add(p)
	}
	a.sums = t
}

func (t *sums) add(p *position) {
	t.orders += p.orderMargin
	if p.qty == 0 {
		return
	}
	t.unrealised += p.unrealised
	if p.isolated() {
		t.reserved += p.margin.total
		return
	}
	t.crossUnrealised += p.unrealised
	t.crossMaint += p.margin.maint
	t.crossCount++
}

// Equity returns the wallet and the unrealised PnL together.
func (a *Account) Equity() exchange.Money {
	a.refresh()
	return a.wallet + a.sums.unrealised
}

// Wallet returns the balance with all that was realised: what the account would
// hold if every position closed at its own cost.
func (a *Account) Wallet() exchange.Money { return a.wallet }

// Totals returns the sums over the life of the account.
func (a *Account) Totals() Totals { return a.totals }

// PositionQty returns the signed position of a symbol.
func (a *Account) PositionQty(s exchange.SymbolID) exchange.Qty { return a.positions[s].qty }

// Position returns the state of a symbol.
func (a *Account) Position(s exchange.SymbolID) exchange.Position {
	a.refresh()
	p := &a.positions[s]
	out := exchange.Position{
		Symbol: s, Qty: p.qty, Cost: p.cost, EntryPrice: p.terms.PriceOfCost(p.qty, p.cost),
		MarkPrice: p.mark, MarkValue: p.markValue, Unrealised: p.unrealised,
		Realised: p.realised, Fees: p.fees, Funding: p.funding, Leverage: p.leverage,
		InitMargin: p.orderMargin, MaintMargin: p.inUse(), Time: p.time,
	}
	if p.qty != 0 && !p.spot() {
		out.LiquidationPrice, out.BankruptPrice = a.liquidationPrices(p)
	}
	return out
}

// Margin returns the state of the account.
func (a *Account) Margin(at exchange.Time) exchange.Margin {
	a.advance(at)
	a.refresh()
	m := exchange.Margin{
		Currency: a.currency.Code, Wallet: a.wallet, Unrealised: a.sums.unrealised, Balance: a.wallet + a.sums.unrealised,
		InitMargin: a.sums.orders, Time: at,
	}
	m.MaintMargin = a.sums.crossMaint + a.sums.reserved + a.sums.unrealised - a.sums.crossUnrealised
	m.Available = m.Balance - m.InitMargin - m.MaintMargin
	return m
}

// available is Margin's, for those who have refreshed. What an isolated
// position gains or loses is part of its own margin and cancels out.
func (a *Account) available() exchange.Money {
	return a.crossEquity() - a.sums.crossMaint - a.sums.orders
}

// crossEquity is what stands behind the cross positions.
func (a *Account) crossEquity() exchange.Money {
	return a.wallet - a.sums.reserved + a.sums.crossUnrealised
}
