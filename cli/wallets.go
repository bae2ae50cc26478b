package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
	"github.com/dunamis-engine/dunamis/reports"
)

// currencies returns what the symbols settle in, that of the first one first.
func (p *plan) currencies() (list []exchange.Currency) {
	for _, i := range p.instruments {
		if !slices.Contains(list, i.Settle) {
			list = append(list, i.Settle)
		}
	}
	return list
}

// parseBalances reads --balance: an amount for each currency.
func (p *plan) parseBalances() ([]ledger.Deposit, error) {
	list := p.currencies()
	wallets := make([]ledger.Deposit, len(list))
	for n, c := range list {
		wallets[n].Currency = c
	}
	if err := fillWallets(wallets, p.flags.balance); err != nil {
		if p.flags.balance == defaultBalance {
			err = fmt.Errorf("--balance is needed, in %s: without it the account has %s", currencyNames(list), defaultBalance)
		}
		return nil, err
	}
	for _, w := range wallets {
		if w.Balance == 0 {
			return nil, fmt.Errorf("--balance %q: there is no %s, in which symbols of the run settle: want an amount for each currency, such as \"1 XBT, 50000 USDT\"",
				p.flags.balance, w.Currency.Major)
		}
	}
	return wallets, nil
}

func currencyNames(list []exchange.Currency) string {
	names := make([]string, len(list))
	for n := range list {
		names[n] = list[n].Major
	}
	return strings.Join(names, " and ")
}

// fillWallets puts amounts into the wallets of their currencies. A single wallet's amount
// needs no currency.
func fillWallets(wallets []ledger.Deposit, text string) (err error) {
	if len(wallets) == 1 {
		wallets[0].Balance, err = parseAmount("balance", text, wallets[0].Currency)
		return err
	}
	for _, one := range strings.Split(text, ",") {
		known, err := fillWallet(wallets, one)
		if err != nil {
			return err
		}
		if !known {
			return fmt.Errorf("--balance %q: no symbol settles in such an amount", one)
		}
	}
	return nil
}

// fillWallet puts an amount into the wallet of its currency, if there is one.
func fillWallet(wallets []ledger.Deposit, text string) (known bool, err error) {
	if !strings.Contains(strings.TrimSpace(text), " ") {
		return false, fmt.Errorf("--balance %q: want an amount and a currency", text)
	}
	for n := range wallets {
		w := &wallets[n]
		m, err := parseAmount("balance", text, w.Currency)
		if err != nil {
			continue
		}
		if w.Balance != 0 {
			return true, fmt.Errorf("--balance %q: a second amount of %s", text, w.Currency.Major)
		}
		w.Balance = m
		return true, nil
	}
	return false, nil
}

// fillKnown puts the amounts of a key into wallets. It may have some in currencies that
// the market does not have, but not all.
func fillKnown(wallets []ledger.Deposit, text string) error {
	some := false
	for _, one := range strings.Split(text, ",") {
		known, err := fillWallet(wallets, one)
		if err != nil {
			return err
		}
		some = some || known
	}
	if !some {
		return fmt.Errorf("the account's balance is %q: want an amount in %s", text, wallets[0].Currency.Major)
	}
	return nil
}

// single refuses symbols that need several wallets.
func (p *plan) single() error {
	list := p.currencies()
	if len(list) == 1 {
		return nil
	}
	for _, i := range p.instruments {
		if i.Settle != list[0] {
			return usage(fmt.Errorf("%s settles in %s and %s in %s: only backtest run and paper serve have accounts with several wallets",
				p.instruments[0].Name(), list[0].Code, i.Name(), i.Settle.Code))
		}
	}
	return nil
}

// reportable refuses what the reports of a wallet cannot show: coins that move in from
// another one.
func (p *plan) reportable() error {
	for _, i := range p.instruments {
		for _, c := range p.currencies() {
			if i.Kind == exchange.Spot && i.Underlying == c.Major {
				return usage(fmt.Errorf("%s is exchanged into the %s wallet of the run, which its reports cannot show: "+
					"leave out what settles in %s",
					i.Name(), c.Major, c.Code))
			}
		}
	}
	return nil
}

// walletDir is where the report of a wallet goes: the directory of the run for the first,
// one beside it with the name of the currency for others.
func (p *plan) walletDir(n int) string {
	if n == 0 || p.flags.out == "" {
		return p.flags.out
	}
	return p.flags.out + "-" + p.currencies()[n].Code
}

// walletRecorders record a run, each wallet for itself: wallets are as good as accounts of
// their own, and a report is in one currency.
type walletRecorders struct {
	list []*reports.Recorder
	of   []*reports.Recorder // by SymbolID
}

// Submitted implements engine.Observer.
func (w *walletRecorders) Submitted(s exchange.SymbolID, id exchange.ClientID, mid exchange.Price) {
	w.of[s].Submitted(s, id, mid)
}

// Report implements engine.Observer.
func (w *walletRecorders) Report(r *exchange.Report) error { return w.of[r.Symbol].Report(r) }

// Sample implements engine.Observer.
func (w *walletRecorders) Sample(at exchange.Time) error {
	for _, r := range w.list {
		if err := r.Sample(at); err != nil {
			return err
		}
	}
	return nil
}

// Priced implements engine.PriceObserver.
func (w *walletRecorders) Priced(at exchange.Time) bool {
	all := true
	for _, r := range w.list {
		all = r.Priced(at) && all
	}
	return all
}

// finish ends every recorder.
func (w *walletRecorders) finish(o reports.Outcome) ([]*reports.Result, error) {
	results := make([]*reports.Result, len(w.list))
	for n, r := range w.list {
		var err error
		if results[n], err = r.Finish(o); err != nil {
			return nil, errors.Join(err, w.abort(err, o))
		}
	}
	return results, nil
}

// abort ends every recorder of a run that cannot finish.
func (w *walletRecorders) abort(cause error, o reports.Outcome) error {
	var all []error
	for _, r := range w.list {
		all = append(all, r.Abort(cause, o.Ended))
	}
	return errors.Join(all...)
}

// recorders opens a run directory for each wallet.
func (a *App) recorders(p *plan, dataName string, parts []reports.DataPart, x *sim.Exchange) (*walletRecorders, error) {
	w := &walletRecorders{of: make([]*reports.Recorder, p.set.Len())}
	for n, c := range p.currencies() {
		r, err := a.record(p, n, dataName, parts, account{x.Account(), c.Code}, x.Models())
		if err != nil {
			return nil, errors.Join(err, w.abort(err, reports.Outcome{Ended: a.Now()}))
		}
		w.list = append(w.list, r)
		for _, i := range p.instruments {
			if i.Settle == c {
				w.of[i.ID] = r
			}
		}
	}
	return w, nil
}
