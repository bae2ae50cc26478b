// Command paper serves markets and simulated accounts over the BitMEX API. It is
// package cli with the built-in strategies, as cmd/backtest is.
package main

import (
	"os"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/strategies"
)

func main() {
	os.Exit(cli.PaperMain(strategies.All()))
}
