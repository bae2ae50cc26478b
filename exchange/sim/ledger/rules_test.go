package ledger

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

func TestNewRefuses(t *testing.T) {
	set := new(exchange.Instruments)
	require.NoError(t, set.Add(markets[0].instrument()))
	good := Config{Instruments: set, Currency: xbt}
	for field, spoil := range map[string]func(*Config){
		"instruments": func(c *Config) { c.Instruments = nil },
		"currency":    func(c *Config) { c.Currency = exchange.Currency{} },
		"balance":     func(c *Config) { c.Balance = -1 },
		"leverage":    func(c *Config) { c.Leverage = 1 },
	} {
		c := good
		spoil(&c)
		_, err := New(c)
		var invalid *exchange.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, field, invalid.Field)
	}
	good.Balance = maxBalance
	_, err := New(good)
	require.NoError(t, err)
	good.Balance++
	_, err = New(good)
	require.ErrorContains(t, err, "balance")
}

// Without a maintenance margin nothing else bounds the steps, which a liquidation takes
// back one by one.
func TestRiskLimitHasNoEndlessSteps(t *testing.T) {
	c := xbtusd(100, "0.5", "", "0")
	c.limit, c.step = 20_000_000_000, 1
	a := openAccount(t, 1e9, "0", c)
	require.EqualError(t, a.SetRiskLimit(0, math.MaxInt64/2, 0), "Invalid riskLimit")
	require.NoError(t, a.SetRiskLimit(0, 20_000_000_000+maxRiskSteps, 0))
	require.EqualError(t, a.SetRiskLimit(0, 20_000_000_000+maxRiskSteps+1, 0), "Invalid riskLimit")
}

func TestOtherCurrenciesAndUnknownSymbols(t *testing.T) {
	a := openAccount(t, 1e9, "0", markets...)
	const other = traded // settles in USDt
	want := &CurrencyError{Symbol: "XBTUSDT", Settle: "USDt", Account: "XBt"}
	require.Equal(t, want, a.SetLeverage(other, 0, 0))
	require.Equal(t, want, a.SetRiskLimit(other, 1, 0))
	require.Equal(t, want, a.CheckOrder(other, exchange.Buy, 1000, exchange.PriceUnit, 0))
	require.Equal(t, want, a.CheckPrice(other, exchange.Buy, exchange.PriceUnit))
	require.PanicsWithError(t, "Account has no USDt", func() { trade(a, other, 1000, "1") })
	require.False(t, setMark(a, other, "50000"))
	a.SetOpen(other, exchange.Buy, 1000, 1000)
	_, ok := a.Fund(other, 1, 0)
	require.False(t, ok)
	_, ok = liquidate(a, other, 0)
	require.False(t, ok)
	require.Zero(t, a.Margin(0).InitMargin)
	require.ErrorIs(t, a.SetLeverage(99, 0, 0), exchange.ErrUnknownSymbol)
	requireBooks(t, a)
}

func TestFillsThatCannotBe(t *testing.T) {
	a := openAccount(t, 1e9, "0", markets...)
	for field, f := range map[string]exchange.Fill{
		"side":    {Qty: 1, Price: 1},
		"lastQty": {Side: exchange.Buy, Price: 1},
		"lastPx":  {Side: exchange.Buy, Qty: 1},
	} {
		func() {
			defer func() {
				err, ok := recover().(error)
				require.True(t, ok)
				var invalid *exchange.ValidationError
				require.ErrorAs(t, err, &invalid)
				require.Equal(t, field, invalid.Field)
			}()
			a.Fill(&f)
		}()
	}
	require.Error(t, a.CheckOrder(0, exchange.Buy, 100, 0, 0))
}

func TestFeeRates(t *testing.T) {
	terms := &exchange.Terms{MakerFee: 1, TakerFee: 2, SettleFee: 3}
	for _, c := range []struct {
		fill exchange.Fill
		want exchange.Ratio
	}{
		{exchange.Fill{Type: exchange.ExecTrade, Liquidity: exchange.AddedLiquidity}, 1},
		{exchange.Fill{Type: exchange.ExecTrade, Liquidity: exchange.RemovedLiquidity}, 2},
		{exchange.Fill{}, 2},
		{exchange.Fill{Type: exchange.ExecSettlement, Liquidity: exchange.AddedLiquidity}, 3},
		{exchange.Fill{Type: exchange.ExecLiquidation, Liquidity: exchange.AddedLiquidity}, 2},
	} {
		require.Equal(t, c.want, feeRate(terms, &c.fill))
	}
}

func TestOrderNeedsMargin(t *testing.T) {
	a := openAccount(t, 10_000, "0", xbtusd(100, "0.5", "0.005", "0.00075"))
	require.NoError(t, a.CheckOrder(0, exchange.Buy, 300, exchange.MustPrice("50000"), 0))
	err := a.CheckOrder(0, exchange.Buy, 1000, exchange.MustPrice("50000"), 0)
	require.Equal(t, &InsufficientError{Required: 23_015, Available: 10_000, Currency: "XBt"}, err)
	require.EqualError(t, err, "Account has insufficient Available Balance, 23015 XBt required")

	// Open orders count, and the cheaper of two sides does not.
	a.SetOpen(0, exchange.Buy, 300, 600_000)
	require.Error(t, a.CheckOrder(0, exchange.Buy, 300, exchange.MustPrice("50000"), 0))
	require.NoError(t, a.CheckOrder(0, exchange.Sell, 300, exchange.MustPrice("50000"), 0))

	// What reduces is always allowed.
	a.SetOpen(0, exchange.Buy, 0, 0)
	trade(a, 0, 300, "50000")
	setMark(a, 0, "49600")
	require.Negative(t, a.Margin(0).Available-3_000)
	require.Error(t, a.CheckOrder(0, exchange.Buy, 300, exchange.MustPrice("49600"), 0))
	require.NoError(t, a.CheckOrder(0, exchange.Sell, 300, exchange.MustPrice("49600"), 0))
	require.NoError(t, a.CheckOrder(0, exchange.Sell, 300, exchange.MustPrice("30000"), 0), "no premium to reduce")
}

func TestPremium(t *testing.T) {
	c := ethusdt("0.05", "0.02", "0.01", "0")
	c.lot = 1 // 10 µUSDT a contract at price 1
	const price, qty = "1100", 1000
	need := func(a *Account, side exchange.Side, price string) exchange.Money {
		err := a.CheckOrder(0, side, qty, exchange.MustPrice(price), 0)
		if err == nil {
			return 0
		}
		var short *InsufficientError
		require.ErrorAs(t, err, &short)
		return short.Required
	}
	a := openAccount(t, 0, "0", c)
	require.Equal(t, exchange.Money(220_000), need(a, exchange.Buy, price), "no mark yet")
	setMark(a, 0, "1000")
	require.Equal(t, exchange.Money(220_000+1_000_000), need(a, exchange.Buy, price))
	require.Equal(t, exchange.Money(220_000), need(a, exchange.Sell, price))
	require.Equal(t, exchange.Money(180_000), need(a, exchange.Buy, "900"))
	require.Equal(t, exchange.Money(180_000+1_000_000), need(a, exchange.Sell, "900"))
	// Only what opens brings it.
	trade(a, 0, -600, "1000")
	require.Equal(t, exchange.Money((220_000+1_000_000)*4/10), need(a, exchange.Buy, price))
}

func TestNoImmediateLiquidation(t *testing.T) {
	a := openAccount(t, 1e9, "20", xbtusd(100, "0.5", "0.005", "0.00075"))
	setMark(a, 0, "50000")
	require.NoError(t, a.CheckOrder(0, exchange.Buy, 100, exchange.MustPrice("52000"), 0))
	err := a.CheckOrder(0, exchange.Buy, 100, exchange.MustPrice("55000"), 0)
	require.Equal(t, &ImmediateLiquidationError{Price: exchange.MustPrice("55000"), Mark: exchange.MustPrice("50000")}, err)
	require.EqualError(t, err, "Executing at order price would lead to immediate liquidation")
	require.NoError(t, a.SetLeverage(0, 0, 0))
	require.NoError(t, a.CheckOrder(0, exchange.Buy, 100, exchange.MustPrice("55000"), 0), "the wallet bears it")
}

func TestDearerBeyond64Bits(t *testing.T) {
	big := Open{Qty: 1 << 40, Cost: 3 << 40}
	small := Open{Qty: 1 << 40, Cost: 2 << 40}
	require.True(t, dearer(&big, &small))
	require.False(t, dearer(&small, &big))
	require.Equal(t, exchange.Money(3<<40), grossOpenCost(0, &big, &small))
	require.Equal(t, exchange.Money(3<<40), grossOpenCost(0, &small, &big))
}

func TestRiskLimit(t *testing.T) {
	c := xbtusd(100, "0.5", "0.004", "0")
	c.limit, c.step = 20_000_000_000, 10_000_000_000
	a := openAccount(t, 1e12, "0", c)
	setMark(a, 0, "50000") // 200000 a lot, so 100000 lots to the limit
	trade(a, 0, 6_000_000, "50000")
	price := exchange.MustPrice("50000")
	require.NoError(t, a.CheckOrder(0, exchange.Buy, 4_000_000, price, 0))
	err := a.CheckOrder(0, exchange.Buy, 4_000_100, price, 0)
	require.Equal(t, &RiskLimitError{Value: 20_000_200_000, Limit: 20_000_000_000}, err)
	require.EqualError(t, err, "Value of position and orders exceeds position Risk Limit")
	require.NoError(t, a.CheckOrder(0, exchange.Sell, 10_000_000, price, 0), "only what opens counts")

	// One step, begun or full, adds the base maintenance to both.
	for _, limit := range []exchange.Money{20_000_000_001, 30_000_000_000} {
		require.NoError(t, a.SetRiskLimit(0, limit, 0))
		require.Equal(t, exchange.MustRatio("0.008"), a.positions[0].maintRate())
		require.Equal(t, exchange.MustRatio("0.014"), a.positions[0].initRate())
		require.Equal(t, exchange.Money(30_000_000_000), a.positions[0].riskLimit())
	}
	require.Equal(t, exchange.Money(12_000_000_000*8/1000), a.Margin(0).MaintMargin)
	require.NoError(t, a.CheckOrder(0, exchange.Buy, 4_000_100, price, 0))
	require.NoError(t, a.SetRiskLimit(0, 50_000_000_000, 0))
	require.Equal(t, exchange.MustRatio("0.016"), a.positions[0].maintRate())
	require.Equal(t, exchange.MustRatio("0.022"), a.positions[0].initRate())

	trade(a, 0, 5_000_000, "50000")
	require.Equal(t, &RiskLimitError{Value: 22_000_000_000, Limit: 20_000_000_000}, a.SetRiskLimit(0, 1, 0), "too low for what there is")
	require.EqualError(t, a.SetRiskLimit(0, 0, 0), "Invalid riskLimit")
	require.EqualError(t, a.SetRiskLimit(0, math.MaxInt64/2, 0), "Invalid riskLimit", "margin beyond 100 %")

	// Above the limit an order that changes nothing is still allowed.
	require.NoError(t, a.SetRiskLimit(0, 30_000_000_000, 0))
	setMark(a, 0, "30000")
	require.Error(t, a.CheckOrder(0, exchange.Buy, 100, price, 0))
	require.NoError(t, a.CheckOrder(0, exchange.Sell, 100, price, 0))

	none := openAccount(t, 1e12, "0", markets[3])
	require.EqualError(t, none.SetRiskLimit(0, 1e9, 0), "Invalid riskLimit", "there is none")
}

func TestSetLeverage(t *testing.T) {
	a := openAccount(t, 1_000_000, "0", markets...)
	require.EqualError(t, a.SetLeverage(0, exchange.MustRatio("0.001"), 0), "Invalid leverage")
	require.EqualError(t, a.SetLeverage(0, -1, 0), "Invalid leverage")
	require.EqualError(t, a.SetLeverage(4, exchange.RatioUnit, 0), "Invalid leverage", "spot")
	require.EqualError(t, a.SetLeverage(0, exchange.MustRatio("100.1"), 0), "Cannot exceed the maximum entry leverage")
	require.NoError(t, a.SetLeverage(0, 100*exchange.RatioUnit, 0))

	trade(a, 0, 1000, "50000") // worth 2 000 000
	setMark(a, 0, "50000")
	held := a.Margin(0)
	err := a.SetLeverage(0, exchange.RatioUnit, 0)
	var short *InsufficientError
	require.ErrorAs(t, err, &short)
	require.Equal(t, held.Available, short.Available)
	require.Equal(t, held, a.Margin(0), "nothing has changed")
	require.NoError(t, a.SetLeverage(0, 10*exchange.RatioUnit, 0))
	require.Equal(t, exchange.Money(200_000), marginOf(a, 0).init)

	// The position has lost more than the margin of a higher leverage.
	setMark(a, 0, "49000")
	require.EqualError(t, a.SetLeverage(0, 50*exchange.RatioUnit, 0), "Cannot exceed the maximum effective leverage")
	require.Equal(t, 10*exchange.RatioUnit, a.Position(0).Leverage)

	// Cross margin forgets what was added to and lost from the margin.
	a.Fund(0, exchange.MustRatio("0.001"), 0)
	a.Fund(0, exchange.MustRatio("-0.001"), 0)
	require.NotZero(t, a.positions[0].lost)
	require.NotZero(t, a.positions[0].added)
	require.NoError(t, a.SetLeverage(0, 0, 0))
	require.Equal(t, margin{maint: 10_000}, marginOf(a, 0))
	require.NoError(t, a.SetLeverage(0, 10*exchange.RatioUnit, 0))
	require.Zero(t, a.positions[0].lost)
	require.Zero(t, a.positions[0].added)
	requireBooks(t, a)
}

// Open orders need what the leverage asks for, from the moment on that it is set.
func TestSetLeverageWithOrdersOpen(t *testing.T) {
	a := openAccount(t, 1_000_000, "0", xbtusd(100, "0.5", "0.005", "0"))
	setMark(a, 0, "50000")
	trade(a, 0, 1000, "50000")                   // worth 2 000 000
	a.SetOpen(0, exchange.Buy, 1000, 2_020_000)  // another 1000 at 49504
	a.SetOpen(0, exchange.Sell, 1000, 1_980_000) // which reduce
	require.Equal(t, exchange.Money(20_200), a.Margin(0).InitMargin)
	require.NoError(t, a.SetLeverage(0, 10*exchange.RatioUnit, 0))
	require.Equal(t, exchange.Money(202_000), a.Margin(0).InitMargin)
	require.Equal(t, exchange.Money(200_000), marginOf(a, 0).total)
	require.Equal(t, exchange.Money(1_000_000-402_000), a.Margin(0).Available)

	// Position and orders together are too much for a third of the leverage.
	before := a.Margin(0)
	err := a.SetLeverage(0, 3*exchange.RatioUnit, 0)
	require.EqualError(t, err, "Account has insufficient Available Balance, 938001 XBt required")
	require.Equal(t, before, a.Margin(0))
	a.SetOpen(0, exchange.Buy, 0, 0)
	require.NoError(t, a.SetLeverage(0, 3*exchange.RatioUnit, 0), "without the orders it is not")
	requireBooks(t, a)
}

func TestFundingStaysInIsolatedMargin(t *testing.T) {
	a := openAccount(t, 1e9, "10", xbtusd(100, "0.5", "0.005", "0.0005"))
	trade(a, 0, 1000, "50000")
	free := a.Margin(0).Available
	paid, _ := a.Fund(0, exchange.MustRatio("0.001"), 0)
	require.Equal(t, exchange.Money(-2000), paid.Amount)
	require.Equal(t, free, a.Margin(0).Available, "what is paid comes from the margin")
	a.Fund(0, exchange.MustRatio("-0.001"), 0)
	require.InDelta(t, int64(free), int64(a.Margin(0).Available), 1, "what is received goes to it")
	require.Equal(t, []exchange.Money{1999, 2000}, []exchange.Money{a.positions[0].added, a.positions[0].lost})

	// A reduction takes its part of both, and what is lost is not lost from sight.
	trade(a, 0, -700, "50000")
	require.Equal(t, []exchange.Money{599, 600}, []exchange.Money{a.positions[0].added, a.positions[0].lost})

	// A position cannot hold less than nothing.
	a.Fund(0, exchange.MustRatio("0.5"), 0)
	require.Zero(t, marginOf(a, 0).total)
	require.Equal(t, []exchange.SymbolID{0}, a.MustLiquidate(0))
	before := a.Wallet()
	liquidate(a, 0, 0)
	require.GreaterOrEqual(t, a.Wallet(), before)
	requireBooks(t, a)
}

func TestFundingOfCoveredShort(t *testing.T) {
	a := openAccount(t, 1e9, "1", xbtusd(100, "0.5", "0.005", "0.0005"))
	trade(a, 0, -1000, "50000")
	before := marginOf(a, 0).total
	a.Fund(0, exchange.MustRatio("0.001"), 0)
	require.Equal(t, before+2000, marginOf(a, 0).total, "no part of it is a fee")
}

// A single contract in the richest account, and the largest orders there are.
func TestExtremes(t *testing.T) {
	for _, leverage := range []string{"0", "1", "10"} {
		for s := range exchange.SymbolID(4) {
			for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
				a := openAccount(t, maxBalance, leverage, markets...)
				for _, qty := range []exchange.Qty{1, 99_999_999} {
					f := exchange.Fill{Symbol: s, Side: side, Qty: qty, Price: exchange.MustPrice(prices[s])}
					a.Fill(&f)
					require.False(t, a.SetMark(s, f.Price, 0))
					require.Positive(t, a.Position(s).LiquidationPrice)
					require.Positive(t, a.Position(s).BankruptPrice)
					requireBooks(t, a)
				}
				_, ok := liquidate(a, s, 0)
				require.True(t, ok)
				require.GreaterOrEqual(t, a.Wallet(), exchange.Money(0))
				requireBooks(t, a)
			}
		}
	}
}

func TestSpot(t *testing.T) {
	a := openAccount(t, 1_000_000, "0", markets...)
	const spot = 4
	price := exchange.MustPrice("0.06") // 6000 a contract
	require.NoError(t, a.CheckOrder(spot, exchange.Buy, 160, price, 0))
	err := a.CheckOrder(spot, exchange.Buy, 170, price, 0)
	require.EqualError(t, err, "Account has insufficient Available Balance, 1021020 XBt required", "value and fee")
	err = a.CheckOrder(spot, exchange.Sell, 10, price, 0)
	require.Equal(t, &ShortError{Symbol: "ETH_XBT", Qty: 10}, err)

	trade(a, spot, 100, "0.06")
	require.Equal(t, exchange.Money(1_000_000-600_000-600), a.Margin(0).Available)
	setMark(a, spot, "0.12")
	require.Equal(t, exchange.Money(1_000_000-600+600_000), a.Equity())
	require.Equal(t, exchange.Money(1_000_000-600_000-600), a.Margin(0).Available, "coins are no cash")
	require.False(t, setMark(a, spot, "0.0001"), "and nobody takes them")
	require.Empty(t, a.MustLiquidate(0))
	require.Zero(t, a.Position(spot).LiquidationPrice)
	_, ok := liquidate(a, spot, 0)
	require.False(t, ok)
	_, ok = a.Fund(spot, 1, 0)
	require.False(t, ok)

	a.SetOpen(spot, exchange.Sell, 60, 360_000)
	require.NoError(t, a.CheckOrder(spot, exchange.Sell, 40, price, 0))
	err = a.CheckOrder(spot, exchange.Sell, 50, price, 0)
	require.EqualError(t, err, "Account has insufficient Available Balance, 110 contracts of ETH_XBT required")
	require.PanicsWithError(t, "Account has insufficient Available Balance, 110 contracts of ETH_XBT required", func() {
		trade(a, spot, -110, "0.06")
	})
	require.Equal(t, exchange.Money(300_000), trade(a, spot, -100, "0.09").Realised)
	require.Equal(t, exchange.Money(1_000_000+300_000-600-900), a.Margin(0).Available)
	requireBooks(t, a)
}

func TestCheckPrice(t *testing.T) {
	a := openAccount(t, 1e9, "10", xbtusd(100, "0.5", "0.005", "0.00075"))
	require.NoError(t, a.CheckPrice(0, exchange.Sell, 1), "no position")
	trade(a, 0, 1000, "50000")
	liq := a.Position(0).LiquidationPrice
	require.NoError(t, a.CheckPrice(0, exchange.Sell, liq))
	require.NoError(t, a.CheckPrice(0, exchange.Buy, 1))
	require.EqualError(t, a.CheckPrice(0, exchange.Sell, liq-1), "Order price is below the liquidation price of current long position")
	trade(a, 0, -2000, "50000")
	liq = a.Position(0).LiquidationPrice
	require.NoError(t, a.CheckPrice(0, exchange.Buy, liq))
	require.Equal(t, &LiquidationPriceError{Price: liq + 1, Liquidation: liq}, a.CheckPrice(0, exchange.Buy, liq+1))
	require.EqualError(t, a.CheckPrice(0, exchange.Buy, liq+1), "Order price is above the liquidation price of current short position")
}

// Terms follow the times that are passed in.
func TestTermsChange(t *testing.T) {
	in := xbtusd(1, "0.1", "0.005", "0.00075").instrument()
	later := in.Terms[0]
	later.From, later.LotSize, later.TakerFee, later.MaintMargin = 1000, 100, 0, exchange.MustRatio("0.0035")
	in.Terms = append(in.Terms, later)
	set := new(exchange.Instruments)
	require.NoError(t, set.Add(in))
	a, err := New(Config{Instruments: set, Currency: xbt, Balance: 1e9})
	require.NoError(t, err)
	f := trade(a, 0, 40, "8335")
	require.Equal(t, []exchange.Money{479_920, 360}, []exchange.Money{f.Value, f.Fee})
	require.Equal(t, exchange.Money(2400), a.Margin(0).MaintMargin)
	require.Equal(t, exchange.Money(-479_920), a.Position(0).MarkValue)

	require.False(t, a.SetMark(0, exchange.MustPrice("8335"), 1000))
	require.Equal(t, exchange.Money(1680), a.Margin(1000).MaintMargin)
	got := a.Position(0)
	require.Equal(t, exchange.Money(-479_904), got.MarkValue, "a part of a lot")
	require.Equal(t, exchange.Money(16), got.Unrealised)
	f = trade(a, 0, -40, "8335")
	require.Equal(t, []exchange.Money{479_904, 0, 16}, []exchange.Money{f.Value, f.Fee, f.Realised})
	requireBooks(t, a)
}

// Cross positions fall together: each gives about its own maintenance.
func TestCrossLiquidation(t *testing.T) {
	a := openAccount(t, 4_000_000, "0", markets...)
	trade(a, 0, 30_000, "50000") // worth 60 000 000, maintenance 300 000
	trade(a, 1, -200, "3000")    // worth 60 000 000, maintenance 600 000
	require.NoError(t, a.SetLeverage(2, 5*exchange.RatioUnit, 0))
	trade(a, 2, 10, "0.005") // isolated, worth 5 000 000
	require.False(t, setMark(a, 0, "49500"))
	require.False(t, setMark(a, 1, "3040"))
	require.True(t, setMark(a, 1, "3070"))
	require.True(t, setMark(a, 0, "49500"), "the other one too, wherever it is")
	require.False(t, setMark(a, 2, "0.005"))
	require.Equal(t, []exchange.SymbolID{0, 1}, a.MustLiquidate(0))

	left := a.wallets[0].equity()
	require.InDelta(t, 600_000, int64(left), 300_000)
	first, ok := liquidate(a, 0, 7)
	require.True(t, ok)
	require.Equal(t, exchange.Sell, first.Side)
	require.Equal(t, exchange.ExecLiquidation, first.Type)
	require.Equal(t, exchange.ForcedClose, first.Cause)
	require.Equal(t, exchange.RemovedLiquidity, first.Liquidity)
	require.Equal(t, exchange.MustRatio("0.00075"), first.FeeRate)
	require.Equal(t, exchange.Time(7), first.Time)
	lost := -606_061 - first.Realised // beyond the loss at mark
	require.InDelta(t, float64(left)/3, float64(lost), 2000, "a third of the maintenance, a third of what is left")
	require.Equal(t, []exchange.SymbolID{1}, a.MustLiquidate(0))
	second, ok := liquidate(a, 1, 7)
	require.True(t, ok)
	require.Equal(t, exchange.Buy, second.Side)
	require.Greater(t, second.Price, exchange.MustPrice("3070"))
	require.Empty(t, a.MustLiquidate(0))
	require.Zero(t, a.wallets[0].equity())
	require.Equal(t, marginOf(a, 2).total, a.Wallet(), "what is isolated is left")
	require.Positive(t, a.Totals().Insurance)
	requireBooks(t, a)
}

// A gap through the bankruptcy price is not the owner's loss.
func TestGap(t *testing.T) {
	for _, leverage := range []string{"0", "10"} {
		a := openAccount(t, 10_000_000, leverage, xbtusd(100, "0.5", "0.005", "0.00075"))
		trade(a, 0, 40_000, "50000") // worth 80 000 000
		require.True(t, setMark(a, 0, "20000"))
		bankrupt := a.Position(0).BankruptPrice
		f, ok := liquidate(a, 0, 0)
		require.True(t, ok)
		require.Equal(t, bankrupt, f.Price)
		require.GreaterOrEqual(t, a.Wallet(), exchange.Money(0))
		require.Equal(t, a.Wallet(), a.Equity())
		requireBooks(t, a)
		_, ok = liquidate(a, 0, 0)
		require.False(t, ok)
	}
}

// Several cross positions whose marks move a little at a time, so that the
// ranges in which marks pass are used up from all sides.
func TestCrossMarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := openAccount(t, exchange.Money(rapid.Int64Range(5_000_000, 20_000_000).Draw(t, "balance")), "0", markets...)
		qty := []exchange.Qty{30_000, 200, 120, 5_500} // each worth about 60 000 000
		for s := range qty {
			trade(a, exchange.SymbolID(s), qty[s]*exchange.Qty(rapid.SampledFrom([]int{-1, 1}).Draw(t, "sign")), prices[s])
		}
		for range 60 {
			s := exchange.SymbolID(rapid.IntRange(0, len(qty)-1).Draw(t, "symbol"))
			p := &a.positions[s]
			next := p.mark + p.mark*exchange.Price(rapid.IntRange(-80, 80).Draw(t, "step"))/10_000
			due := a.SetMark(s, next, 0)
			require.Equal(t, a.due(s), due)
		}
	})
}

// As long as nothing else happens, marks far from liquidation pass by the ranges
// that the first one computed.
func TestMarksPassWithoutTest(t *testing.T) {
	a := benchAccount(t)
	lo, hi := a.positions[0].lo, a.positions[0].hi
	for i := range 1000 {
		require.False(t, a.SetMark(0, near(i), 0))
	}
	require.Equal(t, []exchange.Price{lo, hi}, []exchange.Price{a.positions[0].lo, a.positions[0].hi})
	require.Less(t, lo, near(0))
	require.Greater(t, hi, near(15))
}

// An order that takes the place of another one has to pass what a new one has to.
func TestChangedOrders(t *testing.T) {
	c := xbtusd(100, "0.5", "0.004", "0")
	c.limit, c.step = 20_000_000_000, 10_000_000_000
	a := openAccount(t, 1e12, "0", c)
	price := exchange.MustPrice("50000")
	setMark(a, 0, "50000")
	trade(a, 0, 6_000_000, "50000")
	a.SetOpen(0, exchange.Buy, 4_000_000, 8_000_000_000)
	require.Error(t, a.CheckOrder(0, exchange.Buy, 100, price, 0))
	was := Open{4_000_000, 8_000_000_000}
	require.NoError(t, a.CheckChange(0, exchange.Buy, was, Open{4_000_000, 8_000_000_000}, price, 0))
	setMark(a, 0, "30000") // the position alone is worth the limit
	require.Equal(t, &RiskLimitError{Value: 20_000_180_000, Limit: 20_000_000_000},
		a.CheckChange(0, exchange.Buy, was, Open{100, 200_000}, price, 0), "smaller than what it replaces, and still more than nothing")
}

func TestReducingWithoutMargin(t *testing.T) {
	a := openAccount(t, 10_000, "0", xbtusd(100, "0.5", "0.005", "0"))
	trade(a, 0, 400, "50000")
	setMark(a, 0, "49700")
	a.SetOpen(0, exchange.Buy, 100, 200_000)
	require.Negative(t, a.Margin(0).Available)
	require.Empty(t, a.MustLiquidate(0))
	require.NoError(t, a.CheckOrder(0, exchange.Sell, 400, exchange.MustPrice("49800"), 0))
	require.Error(t, a.CheckOrder(0, exchange.Sell, 1500, exchange.MustPrice("49800"), 0))
}
