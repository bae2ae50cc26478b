// Command backtest replays strategies over the history of crypto derivatives.
// It is package cli with the built-in strategies; a binary with strategies of
// your own is the same few lines.
package main

import (
	"os"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/strategies"
)

func main() {
	os.Exit(cli.Main(strategies.All()))
}
