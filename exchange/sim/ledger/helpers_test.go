package ledger

import (
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

var (
	xbt  = exchange.Currency{Code: "XBt", Major: "XBT", Scale: 8}
	usdt = exchange.Currency{Code: "USDt", Major: "USDT", Scale: 6}
)

type tb interface {
	require.TestingT
	Helper()
}

// contract describes an instrument in few words.
type contract struct {
	symbol               string
	kind                 exchange.Kind
	settle               exchange.Currency
	multiplier, divisor  int64
	tick                 string
	lot                  exchange.Qty
	im, mm, maker, taker string
	limit, step          exchange.Money
	maxPrice             string
	underlying           string
	rounding             exchange.MoneyRounding
}

func (c contract) instrument() *exchange.Instrument {
	ratio := func(s string) exchange.Ratio {
		if s == "" {
			return 0
		}
		return exchange.MustRatio(s)
	}
	if c.maxPrice == "" {
		c.maxPrice = "1000000"
	}
	return &exchange.Instrument{
		Venue: "test", Symbol: c.symbol, Kind: c.kind, Settle: c.settle, Underlying: c.underlying,
		Multiplier: c.multiplier, Divisor: max(c.divisor, 1), ContractsPerUnit: 1, Rounding: c.rounding,
		Terms: []exchange.Terms{{
			TickSize: exchange.MustPrice(c.tick), LotSize: c.lot, MakerFee: ratio(c.maker), TakerFee: ratio(c.taker),
			InitMargin: ratio(c.im), MaintMargin: ratio(c.mm), RiskLimit: c.limit, RiskStep: c.step,
			MaxQty: 100_000_000, MaxPrice: exchange.MustPrice(c.maxPrice),
		}},
	}
}

func xbtusd(lot exchange.Qty, tick, mm, fee string) contract {
	return contract{
		symbol: "XBTUSD", kind: exchange.Inverse, settle: xbt, multiplier: 100_000_000, tick: tick, lot: lot,
		im: "0.01", mm: mm, maker: fee, taker: fee,
	}
}

func ethusdt(tick, im, mm, fee string) contract {
	return contract{
		symbol: "ETHUSDT", kind: exchange.Linear, settle: usdt, multiplier: 10, tick: tick, lot: 1000,
		im: im, mm: mm, maker: fee, taker: fee,
	}
}

// open returns an account with a balance over some contracts, which get the ids
// 0, 1 ...
func openAccount(t tb, balance exchange.Money, leverage string, list ...contract) *Account {
	t.Helper()
	a, err := New(Config{Instruments: setOf(t, list...), Currency: list[0].settle, Balance: balance, Leverage: exchange.MustRatio(leverage)})
	require.NoError(t, err)
	return a
}

func setOf(t tb, list ...contract) *exchange.Instruments {
	t.Helper()
	set := new(exchange.Instruments)
	for _, c := range list {
		require.NoError(t, set.Add(c.instrument()))
	}
	return set
}

// trade fills signed contracts.
func trade(a *Account, s exchange.SymbolID, qty exchange.Qty, price string) exchange.Fill {
	f := exchange.Fill{
		Symbol: s, Side: exchange.SideOf(qty), Qty: qty.Abs(), Price: exchange.MustPrice(price),
		Type: exchange.ExecTrade, Liquidity: exchange.RemovedLiquidity,
	}
	a.Fill(&f)
	return f
}

func setMark(a *Account, s exchange.SymbolID, price string) bool {
	return a.SetMark(s, exchange.MustPrice(price), 0)
}

func marginOf(a *Account, s exchange.SymbolID) margin {
	a.refresh(&a.wallets[0])
	return a.positions[s].margin
}

// liquidate has the fund take a position over and close it at the mark, if it can.
func liquidate(a *Account, s exchange.SymbolID, at exchange.Time) (f exchange.Fill, ok bool) {
	mark := a.positions[s].mark
	f, held := a.Liquidate(s, at)
	if held == nil {
		return f, false
	}
	held.Close(held.Qty().Abs(), mark)
	held.Settle(mark)
	return f, true
}

// requireBooks checks what holds for every account at all times.
func requireBooks(t tb, a *Account) {
	t.Helper()
	for n := range a.positions {
		if p := &a.positions[n]; p.held.Qty == 0 {
			require.Zero(t, p.held.Cost, "cost of a flat position")
			require.Zero(t, p.added+p.lost, "margin of a flat position")
		}
	}
	for n := range a.wallets {
		requireWallet(t, a, &a.wallets[n])
	}
	for _, f := range a.fund.states {
		require.Equal(t, f.Deposit+f.Received-f.Paid, f.Balance, "insurance fund")
		require.GreaterOrEqual(t, f.Balance, exchange.Money(0))
	}
}

func requireWallet(t tb, a *Account, w *wallet) {
	t.Helper()
	sum := w.totals
	require.Equal(t, w.deposit+sum.Realised-sum.Fees+sum.Funding+sum.Insurance+sum.Exchanged, w.amount, "wallet")
	m, ok := a.MarginIn(w.currency.Code, 0)
	require.True(t, ok)
	require.Equal(t, w.amount, m.Wallet)
	require.Equal(t, m.Wallet+m.Unrealised, m.Balance)
	require.Equal(t, m.Balance-m.InitMargin-m.MaintMargin, m.Available)
	require.Equal(t, w.available(), m.Available)
	var realised, fees, funding, unrealised, orders, maint exchange.Money
	for n := range a.positions {
		p := &a.positions[n]
		if p.coin == w {
			orders += p.coinsOf(p.sells.Qty)
		}
		if p.wallet != w {
			continue
		}
		realised, fees, funding = realised+p.realised, fees+p.fees, funding+p.funding
		shown := a.Position(exchange.SymbolID(n))
		unrealised, orders, maint = unrealised+shown.Unrealised, orders+shown.InitMargin, maint+shown.MaintMargin
		require.Equal(t, shown.MarkValue-shown.Cost, shown.Unrealised)
		r := a.Requirements(exchange.SymbolID(n))
		if p.isolated() && p.held.Qty != 0 {
			require.Equal(t, max(0, r.Init+r.Comm+r.Added-r.Lost)+map[bool]exchange.Money{true: shown.Cost.Abs()}[p.spot()], r.Margin)
		}
	}
	require.Equal(t, []exchange.Money{sum.Realised, sum.Fees, sum.Funding}, []exchange.Money{realised, fees, funding}, "sums by position")
	require.Equal(t, []exchange.Money{m.Unrealised, m.InitMargin, m.MaintMargin}, []exchange.Money{unrealised, orders, maint})
}
