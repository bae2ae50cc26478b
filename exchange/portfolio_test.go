package exchange

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPortfolio(t *testing.T) {
	set := builtin(t)
	get := func(symbol string) *Instrument {
		i, err := set.Lookup("bitmex", symbol)
		require.NoError(t, err)
		return i
	}
	usd, usdt, eth := get("XBTUSD"), get("XBTUSDT"), get("ETHUSDT")
	prices := map[SymbolID]Price{usd.ID: MustPrice("50000"), usdt.ID: MustPrice("50100"), eth.ID: MustPrice("3000")}
	price := func(s SymbolID) Price { return prices[s] }
	coins := Margin{Currency: "XBt", Wallet: 150_000_000, Unrealised: -50_000_000, InitMargin: 1_000_000, MaintMargin: 2_000_000, Available: 97_000_000}
	dollars := Margin{Currency: "USDt", Wallet: 1_000_000_000, Unrealised: 2_000_000, MaintMargin: 500, Available: 1_001_999_500}
	other := Margin{Currency: "BMEx", Wallet: 7}

	got := PortfolioOf(usdt.Settle, []Margin{coins, dollars, other}, []*Instrument{usd, usdt, eth}, price)
	require.Equal(t, Portfolio{
		Currency: "USDt", Wallet: 75_150_000_000 + 1_000_000_000, Unrealised: -25_050_000_000 + 2_000_000, Balance: 50_100_000_000 + 1_002_000_000,
		InitMargin: 501_000_000, MaintMargin: 1_002_000_000 + 500, Available: 48_597_000_000 + 1_001_999_500, Unvalued: []string{"BMEx"},
	}, got)

	got = PortfolioOf(usd.Settle, []Margin{coins, dollars}, []*Instrument{usd, usdt, eth}, price)
	require.Equal(t, "XBt", got.Currency)
	require.Equal(t, Money(150_000_000+1_996_008), got.Wallet, "1000 USDT at 50100")
	require.Empty(t, got.Unvalued)

	// Dollars are dollars where nothing better is known.
	linear := *eth
	got = PortfolioOf(usdt.Settle, []Margin{coins}, []*Instrument{usd, &linear}, price)
	require.Equal(t, Money(75_000_000_000), got.Wallet)

	// Nothing is valued without a price, or without a pair.
	prices[usdt.ID] = 0
	require.Equal(t, []string{"XBt"}, PortfolioOf(usdt.Settle, []Margin{coins}, []*Instrument{usdt, eth}, price).Unvalued)
	require.Equal(t, []string{"XBt"}, PortfolioOf(usdt.Settle, []Margin{coins}, nil, price).Unvalued)

	// What is beyond the numbers is as much as they hold.
	prices[usdt.ID] = MaxPrice
	got = PortfolioOf(usdt.Settle, []Margin{{Currency: "XBt", Wallet: math.MaxInt64 / 8, Unrealised: -math.MaxInt64 / 8}}, []*Instrument{usd, usdt}, price)
	require.Equal(t, []Money{math.MaxInt64, -math.MaxInt64}, []Money{got.Wallet, got.Unrealised})
}
