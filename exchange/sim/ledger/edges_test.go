package ledger

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Terms change also while there is no position: its marks pass, before the change and after.
func TestFlatAccountsFollowTerms(t *testing.T) {
	i := xbtusd(100, "0.5", "0.005", "0").instrument()
	next := i.Terms[0]
	next.From, next.TakerFee = 1000, exchange.MustRatio("0.001")
	i.Terms = append(i.Terms, next)
	set := new(exchange.Instruments)
	require.NoError(t, set.Add(i))
	for _, leverage := range []string{"0", "10"} {
		a, err := New(Config{Instruments: set, Currency: xbt, Balance: 1e9, Leverage: exchange.MustRatio(leverage)})
		require.NoError(t, err)
		for _, at := range []exchange.Time{999, 1000, 1001} {
			require.False(t, a.SetMark(0, exchange.MustPrice("50000"), at))
		}
		trade(a, 0, 1000, "50000")
		trade(a, 0, -1000, "50000")
		require.False(t, a.SetMark(0, exchange.MustPrice("1"), 1002))
		require.Equal(t, exchange.Money(2*2000), a.Totals().Fees)
		requireBooks(t, a)
	}
}

// Liquidation and bankruptcy prices by hand, of either side and kind: on the tick, rounded
// towards the entry price, and never beyond the prices that there are.
func TestLiquidationPrices(t *testing.T) {
	linear := ethusdt("0.05", "0.1", "0.05", "0")
	linear.multiplier, linear.divisor = 1000, 100 // 10 µUSDT a contract at price 1
	inverse := xbtusd(100, "0.5", "0.005", "0")
	for _, c := range []struct {
		name                  string
		contract              contract
		balance               exchange.Money
		leverage              string
		qty                   exchange.Qty
		price                 string
		liquidation, bankrupt string
	}{
		// 1000 contracts cost 20 USDT at 2000, and need 1 USDT.
		{"linear long", linear, 3_000_000, "0", 1000, "2000", "1800", "1700"},
		{"linear short", linear, 3_000_000, "0", -1000, "2000", "2200", "2300"},
		{"linear long off the tick", linear, 3_000_300, "0", 1000, "2000", "1800", "1700"},
		{"linear short off the tick", linear, 3_000_300, "0", -1000, "2000", "2200", "2300"},
		{"linear long, a tick", linear, 3_000_500, "0", 1000, "2000", "1799.95", "1699.95"},
		{"linear short, a tick", linear, 3_000_500, "0", -1000, "2000", "2200.05", "2300.05"},
		{"linear long, rich", linear, 20_999_999, "0", 1000, "2000", "0.05", "0.05"},
		{"linear long, richer", linear, 21_000_000, "0", 1000, "2000", "0.05", "0.05"},
		{"linear short, nearly rich", linear, 9_980_999_500, "0", -1000, "2000", "999999.95", "1000000"},
		{"linear short, rich", linear, 9_981_000_000, "0", -1000, "2000", "1000000", "1000000"},
		{"linear short, richest", linear, maxBalance, "0", -1000, "2000", "1000000", "1000000"},
		{"linear long, isolated", linear, 1e9, "5", 1000, "2000", "1700", "1600"},
		{"linear short, isolated", linear, 1e9, "5", -1000, "2000", "2300", "2400"},
		// 1000 lots cost 2 XBT at 50000, and need 0.01.
		{"inverse long", inverse, 51_000_000, "0", 100_000, "50000", "40000", "39841"},
		{"inverse short", inverse, 51_000_000, "0", -100_000, "50000", "66666.5", "67114"},
		{"inverse short, nearly rich", inverse, 200_000_000, "0", -100_000, "50000", "1000000", "1000000"},
		{"inverse short, rich", inverse, 201_000_000, "0", -100_000, "50000", "1000000", "1000000"},
		{"inverse long, rich", inverse, maxBalance, "0", 100_000, "50000", "0.5", "0.5"},
		{"inverse long, isolated", inverse, 1e9, "5", 100_000, "50000", "41841.5", "41667"},
		{"inverse short, isolated", inverse, 1e9, "5", -100_000, "50000", "62111.5", "62500"},
		{"inverse short, nearly covered", inverse, 1e9, "1.0004", -100_000, "50000", "9259259", "1000000"},
		{"inverse short, covered", inverse, 1e9, "1", -100_000, "50000", "1000000", "1000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := openAccount(t, c.balance, c.leverage, c.contract)
			trade(a, 0, c.qty, c.price)
			require.False(t, setMark(a, 0, c.price))
			p := a.Position(0)
			require.Equal(t, c.liquidation, p.LiquidationPrice.String())
			require.Equal(t, c.bankrupt, p.BankruptPrice.String())
			requireBooks(t, a)
			// Its own profit or loss does not move them.
			for _, percent := range []exchange.Price{99, 101} {
				require.False(t, a.SetMark(0, exchange.MustPrice(c.price)*percent/100, 0))
				now := a.Position(0)
				require.NotZero(t, now.Unrealised)
				require.Equal(t, []exchange.Price{p.LiquidationPrice, p.BankruptPrice},
					[]exchange.Price{now.LiquidationPrice, now.BankruptPrice})
			}
		})
	}
}

// A risk limit holds a position that is worth exactly as much: it is lowered to it, and
// nothing is above it. A lot more is.
func TestPositionsAtARiskLimit(t *testing.T) {
	for _, sign := range []exchange.Qty{1, -1} {
		for more, c := range map[exchange.Qty]struct {
			lowers bool
			excess exchange.Qty
		}{-100: {true, 0}, 0: {true, 0}, 100: {false, 100}, 300: {false, 300}} {
			a := openAccount(t, 1e12, "0", stepped())
			setMark(a, 0, "50000")
			require.NoError(t, a.SetRiskLimit(0, 30_000_000_000, 0))
			trade(a, 0, sign*(10_000_000+more), "50000") // worth 200 XBT and so many lots more
			setMark(a, 0, "50000")
			excess, price := a.Excess(0, 0)
			require.Equal(t, c.excess, excess, "%d more", more)
			require.Equal(t, excess > 0, price > 0)
			err := a.SetRiskLimit(0, 20_000_000_000, 0)
			if c.lowers {
				require.NoError(t, err)
				require.NoError(t, a.SetRiskLimit(0, 30_000_000_000, 0))
			} else {
				var beyond *RiskLimitError
				require.ErrorAs(t, err, &beyond)
			}
			require.Equal(t, c.lowers, a.LowerRiskLimit(0, 0))
			excess, price = a.Excess(0, 0)
			if c.lowers {
				require.Zero(t, excess, "at the base there is none")
				require.Zero(t, price)
			}
		}
	}
}

// What was added to the margin of a position comes back to the last unit, as far as funding
// has not taken it.
func TestTransfersToTheLastUnit(t *testing.T) {
	for _, sign := range []exchange.Qty{1, -1} {
		a := openAccount(t, 1e9, "10", xbtusd(100, "0.5", "0.005", "0"))
		setMark(a, 0, "50000")
		trade(a, 0, sign*10_000, "50000") // worth 20 000 000
		var bad *TransferError
		require.NoError(t, a.TransferMargin(0, 1, 0))
		require.ErrorAs(t, a.TransferMargin(0, -2, 0), &bad)
		require.NoError(t, a.TransferMargin(0, -1, 0))
		require.NoError(t, a.TransferMargin(0, 1_000_000, 0))
		a.Fund(0, exchange.Ratio(sign)*exchange.MustRatio("0.02"), 0) // of which 400 000 are paid
		require.Equal(t, exchange.Money(400_000), a.Requirements(0).Lost)
		require.ErrorAs(t, a.TransferMargin(0, -600_001, 0), &bad)
		require.NoError(t, a.TransferMargin(0, -600_000, 0))
		require.ErrorAs(t, a.TransferMargin(0, -1, 0), &bad)
		require.ErrorAs(t, a.TransferMargin(0, math.MinInt64, 0), &bad)
		require.Equal(t, exchange.Money(2_000_000), a.Requirements(0).Margin)
		var short *InsufficientError
		require.ErrorAs(t, a.TransferMargin(0, math.MaxInt64, 0), &short)
		free := a.Margin(0).Available
		require.ErrorAs(t, a.TransferMargin(0, free+1, 0), &short)
		require.NoError(t, a.TransferMargin(0, free, 0))
		requireBooks(t, a)
	}
}

// The least leverage isolates, and anything less is refused.
func TestLeastLeverage(t *testing.T) {
	set := setOf(t, xbtusd(100, "0.5", "0.005", "0"))
	for _, leverage := range []exchange.Ratio{minLeverage, minLeverage - 1, 1, -1} {
		_, err := New(Config{Instruments: set, Currency: xbt, Leverage: leverage})
		a := openAccount(t, 1e9, "0", xbtusd(100, "0.5", "0.005", "0"))
		again := a.SetLeverage(0, leverage, 0)
		if leverage == minLeverage {
			require.NoError(t, err)
			require.NoError(t, again)
			continue
		}
		require.ErrorContains(t, err, "leverage")
		require.EqualError(t, again, "Invalid leverage")
	}
}

// The fund closes as many lots as it can bear to the last unit.
func TestFundBearsToTheLastUnit(t *testing.T) {
	for deposit, want := range map[exchange.Money]exchange.Qty{
		200 * 266: 20_000, 200*266 + 1: 20_000, 200*266 - 1: 19_900, 266: 100, 265: 0, 0: 0,
	} {
		a, err := New(Config{
			Instruments: setOf(t, xbtusd(100, "0.5", "0.005", "0.00075")), Currency: xbt, Balance: 10_000_000,
			Leverage: 10 * exchange.RatioUnit, Fund: NewFund(Deposit{xbt, deposit}),
		})
		require.NoError(t, err)
		trade(a, 0, 40_000, "50000") // bankrupt at 45455, where a lot is 219998
		require.True(t, setMark(a, 0, "45500"))
		_, held := a.Liquidate(0, 0)
		require.Zero(t, held.Close(0, exchange.MustPrice("45400")))
		require.Equal(t, want, held.Close(20_000, exchange.MustPrice("45400")), "266 a lot worse, with %d", deposit)
		require.Equal(t, 40_000-want, held.Qty())
		f := a.Insurance().In("XBt")
		require.Equal(t, exchange.Money(want/100)*266, f.Paid)
		require.Zero(t, f.Deleveraged)
		// What is no worse costs nothing.
		require.Equal(t, 40_000-want, held.Close(90_000, exchange.MustPrice("45455")))
		requireBooks(t, a)
	}
}

// A pair whose contract is a whole number of the coin's smallest units is exchanged between
// two wallets, any other one is held at cost.
func TestContractsOfAPair(t *testing.T) {
	for _, c := range []struct {
		multiplier, divisor int64
		underlying          string
		coins               exchange.Money // of ten contracts; 0: it is no exchange
	}{
		{1, 100, "XBT", 10}, {1, 1, "XBT", 1000}, {3, 100, "XBT", 30}, {7, 4, "XBT", 1750}, {5, 1, "XBT", 5000},
		{1, 3, "XBT", 0}, {1, 200, "XBT", 0}, {7, 300, "XBT", 0}, {1, 1, "ETH", 0}, {1, 1, "USDT", 0},
	} {
		pair := xbtSpot
		pair.multiplier, pair.divisor, pair.underlying, pair.lot = c.multiplier, c.divisor, c.underlying, 10
		a, err := New(Config{Instruments: setOf(t, pair), Currency: usdt, Balance: 1e12, Wallets: []Deposit{{Currency: xbt}}})
		require.NoError(t, err)
		_, ok := a.Coin(0)
		require.Equal(t, c.coins != 0, ok, "%d/%d of %s", c.multiplier, c.divisor, c.underlying)
		trade(a, 0, 10, "50000")
		require.Equal(t, c.coins, in(t, a, "XBt").Wallet)
		require.Equal(t, c.coins == 0, a.PositionQty(0) == 10)
		trade(a, 0, -10, "50000")
		require.Zero(t, in(t, a, "XBt").Wallet)
		requireBooks(t, a)
	}
}

// An offer of more coins than a number can say is an offer of as many as it can.
func TestCoinsBeyondTheNumbers(t *testing.T) {
	pair := xbtSpot
	pair.divisor = 1 // a contract is 100 satoshi
	a, err := New(Config{Instruments: setOf(t, pair), Currency: usdt, Balance: 1e12, Wallets: []Deposit{{xbt, 1000}}})
	require.NoError(t, err)
	const most = math.MaxInt64 / 100
	for qty, want := range map[exchange.Qty]exchange.Money{
		11: 1100, most: most * 100, most + 1: math.MaxInt64, math.MaxInt64: math.MaxInt64,
	} {
		var short *InsufficientError
		err := a.CheckChange(0, exchange.Sell, Open{}, Open{Qty: qty}, exchange.MustPrice("50000"), 0)
		require.ErrorAs(t, err, &short)
		require.Equal(t, InsufficientError{Required: want, Available: 1000, Currency: "XBt"}, *short)
	}
	require.NoError(t, a.CheckChange(0, exchange.Sell, Open{}, Open{Qty: 10}, exchange.MustPrice("50000"), 0))
}

// The marks that pass without a test reach to the edge, as far as rounding lets them: not far
// beyond them a position has lost what it may.
func TestSafeMarksReachTheEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := exchange.SymbolID(rapid.IntRange(0, 3).Draw(t, "symbol"))
		a := openAccount(t, 1e12, "0", drawRounding(t, markets)...)
		f := exchange.Fill{Symbol: s, Side: drawSide(t), Qty: drawQty(t, s), Price: drawPrice(t, s, 30)}
		a.Fill(&f)
		p := &a.positions[s]
		floor := exchange.Money(rapid.Int64Range(-9*int64(f.Value)/10, 9*int64(f.Value)/10).Draw(t, "floor"))
		lo, hi := p.safeMarks(floor)
		for _, edge := range []struct {
			price exchange.Price
			away  exchange.Price
		}{{lo, -1}, {hi, 1}} {
			if edge.price == math.MinInt64 || edge.price == math.MaxInt64 {
				continue
			}
			// The value is rounded to units, of each lot or at once.
			value := p.terms.Value(p.held.Qty, edge.price)
			unit := max(p.terms.Rounding.Unit, 1)
			off := 4 * unit
			if !p.terms.Rounding.PerFill {
				off *= exchange.Money(p.held.Qty.Abs()/p.terms.LotSize) + 2
			}
			if value < 10*off {
				continue
			}
			slack := exchange.Price(float64(edge.price) * float64(off) / float64(value-off))
			beyond := edge.price + edge.away*(slack+10)
			require.LessOrEqual(t, p.terms.Cost(p.held.Qty, beyond)-p.held.Cost, floor, "%s, the edge is %s", beyond, edge.price)
		}
	})
}

// Where the lot is one contract, the fund closes all contracts but one if it lacks a unit.
func TestFundBearsAllButOne(t *testing.T) {
	for lack, want := range map[exchange.Money]exchange.Qty{0: 1000, 1: 999} {
		c := ethusdt("0.05", "0.1", "0.05", "0")
		c.lot, c.multiplier, c.divisor = 1, 1000, 100
		a, err := New(Config{Instruments: setOf(t, c), Currency: usdt, Balance: 3_000_000,
			Fund: NewFund(Deposit{usdt, 1000*1000 - lack})})
		require.NoError(t, err)
		trade(a, 0, 1000, "2000") // bankrupt at 1700
		require.True(t, setMark(a, 0, "1750"))
		_, held := a.Liquidate(0, 0)
		require.Equal(t, want, held.Close(1000, exchange.MustPrice("1600")), "1000 a contract worse")
		requireBooks(t, a)
	}
}

// Figures are those of the newest mark, fill and order, whether anybody has asked for one
// before or not.
func TestFiguresAreOfTheNewestState(t *testing.T) {
	other := stepped()
	other.symbol = "XBTEUR"
	account := func(t *testing.T, leverage string) *Account {
		t.Helper()
		a := openAccount(t, 900_000_000, "0", stepped(), other)
		setMark(a, 0, "50000")
		setMark(a, 1, "50000")
		require.NoError(t, a.SetRiskLimit(0, 40_000_000_000, 0))
		require.NoError(t, a.SetLeverage(0, exchange.MustRatio(leverage), 0))
		trade(a, 0, 10_000_100, "50000") // worth 200.002 XBT
		trade(a, 1, -100_000, "50000")
		a.Margin(0)
		setMark(a, 0, "50000")
		setMark(a, 1, "50000")
		return a
	}
	changes := map[string]func(a *Account){
		"a mark that passes": func(a *Account) { setMark(a, 0, "50100") },
		"marks of both":      func(a *Account) { setMark(a, 0, "50100"); setMark(a, 1, "50300") },
		"a mark far below":   func(a *Account) { setMark(a, 0, "47000") },
		"orders":             func(a *Account) { a.SetOpen(0, exchange.Buy, 1_000_000, 2_000_000_000) },
		"orders of the other": func(a *Account) {
			a.SetOpen(1, exchange.Sell, 1_000_000, 2_000_000_000)
		},
		"orders, then a mark": func(a *Account) {
			a.SetOpen(0, exchange.Buy, 1_000_000, 2_000_000_000)
			setMark(a, 0, "50200")
		},
		"funding": func(a *Account) { a.Fund(0, exchange.MustRatio("0.001"), 0) },
		"a rate":  func(a *Account) { a.SetFundingRate(0, exchange.MustRatio("0.001")) },
		"a fill":  func(a *Account) { trade(a, 0, -100_000, "50100") },
	}
	price := exchange.MustPrice("50000")
	asks := map[string]func(a *Account) any{
		"lower":    func(a *Account) any { return []any{a.LowerRiskLimit(0, 0), a.Position(0)} },
		"excess":   func(a *Account) any { q, p := a.Excess(0, 0); return []any{q, p} },
		"position": func(a *Account) any { return a.Position(0) },
		"needs":    func(a *Account) any { return a.Requirements(0) },
		"equity":   func(a *Account) any { return a.Equity() },
		"due":      func(a *Account) any { return append([]exchange.SymbolID{}, a.MustLiquidate(0)...) },
		"liquidate": func(a *Account) any {
			f, held := a.Liquidate(0, 0)
			return []any{f, held.Qty(), a.Totals()}
		},
		"order": func(a *Account) any {
			return []error{
				a.CheckOrder(0, exchange.Buy, 1_000_000, price, 0), a.CheckOrder(0, exchange.Buy, 20_000_000, price, 0),
			}
		},
		"price": func(a *Account) any {
			return []error{a.CheckPrice(0, exchange.Sell, exchange.MustPrice("48700")),
				a.CheckPrice(0, exchange.Sell, exchange.MustPrice("48000"))}
		},
		"limit":    func(a *Account) any { return []any{a.SetRiskLimit(0, 20_000_000_000, 0), a.Position(0)} },
		"leverage": func(a *Account) any { return []any{a.SetLeverage(0, 30*exchange.RatioUnit, 0), a.Position(0)} },
		"transfer": func(a *Account) any { return []any{a.TransferMargin(0, 100_000_000, 0), a.Position(0)} },
	}
	for _, leverage := range []string{"0", "30"} {
		for change, does := range changes {
			for name, ask := range asks {
				a, b := account(t, leverage), account(t, leverage)
				does(a)
				does(b)
				b.Margin(0)
				require.Equal(t, ask(b), ask(a), "%s after %s at %s", name, change, leverage)
				require.Equal(t, b.Margin(0), a.Margin(0))
				require.Equal(t, b.MarginOf(1, 0), a.MarginOf(1, 0))
			}
		}
	}
}

// A position that turns round, be it to a single contract, keeps nothing of the margin that
// was added to the one before, and what funding took from that one is not its loss.
func TestTurnedPositionsBeginAgain(t *testing.T) {
	for _, sign := range []exchange.Qty{1, -1} {
		for _, left := range []exchange.Qty{1, 2, 3} {
			a := openAccount(t, 1e9, "10", xbtusd(1, "0.5", "0.005", "0"))
			setMark(a, 0, "500")
			trade(a, 0, sign*2, "500")
			require.NoError(t, a.TransferMargin(0, 10_000, 0))
			a.Fund(0, exchange.Ratio(sign)*exchange.MustRatio("0.01"), 0)
			require.Equal(t, exchange.Money(4_000), a.Requirements(0).Lost)
			trade(a, 0, -sign*(2+left), "500")
			r := a.Requirements(0)
			require.Equal(t, []exchange.Money{0, 0, exchange.Money(left) * 20_000}, []exchange.Money{r.Added, r.Lost, r.Margin})
			requireBooks(t, a)
		}
	}
}

// A part that is closed takes its share of the added margin and of what funding took, down to
// a single contract, and the last one takes the rest.
func TestReducedPositionsKeepTheirShare(t *testing.T) {
	for _, sign := range []exchange.Qty{1, -1} {
		a := openAccount(t, 1e9, "10", xbtusd(1, "0.5", "0.005", "0"))
		setMark(a, 0, "500")
		trade(a, 0, sign*3, "500")
		require.NoError(t, a.TransferMargin(0, 30_000, 0))
		a.Fund(0, exchange.Ratio(sign)*exchange.MustRatio("0.01"), 0)
		for left := exchange.Money(3); left > 0; left-- {
			r := a.Requirements(0)
			require.Equal(t, []exchange.Money{left * 10_000, left * 2_000}, []exchange.Money{r.Added, r.Lost})
			trade(a, 0, -sign, "500")
		}
		r := a.Requirements(0)
		require.Equal(t, []exchange.Money{0, 0, 0}, []exchange.Money{r.Added, r.Lost, r.Margin})
		require.Equal(t, exchange.Money(1e9)-6_000, a.Wallet())
		requireBooks(t, a)
	}
}

// Funding of a single contract is paid by the long side and received by the short one.
func TestFundingOfOneContract(t *testing.T) {
	for _, sign := range []exchange.Qty{1, -1} {
		a := openAccount(t, 1e9, "0", xbtusd(1, "0.5", "0.005", "0"))
		setMark(a, 0, "500")
		trade(a, 0, sign, "500") // worth 200 000
		paid, ok := a.Fund(0, exchange.MustRatio("0.01"), 0)
		require.True(t, ok)
		require.Equal(t, -exchange.Money(sign)*2000, paid.Amount)
		require.Equal(t, exchange.Money(1e9)-exchange.Money(sign)*2000, a.Wallet())
		// The side that is to pay holds it besides its maintenance margin.
		for rate, more := range map[string]exchange.Money{"0.01": 2000, "-0.01": 0} {
			a.SetFundingRate(0, exchange.Ratio(sign)*exchange.MustRatio(rate))
			require.Equal(t, 1000+more, a.Requirements(0).Maint)
		}
	}
}

// A single contract of a large lot is safe in an account of any size.
func TestOneContractOfARichAccount(t *testing.T) {
	for balance := exchange.Money(1e16); balance < maxBalance; balance += 5e16 {
		for _, sign := range []exchange.Qty{1, -1} {
			for _, c := range []contract{xbtusd(100, "0.5", "0.005", "0"), ethusdt("0.05", "0.1", "0.05", "0")} {
				a := openAccount(t, balance, "0", c)
				trade(a, 0, sign, "2000")
				require.False(t, setMark(a, 0, "2000"))
				require.False(t, setMark(a, 0, "2001"))
				require.Positive(t, a.Position(0).LiquidationPrice)
				requireBooks(t, a)
			}
		}
	}
}

// An account may have any number of wallets.
func TestManyWallets(t *testing.T) {
	wallets := []Deposit{{usdt, 5}, {exchange.Currency{Code: "ETh", Major: "ETH", Scale: 9}, 6},
		{exchange.Currency{Code: "SOl", Major: "SOL", Scale: 9}, 7}}
	a, err := New(Config{Instruments: setOf(t, markets...), Currency: xbt, Balance: 4, Wallets: wallets})
	require.NoError(t, err)
	require.Len(t, a.Currencies(), 4)
	for n, code := range []string{"XBt", "USDt", "ETh", "SOl"} {
		require.Equal(t, exchange.Money(4+n), in(t, a, code).Wallet)
	}
}

// A single contract is liquidated like any other number of them.
func TestOneContractIsLiquidated(t *testing.T) {
	for sign, beyond := range map[exchange.Qty]string{1: "430", -1: "590"} {
		for _, leverage := range []string{"0", "10"} {
			a := openAccount(t, 20_000, leverage, xbtusd(1, "0.5", "0.005", "0"))
			setMark(a, 0, "500")
			trade(a, 0, sign, "500") // worth 200 000
			require.False(t, setMark(a, 0, "500"))
			p := a.Position(0)
			require.NotZero(t, p.LiquidationPrice)
			require.True(t, setMark(a, 0, beyond), "%d at %s", sign, leverage)
			require.Equal(t, []exchange.SymbolID{0}, a.MustLiquidate(0))
			// What reduces it is no order that would lead to liquidation.
			require.NoError(t, a.CheckOrder(0, exchange.SideOf(-sign), 1, exchange.MustPrice(beyond), 0))
			_, ok := liquidate(a, 0, 0)
			require.True(t, ok)
			require.GreaterOrEqual(t, a.Wallet(), exchange.Money(0))
			requireBooks(t, a)
		}
	}
}

// An order through the mark is refused if the position would be liquidated at once, which it
// is when its margin is exactly what is needed.
func TestLiquidationAtOnceToTheTick(t *testing.T) {
	c := ethusdt("0.05", "0.1", "0.05", "0")
	for side, prices := range map[exchange.Side][2]string{
		// A fifth is its margin, a twentieth must be left: 15 % may be lost.
		exchange.Buy: {"1999.95", "2000"}, exchange.Sell: {"1478.3", "1478.25"},
	} {
		a := openAccount(t, 1e12, "5", c)
		setMark(a, 0, "1700")
		require.NoError(t, a.CheckOrder(0, side, 1000, exchange.MustPrice(prices[0]), 0))
		var at *ImmediateLiquidationError
		require.ErrorAs(t, a.CheckOrder(0, side, 1000, exchange.MustPrice(prices[1]), 0), &at)
	}
}

// What is bought with the last unit can be paid where there is no fee, and the first price
// of a pair is its mark.
func TestPairsWithoutAFee(t *testing.T) {
	pair := xbtSpot
	pair.taker = ""
	a, err := New(Config{
		Instruments: setOf(t, pair), Currency: usdt, Balance: 50_000_000, Wallets: []Deposit{{Currency: xbt}},
	})
	require.NoError(t, err)
	price := exchange.MustPrice("50000")
	require.NoError(t, a.CanPay(0, exchange.Buy, 100_000, price))
	require.Error(t, a.CanPay(0, exchange.Buy, 100_001, price))
	require.NoError(t, a.CheckOrder(0, exchange.Buy, 100_000, price, 0))
	trade(a, 0, 60_000, "50000")
	trade(a, 0, 20_000, "49000")
	require.Equal(t, price, a.Position(0).MarkPrice)
	setMark(a, 0, "48000")
	require.Equal(t, exchange.MustPrice("48000"), a.Position(0).MarkPrice)
	require.Equal(t, exchange.Money(50_000_000-30_000_000-9_800_000), in(t, a, "USDt").Available)
	requireBooks(t, a)
}

// An order is worth what the terms in force say, also if it is the first that is heard of
// their time.
func TestOrdersAreValuedByTheTermsOfTheirTime(t *testing.T) {
	i := xbtusd(1, "0.5", "0.005", "0").instrument()
	next := i.Terms[0]
	next.From, next.LotSize = 1000, 100
	i.Terms = append(i.Terms, next)
	set := new(exchange.Instruments)
	require.NoError(t, set.Add(i))
	// A contract is worth 11 998, and a hundred of them together 1 199 760.
	for at, want := range map[exchange.Time]exchange.Money{999: 119_980, 1000: 119_976} {
		a, err := New(Config{Instruments: set, Currency: xbt})
		require.NoError(t, err)
		var short *InsufficientError
		require.ErrorAs(t, a.CheckOrder(0, exchange.Buy, 1000, exchange.MustPrice("8335"), at), &short)
		require.Equal(t, want, short.Required)
	}
}

// A risk limit without steps cannot be raised, and can be set to what it is.
func TestRiskLimitWithoutSteps(t *testing.T) {
	c := xbtusd(100, "0.5", "", "0")
	c.limit = 20_000_000_000
	a := openAccount(t, 1e9, "0", c)
	require.EqualError(t, a.SetRiskLimit(0, 20_000_000_001, 0), "Invalid riskLimit")
	require.NoError(t, a.SetRiskLimit(0, 20_000_000_000, 0))
	require.NoError(t, a.SetRiskLimit(0, 1, 0))
	require.EqualError(t, a.SetRiskLimit(0, 0, 0), "Invalid riskLimit")
}

// A price that coins are bought at has nothing to do with their mark: what is above it is no
// loss that the order must bring along.
func TestCoinsAboveTheirMark(t *testing.T) {
	a := openAccount(t, 1_000_000, "0", markets...)
	const spot = 4 // a contract is 6000 at 0.06, and the fee 6
	setMark(a, spot, "0.05")
	require.NoError(t, a.CheckOrder(spot, exchange.Buy, 160, exchange.MustPrice("0.06"), 0))
	require.Error(t, a.CheckOrder(spot, exchange.Buy, 170, exchange.MustPrice("0.06"), 0))
}

// What is beyond whole lots is closed at the mark, which is the price of the first fill until
// there is another.
func TestOddLotsAtTheMark(t *testing.T) {
	a := openAccount(t, 1e9, "0", xbtusd(100, "0.5", "0.005", "0"))
	_, ok := a.CloseOddLot(0, 0)
	require.False(t, ok, "nothing is held")
	trade(a, 0, 150, "50000")
	f, ok := a.CloseOddLot(0, 0)
	require.True(t, ok)
	require.Equal(t, exchange.MustPrice("50000"), f.Price)
	require.Equal(t, exchange.Qty(50), f.Qty)
	require.Equal(t, exchange.Sell, f.Side)
	_, ok = a.CloseOddLot(0, 0)
	require.False(t, ok)
}

// A step is taken for as little as a unit above the base, and for each unit above a step.
func TestRiskLimitsAUnitAboveAStep(t *testing.T) {
	c := stepped()
	a := openAccount(t, 1e12, "0", c)
	for more, want := range map[exchange.Money]int64{0: 0, 1: 1, c.step: 1, c.step + 1: 2} {
		require.NoError(t, a.SetRiskLimit(0, c.limit+more, 0))
		require.Equal(t, c.limit+exchange.Money(want)*c.step, a.positions[0].riskLimit())
	}
}

// Where as much as a unit of rounding is all that is left there is no mark that is safe.
func TestNoMarkIsSafe(t *testing.T) {
	long := openAccount(t, 1e12, "0", xbtusd(100, "0.5", "0.005", "0"))
	trade(long, 0, 100_000, "50000")
	short := openAccount(t, 1e12, "0", ethusdt("0.05", "0.01", "0.005", "0"))
	trade(short, 0, -1000, "2000")
	for _, a := range []*Account{long, short} {
		p := &a.positions[0]
		worth := -p.held.Cost
		require.Positive(t, worth)
		for _, left := range []exchange.Money{-1, 0, 1} {
			lo, hi := p.safeMarks(worth - left)
			require.Equal(t, []exchange.Price{math.MaxInt64, math.MinInt64}, []exchange.Price{lo, hi}, "%d left", left)
		}
		lo, hi := p.safeMarks(worth / 2)
		require.Less(t, lo, hi)
	}
}
