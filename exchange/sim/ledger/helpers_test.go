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
		Venue: "test", Symbol: c.symbol, Kind: c.kind, Settle: c.settle,
		Multiplier: c.multiplier, Divisor: max(c.divisor, 1), ContractsPerUnit: 1,
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
	set := new(exchange.Instruments)
	for _, c := range list {
		require.NoError(t, set.Add(c.instrument()))
	}
	a, err := New(Config{Instruments: set, Currency: list[0].settle, Balance: balance, Leverage: exchange.MustRatio(leverage)})
	require.NoError(t, err)
	return a
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
	a.refresh()
	return a.positions[s].margin
}

// requireBooks checks what holds for every account at all times.
func requireBooks(t tb, a *Account) {
	t.Helper()
	sum := a.totals
	require.Equal(t, a.balance+sum.Realised-sum.Fees+sum.Funding+sum.Insurance, a.wallet, "wallet")
	var realised, fees, funding exchange.Money
	for n := range a.positions {
		p := &a.positions[n]
		realised, fees, funding = realised+p.realised, fees+p.fees, funding+p.funding
		if p.qty == 0 {
			require.Zero(t, p.cost, "cost of a flat position")
			require.Zero(t, p.added+p.lost, "margin of a flat position")
		}
	}
	require.Equal(t, []exchange.Money{sum.Realised, sum.Fees, sum.Funding}, []exchange.Money{realised, fees, funding}, "sums by position")
	m := a.Margin(0)
	require.Equal(t, a.Equity(), m.Balance)
	require.Equal(t, a.wallet, m.Wallet)
	require.Equal(t, m.Balance-m.InitMargin-m.MaintMargin, m.Available)
	require.Equal(t, a.available(), m.Available)
	var unrealised, orders, maint exchange.Money
	for n := range a.positions {
		p := a.Position(exchange.SymbolID(n))
		unrealised, orders, maint = unrealised+p.Unrealised, orders+p.InitMargin, maint+p.MaintMargin
		require.Equal(t, p.MarkValue-p.Cost, p.Unrealised)
	}
	require.Equal(t, []exchange.Money{m.Unrealised, m.InitMargin, m.MaintMargin}, []exchange.Money{unrealised, orders, maint})
}
