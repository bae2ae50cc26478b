package sim_test

import (
	"context"
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// The basis trade: bitcoin is bought with dollars at spot, and sold as a perpetual contract
// that the coins stand behind. Whatever the price does, the account is worth about what it
// was in dollars, and the short receives the funding.
func Example_basisTrade() {
	set, _ := exchange.BuiltinInstruments()
	perp, _ := set.Lookup("bitmex", "XBTUSD")
	spot, _ := set.Lookup("bitmex", "XBT_USDT")
	x, err := sim.New(sim.Config{
		Instruments: set, Symbols: []exchange.SymbolID{perp.ID, spot.ID},
		Currency: spot.Settle, Balance: 60_000_000_000, // 60 000 USDT
		Wallets: []ledger.Deposit{{Currency: perp.Settle}}, // and no coins yet
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	now, _ := exchange.ParseTime("2025-01-01")
	quotes := func(bid, ask string) {
		for _, i := range []*exchange.Instrument{perp, spot} {
			ev := exchange.QuoteEvent(now, now, i.ID, exchange.Quote{BidPrice: exchange.MustPrice(bid), BidQty: 1e9, AskPrice: exchange.MustPrice(ask), AskQty: 1e9})
			x.Market(&ev)
		}
		_, _ = x.Advance(ctx, now, nil)
	}
	show := func() {
		for _, m := range x.Account().Margins() {
			fmt.Printf("%s: wallet %d, unrealised %d\n", m.Currency, m.Wallet, m.Unrealised)
		}
		fmt.Printf("together %s USDT\n", x.Account().Portfolio(spot.Settle).Balance.Decimal(6).StringFixed(2))
	}

	quotes("50000", "50000.5")
	_, _ = x.Submit(ctx, exchange.NewOrder{Symbol: spot.ID, Side: exchange.Buy, Qty: 100_000_000, Type: exchange.Market})
	_, _ = x.Submit(ctx, exchange.NewOrder{Symbol: perp.ID, Side: exchange.Sell, Qty: 50_000, Type: exchange.Market})
	quotes("50000", "50000.5")
	show()
	quotes("80000", "80000.5")
	show()
	// Output:
	// USDt: wallet 9974499750, unrealised 0
	// XBt: wallet 99950000, unrealised -500
	// together 59949.50 USDT
	// USDt: wallet 9974499750, unrealised 0
	// XBt: wallet 99950000, unrealised -37500000
	// together 59934.66 USDT
}
