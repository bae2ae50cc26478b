package gateway_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// An account of XBT and USDT trades a contract in each, and one for the other.
func TestTwoCurrencies(t *testing.T) {
	w := newWorld(t, nil, "XBTUSD", "XBTUSDT", "XBT_USDT")
	for n, symbol := range []string{"XBTUSD", "XBTUSDT", "XBT_USDT"} {
		i, err := w.set.Lookup("bitmex", symbol)
		require.NoError(t, err)
		w.traded = append(w.traded[:n:n], i.ID)
		w.step(exchange.QuoteEvent(w.now, w.now, i.ID, exchange.Quote{BidPrice: exchange.MustPrice("29999.5"), BidQty: 1e9, AskPrice: exchange.MustPrice("30000"), AskQty: 1e9}))
	}
	x := w.connect("trader")
	post := func(body string) (o api.Order) {
		w.ask("trader", "POST", "/order", body).into(t, &o)
		require.Equal(t, "Filled", o.OrdStatus, o.OrdRejReason)
		return o
	}
	post(`{"symbol":"XBTUSD","side":"Sell","orderQty":30000,"ordType":"Market"}`)
	post(`{"symbol":"XBTUSDT","side":"Buy","orderQty":1000000,"ordType":"Market"}`)
	post(`{"symbol":"XBT_USDT","side":"Buy","orderQty":100000000,"ordType":"Market"}`)

	var margins []api.Margin
	w.ask("trader", "GET", "/user/margin?currency=all", "").into(t, &margins)
	require.Len(t, margins, 2)
	require.Equal(t, []string{"XBt", "USDt"}, []string{margins[0].Currency, margins[1].Currency})
	require.Greater(t, *margins[0].WalletBalance, int64(1_000_000_000_000), "a bitcoin was bought")
	require.Less(t, *margins[1].WalletBalance, int64(1_000_000_000_000-30_000_000_000+1))
	require.InDelta(t, 100_000_000, *margins[0].GrossMarkValue, 1_000_000, "of the contract that settles in XBT alone")
	require.InDelta(t, 30_000_000_000, *margins[1].GrossMarkValue, 300_000_000)
	var one api.Margin
	w.ask("trader", "GET", "/user/margin", "").into(t, &one)
	require.Equal(t, "XBt", one.Currency)
	w.ask("trader", "GET", "/user/margin?currency=USDt", "").into(t, &one)
	require.Equal(t, margins[1], one)
	var wallets []api.Wallet
	w.ask("trader", "GET", "/user/wallet?currency=all", "").into(t, &wallets)
	require.Equal(t, *margins[1].WalletBalance, *wallets[1].Amount)
	require.Equal(t, "Account has no [BMEx]", w.ask("trader", "GET", "/user/wallet?currency=BMEx", "").error(t))
	require.Equal(t, "Account has no [BMEx]", w.ask("trader", "GET", "/user/walletHistory?currency=BMEx", "").error(t))

	// What moved between the wallets is in the history of both, which adds up.
	for _, m := range margins {
		var rows []api.Transaction
		w.ask("trader", "GET", "/user/walletHistory?currency="+m.Currency+"&reverse=false", "").into(t, &rows)
		kinds, last := map[string]int64{}, int64(0)
		for _, r := range rows {
			require.Equal(t, m.Currency, r.Currency)
			if r.TransactType != "UnrealisedPNL" {
				kinds[r.TransactType] += *r.Amount
				last = *r.WalletBalance
			}
		}
		require.Equal(t, *m.WalletBalance, last)
		require.Equal(t, int64(1_000_000_000_000), kinds["Deposit"])
		want := map[string]int64{"XBt": 100_000_000, "USDt": -30_000_000_000}[m.Currency]
		require.Equal(t, want, kinds["SpotTrade"], m.Currency)
		require.Negative(t, kinds["RealisedPNL"], "the fees")
		var sums []api.WalletSummary
		w.ask("trader", "GET", "/user/walletSummary?currency="+m.Currency, "").into(t, &sums)
		require.Equal(t, fmt.Sprint(*m.WalletBalance), string(sums[len(sums)-1].WalletBalance))
	}
	var all []api.Transaction
	w.ask("trader", "GET", "/user/walletHistory?currency=all&reverse=false&count=100", "").into(t, &all)
	require.True(t, slices.IsSortedFunc(all, func(a, b api.Transaction) int { return int(a.Timestamp - b.Timestamp) }))

	// The client reports both, and a table has a row for each.
	margin := map[string]exchange.Margin{}
	for range 200 {
		w.pass(20 * time.Millisecond)
		require.NoError(t, x.Flush(t.Context()))
		reports, err := x.Advance(t.Context(), w.now, nil)
		require.NoError(t, err)
		for n := range reports {
			if r := &reports[n]; r.Kind == exchange.ReportMargin {
				margin[r.Margin.Currency] = r.Margin
			}
		}
		if int64(margin["XBt"].Wallet) == *margins[0].WalletBalance && int64(margin["USDt"].Wallet) == *margins[1].WalletBalance {
			return
		}
	}
	require.Fail(t, "the client did not hear of both wallets", "%v", margin)
}
