// Command own-strategy is the backtest command with one strategy more.
package main

import (
	"os"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/strategies"
)

func main() { os.Exit(cli.Main(append(strategies.All(), Definition()))) }
