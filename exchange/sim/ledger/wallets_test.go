package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

var (
	xbtusdt = contract{symbol: "XBTUSDT", kind: exchange.Linear, settle: usdt, multiplier: 1, tick: "0.5", lot: 100, im: "0.01", mm: "0.005", maker: "0.0002", taker: "0.0005"}
	// A contract of a hundred-millionth of a bitcoin.
	xbtSpot = contract{symbol: "XBT_USDT", kind: exchange.Spot, settle: usdt, multiplier: 1, divisor: 100, tick: "0.5", lot: 1000, im: "1", mm: "1", taker: "0.001", underlying: "XBT"}
)

// twoWallets is an account of XBT and USDT that trades a contract in each, and one for
// the other.
func twoWallets(t tb, coins, dollars exchange.Money) *Account {
	t.Helper()
	set := setOf(t, xbtusd(100, "0.5", "0.005", "0.0005"), xbtusdt, xbtSpot)
	a, err := New(Config{Instruments: set, Currency: xbt, Balance: coins, Wallets: []Deposit{{usdt, dollars}}})
	require.NoError(t, err)
	for s := range exchange.SymbolID(3) {
		setMark(a, s, "50000")
	}
	return a
}

func in(t tb, a *Account, code string) exchange.Margin {
	t.Helper()
	m, ok := a.MarginIn(code, 0)
	require.True(t, ok)
	return m
}

func TestWalletsAreApart(t *testing.T) {
	a := twoWallets(t, 100_000_000, 10_000_000_000)
	require.Equal(t, []exchange.Currency{xbt, usdt}, a.Currencies())
	trade(a, 0, 50_000, "50000") // worth 1 XBT
	require.Equal(t, "USDt", in(t, a, "USDt").Currency)
	require.Equal(t, exchange.Money(10_000_000_000), in(t, a, "USDt").Available)
	trade(a, 1, -2_000_000, "50000") // worth 100 000 USDT
	require.Equal(t, exchange.Money(500_000), in(t, a, "XBt").MaintMargin)
	require.Equal(t, exchange.Money(500_000_000), in(t, a, "USDt").MaintMargin)
	require.Equal(t, in(t, a, "USDt"), a.MarginOf(1, 0))
	require.Equal(t, in(t, a, "XBt"), a.Margin(0))

	// The dollars are lost, and the coins do not help, nor are they touched.
	require.False(t, setMark(a, 0, "54000"))
	require.True(t, setMark(a, 1, "54800"))
	require.Equal(t, []exchange.SymbolID{1}, a.MustLiquidate(0))
	before := in(t, a, "XBt")
	_, ok := liquidate(a, 1, 0)
	require.True(t, ok)
	require.Equal(t, before, in(t, a, "XBt"))
	require.Zero(t, in(t, a, "USDt").Wallet)
	require.Empty(t, a.MustLiquidate(0))
	require.Equal(t, exchange.Qty(50_000), a.PositionQty(0))
	requireBooks(t, a)

	err := a.CheckOrder(1, exchange.Buy, 100, exchange.MustPrice("54800"), 0)
	require.EqualError(t, err, "Account has insufficient Available Balance, 60308 USDt required")
	_, ok = a.MarginIn("BMEx", 0)
	require.False(t, ok)
	_, ok = a.TotalsIn("BMEx")
	require.False(t, ok)
	sum, ok := a.TotalsIn("USDt")
	require.True(t, ok)
	require.Equal(t, exchange.Money(-10_000_000_000), sum.Realised-sum.Fees+sum.Insurance)
}

func TestWalletsAreRefused(t *testing.T) {
	set := new(exchange.Instruments)
	for field, wallets := range map[string][]Deposit{
		"wallets":  {{Currency: xbt}},
		"currency": {{}},
		"balance":  {{Currency: usdt, Balance: -1}},
	} {
		_, err := New(Config{Instruments: set, Currency: xbt, Wallets: wallets})
		var invalid *exchange.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, field, invalid.Field)
	}
}

// The basis trade: coins are bought with dollars, and stand behind a short.
func TestSpotMovesBetweenWallets(t *testing.T) {
	a := twoWallets(t, 0, 60_000_000_000)
	const spot = 2
	price := exchange.MustPrice("50000")
	coin, ok := a.Coin(spot)
	require.True(t, ok)
	require.Equal(t, xbt, coin)
	_, ok = a.Coin(0)
	require.False(t, ok)
	require.EqualError(t, a.CheckOrder(0, exchange.Sell, 100, price, 0), "Account has insufficient Available Balance, 2201 XBt required")

	// 1 XBT, with what the fee takes.
	err := a.CheckOrder(spot, exchange.Buy, 120_000_000, price, 0)
	require.EqualError(t, err, "Account has insufficient Available Balance, 60060000000 USDt required")
	require.NoError(t, a.CheckOrder(spot, exchange.Buy, 100_000_000, price, 0))
	a.SetOpen(spot, exchange.Buy, 100_000_000, 50_000_000_000)
	require.Equal(t, exchange.Money(50_050_000_000), in(t, a, "USDt").InitMargin)
	require.Error(t, a.CheckOrder(spot, exchange.Buy, 20_000_000, price, 0), "what is open counts")
	a.SetOpen(spot, exchange.Buy, 0, 0)
	f := trade(a, spot, 100_000_000, "50000")
	require.Equal(t, []exchange.Money{50_000_000_000, 50_000_000, 0}, []exchange.Money{f.Value, f.Fee, f.Realised})
	require.Zero(t, f.Position)
	require.Zero(t, a.PositionQty(spot))
	require.Equal(t, exchange.Money(100_000_000), in(t, a, "XBt").Wallet)
	require.Equal(t, exchange.Money(60_000_000_000-50_050_000_000), in(t, a, "USDt").Wallet)
	sum, ok := a.TotalsIn("USDt")
	require.True(t, ok)
	require.Equal(t, exchange.Money(50_000_000_000), sum.Turnover)
	requireBooks(t, a)

	// The short hedges: its loss is the gain of the coins.
	require.NoError(t, a.CheckOrder(0, exchange.Sell, 50_000, price, 0))
	trade(a, 0, -50_000, "50000")
	setMark(a, 0, "60000")
	require.Equal(t, exchange.Money(100_000_000-50_000-16_666_500), in(t, a, "XBt").Balance)

	// Coins that margin needs cannot be sold, nor those that are offered already.
	free := in(t, a, "XBt").Available
	err = a.CheckOrder(spot, exchange.Sell, exchange.Qty(free)+1, price, 0)
	var short *InsufficientError
	require.ErrorAs(t, err, &short)
	require.Equal(t, InsufficientError{Required: free + 1, Available: free, Currency: "XBt"}, *short)
	a.SetOpen(spot, exchange.Sell, 50_000_000, 25_000_000_000)
	require.Equal(t, exchange.Money(50_000_000), in(t, a, "XBt").InitMargin)
	require.Equal(t, free-50_000_000, in(t, a, "XBt").Available)
	require.Error(t, a.CheckOrder(spot, exchange.Sell, 40_000_000, price, 0))
	require.NoError(t, a.CanPay(spot, exchange.Sell, 50_000_000, price))
	require.NoError(t, a.CanPay(0, exchange.Sell, 1e9, price), "only pairs are paid")
	requireBooks(t, a)

	// Profit that is not realised buys no coins.
	setMark(a, 0, "25000")
	require.Greater(t, in(t, a, "XBt").Available, exchange.Money(140_000_000))
	require.Error(t, a.CheckOrder(spot, exchange.Sell, 60_000_000, price, 0))

	// What was lost meanwhile cannot be sold, and the caller has to ask.
	setMark(a, 0, "120000")
	require.Error(t, a.CanPay(spot, exchange.Sell, 50_000_000, price))
	require.Panics(t, func() { trade(a, spot, -50_000_000, "50000") })
	a.SetOpen(spot, exchange.Sell, 0, 0)
	setMark(a, 0, "50000")
	trade(a, 0, 50_000, "50000")
	trade(a, spot, -99_900_000, "50000")
	require.Equal(t, exchange.Money(0), in(t, a, "XBt").Wallet)
	require.Empty(t, a.MustLiquidate(0))
	_, ok = a.Fund(spot, 1, 0)
	require.False(t, ok)
	requireBooks(t, a)
}

// Coins that are sold no longer stand behind a position: a mark that was safe is not.
func TestSoldCoinsMoveTheLiquidationPrice(t *testing.T) {
	a := twoWallets(t, 100_000_000, 0)
	trade(a, 0, 50_000, "50000") // worth 1 XBT
	require.False(t, setMark(a, 0, "40000"))
	before := a.Position(0).LiquidationPrice
	require.False(t, setMark(a, 0, "35000"))
	setMark(a, 0, "40000")
	trade(a, 2, -60_000_000, "50000")
	require.Greater(t, a.Position(0).LiquidationPrice, before)
	require.True(t, setMark(a, 0, "35000"))
}

// A pair of which a contract is no whole number of the coin's units is held at cost.
func TestSpotThatDoesNotFit(t *testing.T) {
	c := xbtSpot
	c.divisor = 300
	a, err := New(Config{Instruments: setOf(t, c), Currency: usdt, Balance: 1e9, Wallets: []Deposit{{Currency: xbt}}})
	require.NoError(t, err)
	_, ok := a.Coin(0)
	require.False(t, ok)
}
