// Command own-strategy has all commands of backtest and paper and one strategy more.
package main

import (
	"os"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/strategies"
)

func main() { os.Exit(cli.BothMain(append(strategies.All(), Definition()))) }
