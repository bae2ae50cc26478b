package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// dated returns an account of 100 XBT, long 20 XBT with a mark of 50000, on a contract
// whose maintenance margin goes from 0.5 % to half the value and whose taker fee from 0
// to 0.1 % at the time 1000. Nothing but the operations of the account tells it the time.
func dated(t *testing.T, balance exchange.Money) *Account {
	t.Helper()
	i := xbtusd(100, "0.5", "0.005", "0").instrument()
	i.Terms[0].RiskLimit, i.Terms[0].RiskStep = 1e12, 1e10
	next := i.Terms[0]
	next.From, next.TakerFee = 1000, exchange.MustRatio("0.001")
	next.MaintMargin, next.InitMargin = exchange.MustRatio("0.5"), exchange.MustRatio("0.6")
	i.Terms = append(i.Terms, next)
	set := new(exchange.Instruments)
	require.NoError(t, set.Add(i))
	a, err := New(Config{Instruments: set, Currency: xbt, Balance: balance})
	require.NoError(t, err)
	trade(a, 0, 1_000_000, "50000")
	require.False(t, a.SetMark(0, exchange.MustPrice("50000"), 999))
	require.Equal(t, exchange.Money(10_000_000), a.Requirements(0).Maint)
	return a
}

// Every operation that is told the time follows the terms of that time.
func TestOperationsFollowTerms(t *testing.T) {
	price := exchange.MustPrice("50000")
	for name, operate := range map[string]func(t *testing.T, a *Account, at exchange.Time){
		"mark":           func(_ *testing.T, a *Account, at exchange.Time) { a.SetMark(0, price, at) },
		"terms":          func(_ *testing.T, a *Account, at exchange.Time) { a.SetTerms(at) },
		"margin":         func(_ *testing.T, a *Account, at exchange.Time) { a.Margin(at) },
		"margin of":      func(_ *testing.T, a *Account, at exchange.Time) { a.MarginOf(0, at) },
		"margin in":      func(_ *testing.T, a *Account, at exchange.Time) { a.MarginIn("XBt", at) },
		"must liquidate": func(_ *testing.T, a *Account, at exchange.Time) { a.MustLiquidate(at) },
		"fund":           func(_ *testing.T, a *Account, at exchange.Time) { a.Fund(0, 1, at) },
		"excess":         func(_ *testing.T, a *Account, at exchange.Time) { a.Excess(0, at) },
		"lower limit":    func(_ *testing.T, a *Account, at exchange.Time) { a.LowerRiskLimit(0, at) },
		"odd lot":        func(_ *testing.T, a *Account, at exchange.Time) { a.CloseOddLot(0, at) },
		"order": func(t *testing.T, a *Account, at exchange.Time) {
			require.NoError(t, a.CheckOrder(0, exchange.Buy, 100, price, at))
		},
		"change": func(t *testing.T, a *Account, at exchange.Time) {
			require.NoError(t, a.CheckChange(0, exchange.Buy, Open{}, Open{100, 200_000}, price, at))
		},
		"leverage":   func(t *testing.T, a *Account, at exchange.Time) { require.NoError(t, a.SetLeverage(0, 0, at)) },
		"risk limit": func(t *testing.T, a *Account, at exchange.Time) { require.NoError(t, a.SetRiskLimit(0, 1e12, at)) },
		"transfer":   func(t *testing.T, a *Account, at exchange.Time) { require.Error(t, a.TransferMargin(0, 1, at)) },
		"fill": func(t *testing.T, a *Account, at exchange.Time) {
			f := exchange.Fill{Symbol: 0, Side: exchange.Buy, Qty: 100, Price: price, Type: exchange.ExecTrade, Time: at}
			a.Fill(&f)
			require.Equal(t, a.positions[0].terms.TakerFee, f.FeeRate)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := dated(t, 10_000_000_000)
			operate(t, a, 999)
			require.Equal(t, exchange.MustRatio("0.005"), a.positions[0].terms.MaintMargin)
			operate(t, a, 1000)
			require.Equal(t, exchange.MustRatio("0.5"), a.positions[0].terms.MaintMargin)
			qty := exchange.Money(a.PositionQty(0))
			require.Equal(t, qty*2000/2, a.Requirements(0).Maint)
			requireBooks(t, a)
		})
	}
	t.Run("liquidate", func(t *testing.T) {
		f, held := dated(t, 10_000_000_000).Liquidate(0, 1000)
		require.NotNil(t, held)
		require.Equal(t, exchange.MustRatio("0.001"), f.FeeRate)
	})
}

// A position that new terms no longer bear is liquidated, though its mark is where it
// was safe before.
func TestNewTermsLiquidate(t *testing.T) {
	price := exchange.MustPrice("50000")
	a := dated(t, 900_000_000)
	require.False(t, a.SetMark(0, price, 999))
	require.True(t, a.SetMark(0, price, 1000))

	a = dated(t, 900_000_000)
	f := exchange.Fill{Symbol: 0, Side: exchange.Buy, Qty: 100, Price: price, Type: exchange.ExecTrade, Time: 1000}
	a.Fill(&f)
	require.Equal(t, []exchange.SymbolID{0}, a.MustLiquidate(1000))
}

// A mark that is not positive is no mark.
func TestMarksArePositive(t *testing.T) {
	for _, mark := range []exchange.Price{0, -1, -exchange.MaxPrice} {
		a := dated(t, 10_000_000_000)
		before, margin := a.Position(0), a.Margin(0)
		require.False(t, a.SetMark(0, mark, 0))
		after := a.Position(0)
		after.Time = before.Time
		require.Equal(t, before, after)
		require.Equal(t, margin, a.Margin(0))
		require.False(t, a.SetMark(0, exchange.MustPrice("50001"), 0))
	}
}
