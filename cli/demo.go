package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/cli/sample"
	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/data/importer"
)

func (a *App) demoCommand() *cobra.Command {
	f := &runFlags{venue: "bitmex", symbols: []string{"XBTUSD"}, strategy: "sma_cross"}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Generate a sample and replay a strategy over it",
		Long: `Generate four months of 1-minute bars of XBTUSD, import them into a temporary catalog,
replay a strategy over them, print a summary and write a directory of results. The
sample is the same each time and is not a market: the demo shows the tool, not a strategy.`,
		Example: `  backtest demo
  backtest demo --json --no-report
  backtest demo --strategy donchian --param size=25%`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f.command = commandOf("backtest demo", c.Flags(), "out", "json", "no-report", "log", "log-file")
			return a.demo(c.Context(), f)
		},
	}
	fs := c.Flags()
	f.registerModels(fs)
	// Generated bars have no funding rates.
	f.fundingRate = "0.0001"
	fs.Lookup("funding-rate").DefValue = f.fundingRate
	fs.StringVar(&f.strategy, "strategy", f.strategy, "`name` of the strategy; see backtest strategies")
	fs.StringToStringVar(&f.params, "param", f.params, "strategy parameter `name=value`; may be repeated")
	fs.StringVar(&f.out, "out", "", "`directory` of the results (default: runs/TIME-demo)")
	fs.BoolVar(&f.asJSON, "json", false, "print result.json to stdout and nothing else there")
	fs.BoolVar(&f.noReport, "no-report", false, "write no directory of results")
	f.log.register(fs)
	return c
}

func (a *App) demo(ctx context.Context, f *runFlags) (err error) {
	dir, err := os.MkdirTemp("", "dunamis-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f.catalog = filepath.Join(dir, "catalog")
	if err := a.importSample(ctx, dir, f.catalog); err != nil {
		return err
	}
	says := a.Stdout
	if f.asJSON {
		says = a.Stderr
	}
	fmt.Fprintln(says, "generated data: what follows shows the tool and says nothing about a market or a strategy")
	if f.out == "" && !f.noReport {
		f.out = filepath.Join("runs", a.Now().UTC().Format("20060102-150405")+"-demo")
	}
	return a.run(ctx, f)
}

// importSample goes the way that a user's file goes.
func (a *App) importSample(ctx context.Context, dir, catalog string) error {
	file := filepath.Join(dir, sample.Name)
	if err := writeSample(ctx, file); err != nil {
		return err
	}
	set, err := a.instruments("")
	if err != nil {
		return err
	}
	cat, err := data.Create(catalog)
	if err != nil {
		return err
	}
	if _, err := importer.Import(ctx, cat, file, importer.Options{Instruments: set}); err != nil {
		return fmt.Errorf("generated sample: %w", err)
	}
	return nil
}

func writeSample(ctx context.Context, file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	return errors.Join(sample.Generate(ctx, out), out.Flush(), f.Close())
}
