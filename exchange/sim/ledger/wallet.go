package ledger

import (
	"fmt"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// wallet is the money of an account in one currency. What settles in a currency
// gains, loses and is liquidated in its wallet alone.
type wallet struct {
	currency exchange.Currency
	deposit  exchange.Money // at the start
	amount   exchange.Money
	totals   Totals

	riskLimit exchange.Money // of all positions and orders together; 0: none

	touched []exchange.SymbolID // that settle in it and ever had a position or orders, ascending
	coins   []exchange.SymbolID // spot pairs whose coin it holds

	// Sums over touched, right unless dirty: see refresh.
	dirty  bool
	opened *position // whose orders are not in sums.orders as they are; nil: none
	round  uint64    // of refreshes: what was derived in an earlier one may be out of date
	sums   sums
}

// sums are totals of the derived state of positions.
type sums struct {
	unrealised      exchange.Money
	crossUnrealised exchange.Money
	crossMaint      exchange.Money
	crossCount      int
	reserved        exchange.Money // margin of isolated positions, cost of coins that have no wallet
	orders          exchange.Money // margin of open orders
}

// Totals are sums over the life of a wallet.
type Totals struct {
	Realised  exchange.Money // price PnL, before fees and funding
	Fees      exchange.Money // positive when paid
	Funding   exchange.Money // positive when received
	Insurance exchange.Money // what the insurance fund added after liquidations
	Exchanged exchange.Money // received less given for coins, at spot
	Turnover  exchange.Money // value of all fills
}

// open adds a wallet.
func (a *Account) open(d Deposit) error {
	switch {
	case d.Currency.Code == "":
		return &exchange.ValidationError{Field: "currency", Reason: "must not be empty"}
	case a.walletOf(d.Currency.Code) != nil:
		return &exchange.ValidationError{Field: "wallets", Value: d.Currency.Code, Reason: "appears twice"}
	case d.Balance < 0 || d.Balance > maxBalance:
		return &exchange.ValidationError{Field: "balance", Value: fmt.Sprint(int64(d.Balance)), Reason: fmt.Sprintf("want 0 to %d", maxBalance)}
	}
	a.wallets = append(a.wallets, wallet{currency: d.Currency, deposit: d.Balance, amount: d.Balance})
	return nil
}

// walletOf returns the wallet of a currency; nil if the account has none.
func (a *Account) walletOf(code string) *wallet {
	for n := range a.wallets {
		if w := &a.wallets[n]; w.currency.Code == code {
			return w
		}
	}
	return nil
}

// touch enters a position in the list of those that count.
func (p *position) touch() {
	if !p.touched {
		p.enter()
	}
}

func (p *position) enter() {
	p.touched = true
	n, _ := slices.BinarySearch(p.wallet.touched, p.instrument.ID)
	p.wallet.touched = slices.Insert(p.wallet.touched, n, p.instrument.ID)
}

// changed notes that a wallet or positions in it are no longer what margins and
// liquidation thresholds were computed from. All cross positions draw on one
// wallet, so every threshold goes.
func (a *Account) changed(w *wallet) {
	w.dirty = true
	for _, s := range w.touched {
		a.positions[s].disarm()
	}
}

// altered notes the same of a position.
func (a *Account) altered(p *position) {
	p.dirty = true
	a.changed(p.wallet)
}

// refresh brings everything that is derived up to date: of the positions that
// have changed or whose mark has moved, and the sums over all. There is nothing to
// do for a symbol without a wallet.
func (a *Account) refresh(w *wallet) {
	switch {
	case w == nil:
	case w.dirty:
		a.refreshPositions(w)
	case w.opened != nil:
		w.settle()
	}
}

func (a *Account) refreshPositions(w *wallet) {
	w.settle()
	w.dirty = false
	w.round++
	var t sums
	for _, s := range w.touched {
		p := &a.positions[s]
		if p.dirty {
			p.dirty = false
			p.margin = p.margins()
			p.reopen()
		}
		if p.stale {
			p.stale = false
			p.value()
		}
		t.add(p)
	}
	for _, s := range w.coins {
		t.orders += a.positions[s].coinsOf(a.positions[s].sells.Qty)
	}
	w.sums = t
}

// settle brings the sum of order margins up to date.
func (w *wallet) settle() {
	if p := w.opened; p != nil {
		w.opened = nil
		w.sums.orders -= p.orderMargin
		p.reopen()
		w.sums.orders += p.orderMargin
	}
}

// reopen computes what the open orders of a position need.
func (p *position) reopen() {
	p.gross = p.grossOf(&p.buys, &p.sells)
	p.orderMargin = p.orderMarginOf(p.gross)
}

func (t *sums) add(p *position) {
	t.orders += p.orderMargin
	if p.held.Qty == 0 {
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

// equity is what stands behind the cross positions of a wallet. What an isolated
// position gains or loses is part of its own margin.
func (w *wallet) equity() exchange.Money { return w.amount - w.sums.reserved + w.sums.crossUnrealised }

// available is what new orders and isolated margin may use.
func (w *wallet) available() exchange.Money { return w.equity() - w.sums.crossMaint - w.sums.orders }

// cash is what can leave the wallet for coins: profit that is not realised cannot.
func (w *wallet) cash() exchange.Money { return w.available() - max(0, w.sums.crossUnrealised) }

// Currencies returns the currencies of the wallets, the first one first.
func (a *Account) Currencies() []exchange.Currency {
	list := make([]exchange.Currency, len(a.wallets))
	for n := range a.wallets {
		list[n] = a.wallets[n].currency
	}
	return list
}

// Equity returns the first wallet and the unrealised PnL in it together.
func (a *Account) Equity() exchange.Money {
	w := &a.wallets[0]
	a.refresh(w)
	return w.amount + w.sums.unrealised
}

// Wallet returns the balance of the first wallet with all that was realised: what
// it would hold if every position closed at its own cost.
func (a *Account) Wallet() exchange.Money { return a.wallets[0].amount }

// Totals returns the sums over the life of the first wallet.
func (a *Account) Totals() Totals { return a.wallets[0].totals }

// TotalsIn returns the sums over the life of the wallet of a currency; ok is false
// when there is none.
func (a *Account) TotalsIn(code string) (t Totals, ok bool) {
	if w := a.walletOf(code); w != nil {
		return w.totals, true
	}
	return t, false
}

// Margin returns the state of the first wallet.
func (a *Account) Margin(at exchange.Time) exchange.Margin { return a.marginOf(&a.wallets[0], at) }

// MarginOf returns the state of the wallet in which a symbol settles, or of the
// first one if there is none.
func (a *Account) MarginOf(s exchange.SymbolID, at exchange.Time) exchange.Margin {
	w := a.positions[s].wallet
	if w == nil {
		w = &a.wallets[0]
	}
	return a.marginOf(w, at)
}

// MarginIn returns the state of the wallet of a currency; ok is false when there is
// none.
func (a *Account) MarginIn(code string, at exchange.Time) (m exchange.Margin, ok bool) {
	w := a.walletOf(code)
	if w == nil {
		return m, false
	}
	return a.marginOf(w, at), true
}

func (a *Account) marginOf(w *wallet, at exchange.Time) exchange.Margin {
	a.advance(at)
	a.refresh(w)
	t := &w.sums
	m := exchange.Margin{
		Currency: w.currency.Code, Wallet: w.amount, Unrealised: t.unrealised, Balance: w.amount + t.unrealised,
		InitMargin: t.orders, Time: at,
	}
	m.MaintMargin = t.crossMaint + t.reserved + t.unrealised - t.crossUnrealised
	m.Available = m.Balance - m.InitMargin - m.MaintMargin
	return m
}

// Insurance returns the insurance fund that the account falls back on.
func (a *Account) Insurance() *Fund { return a.fund }
