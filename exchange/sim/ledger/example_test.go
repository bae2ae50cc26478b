package ledger_test

import (
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// A long position of 10 000 XBTUSD, bought at 50 000 and marked at 51 000: an inverse
// contract is worth 1/price, so the profit is in bitcoin and less than 2 % of the value.
func ExampleAccount() {
	set, _ := exchange.BuiltinInstruments()
	xbt, _ := set.Lookup("bitmex", "XBTUSD")
	now, _ := exchange.ParseTime("2021-07-22")
	a, err := ledger.New(ledger.Config{Instruments: set, Currency: xbt.Settle, Balance: 100_000_000}) // 1 XBT
	if err != nil {
		panic(err)
	}
	f := exchange.Fill{Symbol: xbt.ID, Side: exchange.Buy, Qty: 10_000, Price: exchange.MustPrice("50000"), Time: now,
		Type: exchange.ExecTrade, Liquidity: exchange.RemovedLiquidity}
	a.Fill(&f)
	a.SetMark(xbt.ID, exchange.MustPrice("51000"), now)
	p, m := a.Position(xbt.ID), a.Margin(now)
	fmt.Println("value", f.Value, "fee", f.Fee)
	fmt.Println("wallet", m.Wallet, "unrealised", p.Unrealised, "liquidation at", p.LiquidationPrice)
	// Output:
	// value 20000000 fee 15000
	// wallet 99985000 unrealised 392200 liquidation at 8339.5
}
