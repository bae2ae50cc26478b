package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

var xbt = exchange.Currency{Code: "XBt", Major: "XBT", Scale: 8}

// walletWorld is an exchange with an account of two currencies.
type walletWorld struct {
	t      *testing.T
	x      *Exchange
	now    exchange.Time
	margin map[string]exchange.Margin // as last reported
	fills  []exchange.Fill
	texts  []string // of orders that ended
}

func newWalletWorld(t *testing.T, dollars, coins exchange.Money, changes ...func(*Config)) *walletWorld {
	t.Helper()
	c := testConfig(t)
	for _, name := range []string{"INV", "XBT_USDT"} {
		i, err := c.Instruments.Lookup("test", name)
		require.NoError(t, err)
		c.Symbols = append(c.Symbols, i.ID)
	}
	c.Balance, c.Wallets = dollars, []ledger.Deposit{{Currency: xbt, Balance: coins}}
	for _, change := range changes {
		change(&c)
	}
	x, err := New(c)
	require.NoError(t, err)
	return &walletWorld{t: t, x: x, now: epoch, margin: map[string]exchange.Margin{}}
}

func (w *walletWorld) id(symbol string) exchange.SymbolID {
	i, err := w.x.cfg.Instruments.Lookup("test", symbol)
	require.NoError(w.t, err)
	return i.ID
}

func (w *walletWorld) advance() {
	reports, err := w.x.Advance(w.t.Context(), w.now, nil)
	require.NoError(w.t, err)
	for i := range reports {
		switch r := &reports[i]; r.Kind {
		case exchange.ReportMargin:
			w.margin[r.Margin.Currency] = r.Margin
		case exchange.ReportFill:
			w.fills = append(w.fills, r.Fill)
		case exchange.ReportOrder:
			if r.Order.Status.Final() {
				w.texts = append(w.texts, r.Order.Text+r.Order.RejectReason)
			}
		}
	}
}

func (w *walletWorld) quote(symbol, bid, ask string) {
	q := exchange.Quote{BidPrice: exchange.MustPrice(bid), BidQty: 1e9, AskPrice: exchange.MustPrice(ask), AskQty: 1e9}
	ev := exchange.QuoteEvent(w.now, w.now, w.id(symbol), q)
	w.x.Market(&ev)
	w.advance()
}

func (w *walletWorld) mark(symbol, price string) {
	ev := exchange.MarkEvent(w.now, w.now, w.id(symbol), exchange.Mark{Mark: exchange.MustPrice(price)})
	w.x.Market(&ev)
	w.advance()
}

func (w *walletWorld) order(o exchange.NewOrder, symbol string) {
	o.Symbol = w.id(symbol)
	_, err := w.x.Submit(w.t.Context(), o)
	require.NoError(w.t, err)
	w.advance()
}

func (w *walletWorld) last() string { return w.texts[len(w.texts)-1] }

// An inverse contract and a linear one trade in one account, each in its own wallet,
// and the loss of one is no business of the other.
func TestTwoCurrenciesInOneAccount(t *testing.T) {
	w := newWalletWorld(t, 100_000_000, 10_000_000)
	w.quote("INV", "50000", "50000.5")
	w.quote("ABC", "100", "100.5")
	w.order(exchange.NewOrder{Side: exchange.Sell, Qty: 5000, Type: exchange.Market}, "INV")
	w.order(exchange.NewOrder{Side: exchange.Buy, Qty: 10_000, Type: exchange.Market}, "ABC")
	require.Len(t, w.fills, 2)
	require.Equal(t, exchange.Money(10_000_000-7500), w.margin["XBt"].Wallet)
	require.Equal(t, exchange.Money(100_000_000-753_750), w.margin["USDt"].Wallet)
	require.Equal(t, []exchange.Margin{w.margin["USDt"], w.margin["XBt"]}, w.x.Account().Margins())
	require.Equal(t, w.margin["USDt"], w.x.Account().Margin())
	coins, ok := w.x.Account().TotalsIn("XBt")
	require.True(t, ok)
	require.Equal(t, exchange.Money(7500), coins.Fees)

	w.mark("ABC", "90")
	require.Equal(t, exchange.ExecLiquidation, w.fills[2].Type)
	require.Less(t, w.margin["USDt"].Wallet, exchange.Money(5_000_000), "what a tick of the bankruptcy price leaves")
	require.Equal(t, exchange.Qty(-5000), w.x.Account().Position(w.id("INV")).Qty)
	require.Equal(t, exchange.Money(10_000_000-7500), w.margin["XBt"].Wallet)
	w.order(exchange.NewOrder{Side: exchange.Buy, Qty: 1000, Type: exchange.Market}, "ABC")
	require.Equal(t, "Submitted via API.Account has insufficient Available Balance, 11656504 USDt required", w.last())
	require.Len(t, w.x.Account().Insurance(), 1)
	require.Equal(t, 1, w.x.Account().Insurance()[0].Takeovers)
}

func TestSymbolsNeedAWallet(t *testing.T) {
	c := testConfig(t)
	i, err := c.Instruments.Lookup("test", "INV")
	require.NoError(t, err)
	c.Symbols = append(c.Symbols, i.ID)
	_, err = New(c)
	require.ErrorContains(t, err, "settles in XBt and the account is in USDt")
	c.Wallets = []ledger.Deposit{{Currency: xbt}, {Currency: xbt}}
	_, err = New(c)
	require.ErrorContains(t, err, `account: wallets "XBt": appears twice`)
}

// Coins are bought with one wallet into another, where they stand behind a short.
func TestSpotIsExchanged(t *testing.T) {
	w := newWalletWorld(t, 60_000_000_000, 0)
	w.quote("INV", "50000", "50000.5")
	w.quote("XBT_USDT", "49999.5", "50000")
	w.order(exchange.NewOrder{Side: exchange.Sell, Qty: 50_000, Type: exchange.Market}, "INV")
	require.Equal(t, "Submitted via API.Account has insufficient Available Balance, 1150750 XBt required", w.last())
	w.order(exchange.NewOrder{Side: exchange.Buy, Qty: 100_000_000, Type: exchange.Market}, "XBT_USDT")
	require.Equal(t, exchange.Money(100_000_000), w.margin["XBt"].Wallet)
	require.Equal(t, exchange.Money(60_000_000_000-50_050_000_000), w.margin["USDt"].Wallet)
	require.Zero(t, w.fills[0].Position, "there is no position")
	require.Zero(t, w.x.Account().Position(w.id("XBT_USDT")).Qty)
	w.order(exchange.NewOrder{Side: exchange.Sell, Qty: 50_000, Type: exchange.Market}, "INV")
	require.Len(t, w.fills, 2)

	// A sale that rests reserves coins, and is cancelled when they have been lost.
	w.order(exchange.NewOrder{Side: exchange.Sell, Qty: 60_000_000, Price: exchange.MustPrice("51000")}, "XBT_USDT")
	require.Equal(t, exchange.Money(60_000_000), w.x.Account().Margins()[1].InitMargin)
	all := w.x.Account().Portfolio(xbt)
	require.Equal(t, exchange.Money(100_000_000-75_000+19_900_100), all.Wallet, "9950 USDT at 49999.75")
	require.Equal(t, all.Wallet+all.Unrealised, all.Balance)
	require.Equal(t, w.x.Account().Margins()[1].InitMargin, all.InitMargin)
	w.order(exchange.NewOrder{Side: exchange.Sell, Qty: 60_000_000, Price: exchange.MustPrice("51000")}, "XBT_USDT")
	require.Equal(t, "Submitted via API.Account has insufficient Available Balance, 60000000 XBt required", w.last())
	w.mark("INV", "90000") // four ninths are lost
	w.quote("XBT_USDT", "51500", "51500.5")
	require.Equal(t, "Canceled: Account has insufficient Available Balance, 60000000 XBt required\nSubmitted via API.", w.last())
	require.Len(t, w.fills, 2)
	require.Equal(t, exchange.Money(100_000_000-75_000), w.x.Account().Margins()[1].Wallet)
	require.Zero(t, w.x.Account().Margins()[1].InitMargin)
}

// Funding comes at 04:00, 12:00 and 20:00, whatever else happens.
func TestFundingThreeTimesADay(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	x, err := New(Config{Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle, Balance: 1e8,
		UseFundingRate: true, FundingRate: exchange.MustRatio("0.0001")})
	require.NoError(t, err)
	day, err := exchange.ParseTime("2020-07-14")
	require.NoError(t, err)
	ev := exchange.TradeEvent(day, day, i.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("9268.5"), Qty: 1000})
	x.Market(&ev)
	_, err = x.Submit(t.Context(), exchange.NewOrder{Symbol: i.ID, Side: exchange.Sell, Qty: 169, Type: exchange.Market})
	require.NoError(t, err)
	var at []time.Duration
	for now := day; now <= day.Add(24*time.Hour); now = now.Add(time.Hour) {
		ev := exchange.MarkEvent(now, now, i.ID, exchange.Mark{Mark: exchange.MustPrice("9268.18")})
		x.Market(&ev)
		reports, err := x.Advance(t.Context(), now, nil)
		require.NoError(t, err)
		for n := range reports {
			if r := &reports[n]; r.Kind == exchange.ReportFunding {
				at = append(at, r.Time.Sub(day))
				require.Equal(t, exchange.Money(182), r.Funding.Amount, "as the venue paid that day")
			}
		}
	}
	require.Equal(t, []time.Duration{4 * time.Hour, 12 * time.Hour, 20 * time.Hour}, at)
}

// The venue's limit is on what settles in XBT, whatever else the account holds.
func TestAccountRiskLimitOfTheVenue(t *testing.T) {
	w := newWalletWorld(t, 1e15, 1e15, func(c *Config) { c.Rules = Rules{AccountRisk: BitMEXRules().AccountRisk} })
	for _, symbol := range []string{"INV", "ABC"} {
		w.quote(symbol, "1000", "1000.5")
		// Worth 10 000 XBT, or 10 million dollars.
		w.order(exchange.NewOrder{Side: exchange.Buy, Qty: 10_000_000, Price: 1000 * exchange.PriceUnit}, symbol)
		w.order(exchange.NewOrder{Side: exchange.Buy, Qty: 1, Price: 1000 * exchange.PriceUnit}, symbol)
	}
	require.Equal(t, []string{"Submitted via API.Value of positions and orders exceeds account Risk Limit"}, w.texts)
}
