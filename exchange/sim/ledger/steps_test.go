package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// stepped is a contract with risk limits of 200, 300, 400 XBT ... and a base maintenance
// of half a percent.
func stepped() contract {
	c := xbtusd(100, "0.5", "0.005", "0")
	c.limit, c.step = 20_000_000_000, 10_000_000_000
	return c
}

// A raised risk limit is lowered first, as far as the position has become smaller than
// it: a long one is worth less when the price has risen.
func TestLiquidationLowersTheRiskLimit(t *testing.T) {
	a := openAccount(t, 900_000_000, "0", stepped())
	setMark(a, 0, "50000")
	require.NoError(t, a.SetRiskLimit(0, 40_000_000_000, 0))
	trade(a, 0, -11_000_000, "50000") // worth 220 XBT, which 300 hold
	require.Equal(t, exchange.Money(330_000_000), a.Margin(0).MaintMargin, "1.5 %")
	require.Equal(t, exchange.Money(40_000_000_000), a.Position(0).RiskLimit)
	require.False(t, setMark(a, 0, "51000"))
	require.True(t, setMark(a, 0, "51500"), "640 of 900 are lost")

	require.True(t, a.LowerRiskLimit(0, 0))
	require.Equal(t, exchange.Money(30_000_000_000), a.Position(0).RiskLimit)
	require.Equal(t, exchange.Money(220_000_000), a.Margin(0).MaintMargin, "1 %")
	require.Empty(t, a.MustLiquidate(0), "that was enough")
	require.False(t, a.LowerRiskLimit(0, 0), "the position is worth more than 200")
	requireBooks(t, a)
}

// Then what is above the next lower limit is offered in the market.
func TestLiquidationReduces(t *testing.T) {
	for _, leverage := range []string{"0", "30"} {
		a := openAccount(t, 700_000_000, leverage, stepped())
		setMark(a, 0, "50000")
		require.NoError(t, a.SetRiskLimit(0, 30_000_000_000, 0))
		trade(a, 0, 11_000_000, "50000") // worth 220 XBT
		require.False(t, setMark(a, 0, "49990"))
		qty, _ := a.Excess(0, 0)
		require.Equal(t, exchange.Qty(1_002_000), qty, "it does not ask whether the position is due")
		require.True(t, setMark(a, 0, "48850"))
		require.False(t, a.LowerRiskLimit(0, 0))

		qty, limit := a.Excess(0, 0)
		require.Equal(t, exchange.Qty(11_000_000-9_770_000), qty, "200 XBT at 204708 a lot are 97700 lots")
		require.Equal(t, a.Position(0).BankruptPrice, limit)
		require.Less(t, limit, exchange.MustPrice("48850"))
		f := exchange.Fill{Side: exchange.Sell, Qty: qty, Price: exchange.MustPrice("48850"), Type: exchange.ExecLiquidation}
		a.Fill(&f)
		require.True(t, a.LowerRiskLimit(0, 0))
		require.Zero(t, a.Position(0).RiskLimit, "at the base")
		qty, _ = a.Excess(0, 0)
		require.Zero(t, qty, "what is at the base is taken over whole")
		require.Empty(t, a.MustLiquidate(0), "at %s the rest can be held", leverage)
		require.Zero(t, a.Insurance().In("XBt").Takeovers)
		requireBooks(t, a)
	}
}

func TestFundTakesOver(t *testing.T) {
	c := xbtusd(100, "0.5", "0.005", "0.00075")
	run := func(t *testing.T, deposit exchange.Money, mark string) (*Account, FundState) {
		a, err := New(Config{Instruments: setOf(t, c), Currency: xbt, Balance: 10_000_000, Leverage: 10 * exchange.RatioUnit,
			Fund: NewFund(Deposit{xbt, deposit})})
		require.NoError(t, err)
		trade(a, 0, 40_000, "50000") // worth 80 000 000, bankrupt at 45455
		require.True(t, setMark(a, 0, mark))
		_, ok := liquidate(a, 0, 0)
		require.True(t, ok)
		requireBooks(t, a)
		require.Len(t, a.Insurance().States(), 1)
		return a, a.Insurance().In("XBt")
	}
	t.Run("better than at bankruptcy", func(t *testing.T) {
		_, f := run(t, 0, "45500")
		// 219780 a lot at the mark, 219998 at 45455.
		require.Equal(t, FundState{Currency: "XBt", Received: 400 * (219_998 - 219_780), Balance: 400 * (219_998 - 219_780), Takeovers: 1}, f)
	})
	t.Run("worse", func(t *testing.T) {
		_, f := run(t, 1_000_000_000, "40000")
		require.Equal(t, FundState{Currency: "XBt", Deposit: 1_000_000_000, Paid: 400 * (250_000 - 219_998), Balance: 1_000_000_000 - 400*(250_000-219_998), Takeovers: 1}, f)
	})
	t.Run("worse than the fund can bear", func(t *testing.T) {
		a, f := run(t, 1_000_000, "40000")
		// It can bear 33 lots.
		require.Equal(t, FundState{Currency: "XBt", Deposit: 1_000_000, Paid: 33 * (250_000 - 219_998), Balance: 1_000_000 - 33*(250_000-219_998),
			Deleveraged: (400 - 33) * (250_000 - 219_998), Takeovers: 1, Deleveragings: 1}, f)
		require.Positive(t, a.Wallet(), "the account does not notice")
	})
}

// A market that pays more than one price is paid one by one, and what it does not take
// others have to close.
func TestFundClosesInParts(t *testing.T) {
	a, err := New(Config{Instruments: setOf(t, xbtusd(100, "0.5", "0.005", "0.00075")), Currency: xbt, Balance: 10_000_000,
		Leverage: 10 * exchange.RatioUnit, Fund: NewFund(Deposit{xbt, 100_000})})
	require.NoError(t, err)
	trade(a, 0, 40_000, "50000") // bankrupt at 45455, a lot is 219998 there
	require.True(t, setMark(a, 0, "45500"))
	_, held := a.Liquidate(0, 0)
	require.Equal(t, exchange.Qty(40_000), held.Qty())
	require.Equal(t, exchange.Qty(10_000), held.Close(10_000, exchange.MustPrice("45500")), "218 a lot better")
	require.Equal(t, exchange.Qty(20_000), held.Close(20_000, exchange.MustPrice("45400")), "266 a lot worse")
	require.Equal(t, exchange.Qty(10_000), held.Qty())
	require.Equal(t, exchange.Qty(3_000), held.Close(90_000, exchange.MustPrice("45000")), "2224 a lot worse: what is left of the fund bears 30, of 68 600")
	require.Zero(t, held.Close(5_000, exchange.MustPrice("45000")))
	held.Settle(exchange.MustPrice("45500"))
	require.Zero(t, held.Qty())
	paid := exchange.Money(200*266 + 30*2224)
	require.Equal(t, FundState{Currency: "XBt", Deposit: 100_000, Received: 100 * 218, Paid: paid, Balance: 121_800 - paid,
		Deleveraged: -70 * 218, Takeovers: 1, Deleveragings: 1}, a.Insurance().In("XBt"))
	held.Settle(exchange.MustPrice("45500"))
	require.Equal(t, 1, a.Insurance().In("XBt").Deleveragings, "once")
	requireBooks(t, a)
}

func TestTransferMargin(t *testing.T) {
	a := openAccount(t, 10_000_000, "10", xbtusd(100, "0.5", "0.005", "0.00075"))
	refused := func(reason string, amount exchange.Money) {
		t.Helper()
		before := a.Margin(0)
		var bad *TransferError
		err := a.TransferMargin(0, amount, 0)
		require.ErrorAs(t, err, &bad)
		require.EqualError(t, err, reason)
		require.Equal(t, before, a.Margin(0))
	}
	setMark(a, 0, "50000")
	refused("Invalid amount for isolated margin transfer", 1000) // there is no position
	trade(a, 0, 10_000, "50000")                                 // worth 20 000 000
	refused("Invalid amount for isolated margin transfer", 0)
	refused("Position has insufficient isolated margin", -1)

	before, free, price := marginOf(a, 0), a.Margin(0).Available, a.Position(0).LiquidationPrice
	require.NoError(t, a.TransferMargin(0, 1_000_000, 0))
	now := marginOf(a, 0)
	require.Equal(t, exchange.Money(999_250), a.positions[0].added, "the rest is the fee of a later bankruptcy")
	require.Equal(t, before.total+1_000_000, now.total)
	require.Equal(t, free-1_000_000, a.Margin(0).Available)
	require.Less(t, a.Position(0).LiquidationPrice, price)
	r := a.Requirements(0)
	require.Equal(t, exchange.Requirements{
		InitRate: exchange.MustRatio("0.1"), MaintRate: exchange.MustRatio("0.005"), FeeRate: exchange.MustRatio("0.00075"),
		RiskValue: 20_000_000, Init: 2_000_000, Comm: now.comm, Added: 999_250, Margin: now.total, Maint: now.maint,
	}, r)

	var short *InsufficientError
	require.ErrorAs(t, a.TransferMargin(0, free, 0), &short)
	require.Equal(t, InsufficientError{Required: free, Available: free - 1_000_000, Currency: "XBt"}, *short)
	require.Error(t, a.TransferMargin(0, 1<<62, 0))

	// A part of it comes back, and no more than was added.
	require.NoError(t, a.TransferMargin(0, -400_000, 0))
	require.Equal(t, free-599_999, a.Margin(0).Available, "the fee is rounded up")
	refused("Position has insufficient isolated margin", -601_000)

	// Not when the position needs it.
	require.False(t, setMark(a, 0, "45200"))
	err := a.TransferMargin(0, -590_000, 0)
	require.EqualError(t, err, "Cannot exceed the maximum effective leverage")

	// What funding has taken must be made good first.
	setMark(a, 0, "50000")
	a.Fund(0, exchange.MustRatio("0.02"), 0)
	require.Equal(t, exchange.Money(400_000), a.positions[0].lost)
	refused("Position has insufficient isolated margin", -300_000)
	require.NoError(t, a.TransferMargin(0, -150_000, 0))

	require.NoError(t, a.SetLeverage(0, 0, 0))
	refused("Position has cross margin enabled", 1000)
	require.Error(t, a.TransferMargin(99, 1, 0))
	requireBooks(t, a)
}

func TestCloseOddLot(t *testing.T) {
	in := xbtusd(1, "0.5", "0.005", "0.00075").instrument()
	later := in.Terms[0]
	later.From, later.LotSize, later.SettleFee = 1000, 100, exchange.MustRatio("0.0005")
	in.Terms = append(in.Terms, later)
	set := new(exchange.Instruments)
	require.NoError(t, set.Add(in))
	a, err := New(Config{Instruments: set, Currency: xbt, Balance: 1e9})
	require.NoError(t, err)
	trade(a, 0, 140, "8335") // 11998 a contract
	a.SetMark(0, exchange.MustPrice("8400"), 0)
	_, ok := a.CloseOddLot(0, 0)
	require.False(t, ok, "the lot is 1")
	a.SetMark(0, exchange.MustPrice("8400"), 1000)
	f, ok := a.CloseOddLot(0, 1000)
	require.True(t, ok)
	// 40 hundredths of a lot of 1190476; a part of the cost of 140.
	require.Equal(t, exchange.Fill{
		Side: exchange.Sell, Qty: 40, Price: exchange.MustPrice("8400"), Type: exchange.ExecSettlement, Cause: exchange.ForcedClose, Time: 1000,
		Value: 476_190, Realised: 40*11_998 - 476_190, Position: 100,
	}, f)
	_, ok = a.CloseOddLot(0, 1000)
	require.False(t, ok)
	requireBooks(t, a)
}

// Nothing is made and nothing is lost: accounts that trade with each other, what they
// pay to the venue, and its insurance fund own together what they owned at first. A
// market that has no position of its own takes what the fund closes. Positions are whole
// lots: the value of a part of one is rounded, and does not add up.
func TestMoneyIsConserved(t *testing.T) {
	list := markets[:3]
	rapid.Check(t, func(t *rapid.T) {
		fund := NewFund(Deposit{xbt, exchange.Money(rapid.Int64Range(0, 50_000_000).Draw(t, "fund"))})
		set := setOf(t, list...)
		var accounts []*Account
		for n := range 4 {
			c := Config{Instruments: set, Currency: xbt, Balance: 2_000_000_000, Leverage: exchange.Ratio(n%3) * 10 * exchange.RatioUnit, Fund: fund}
			if n == 3 {
				c.Balance, c.Leverage = 1e15, 0 // the market
			}
			a, err := New(c)
			require.NoError(t, err)
			accounts = append(accounts, a)
			for s := range list {
				setMark(a, exchange.SymbolID(s), prices[s])
			}
		}
		market := accounts[3]
		total := func() (sum exchange.Money) {
			for _, a := range accounts {
				all := a.Totals()
				sum += a.Equity() + all.Fees - all.Funding
			}
			f := fund.In("XBt")
			return sum + f.Balance - f.Deleveraged // those who were deleveraged pay it
		}
		start := total()
		swap := func(a, b *Account, s exchange.SymbolID, side exchange.Side, qty exchange.Qty, price exchange.Price) {
			for _, party := range []*Account{a, b} {
				f := exchange.Fill{Symbol: s, Side: side, Qty: qty, Price: price, Liquidity: exchange.RemovedLiquidity}
				party.Fill(&f)
				side = side.Opposite()
			}
		}
		taken := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			s := exchange.SymbolID(rapid.IntRange(0, len(list)-1).Draw(t, "symbol"))
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				a, b := rapid.IntRange(0, 3).Draw(t, "a"), rapid.IntRange(0, 3).Draw(t, "b")
				if a != b {
					swap(accounts[a], accounts[b], s, drawSide(t), drawQty(t, s), drawPrice(t, s, 5))
				}
			case 2:
				rate := exchange.Ratio(rapid.Int64Range(-37_500_000, 37_500_000).Draw(t, "rate"))
				var rest exchange.Money
				for _, a := range accounts {
					paid, _ := a.Fund(s, rate, 0)
					rest += paid.Amount
				}
				require.LessOrEqual(t, rest.Abs(), exchange.Money(len(accounts)), "what longs pay, shorts receive, to the rounding of each")
			default:
				price := drawPrice(t, s, 30)
				for _, a := range accounts {
					a.SetMark(s, price, 0)
				}
			}
			for _, a := range accounts[:3] {
				for list := a.MustLiquidate(0); len(list) > 0; list = a.MustLiquidate(0) {
					id := list[0]
					taken++
					_, held := a.Liquidate(id, 0)
					takes := func(side exchange.Side, qty exchange.Qty, price exchange.Price) {
						if qty > 0 {
							f := exchange.Fill{Symbol: id, Side: side, Qty: qty, Price: price}
							market.Fill(&f)
						}
					}
					side, mark := exchange.SideOf(held.Qty()), a.positions[id].mark
					for range rapid.IntRange(0, 3).Draw(t, "levels") {
						price := drawPrice(t, id, 10)
						takes(side, held.Close(drawQty(t, id), price), price)
					}
					takes(side, held.Qty().Abs(), mark)
					held.Settle(mark)
				}
			}
			require.Equal(t, start, total())
			var open exchange.Qty
			for _, a := range accounts {
				open += a.PositionQty(s)
				requireBooks(t, a)
			}
			require.Zero(t, open)
		}
		require.Equal(t, taken, fund.In("XBt").Takeovers)
	})
}
