package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/data/importer"
	"github.com/dunamis-engine/dunamis/exchange"
)

func (a *App) dataCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "data",
		Short: "Import, list and check market data",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.importCommand(), a.infoCommand(), a.verifyCommand(), a.cancelsCommand())
	return c
}

type importFlags struct {
	catalog, instruments, format, venue, clockOffset string
	symbols                                          []string
	skipBad, asJSON                                  bool
}

func (a *App) importCommand() *cobra.Command {
	f := new(importFlags)
	c := &cobra.Command{
		Use:   "import --catalog DIR FILE...",
		Short: "Import files into the catalog",
		Long: `Import market data into a catalog of Parquet files, which is made if need be.

Files may be plain, .gz or .zst. Formats:

  bitmex-bucketed  bars of /trade/bucketed, CSV or JSON
  bitmex-trade     daily dumps of trades, or /trade
  bitmex-quote     daily dumps of quotes
  tardis           trades, quotes, book_ticker, incremental_book_L2,
                   derivative_ticker and liquidations as tardis.dev writes them

A file is imported whole or not at all, and importing it again changes nothing.`,
		Example: `  backtest data import --catalog catalog XBTUSD-1m-2019.csv.gz XBTUSD-1m-2020.csv.gz
  backtest data import --catalog catalog --format bitmex-trade 20200312.csv.gz --symbol XBTUSD
  backtest data import --catalog catalog --clock-offset auto binance-delivery_*_BTCUSD_PERP.csv.gz`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name at least one file to import")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.importFiles(c.Context(), f, args) },
	}
	fs := c.Flags()
	fs.StringVar(&f.catalog, "catalog", "", "`directory` of the Parquet catalog")
	fs.StringVar(&f.format, "format", "auto", "auto, bitmex-bucketed, bitmex-trade, bitmex-quote or tardis")
	fs.StringVar(&f.venue, "venue", "", "venue of the data (default: what the file says, or bitmex)")
	fs.StringArrayVar(&f.symbols, "symbol", nil, "import only this symbol; may be repeated")
	fs.BoolVar(&f.skipBad, "skip-bad", false, "count and skip bad rows instead of failing")
	fs.StringVar(&f.clockOffset, "clock-offset", "", "add this to arrival times; auto corrects a recorder whose clock was behind")
	fs.StringVar(&f.instruments, "instruments", "", "JSON `file` that adds or overrides instruments")
	fs.BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func (a *App) importFiles(ctx context.Context, f *importFlags, files []string) error {
	if f.catalog == "" {
		return usage(errors.New("--catalog is needed"))
	}
	set, err := a.instruments(f.instruments)
	if err != nil {
		return err
	}
	o := importer.Options{Format: f.format, SkipBad: f.skipBad, ClockOffset: f.clockOffset, Symbols: f.symbols, Instruments: set}
	if f.venue != "" {
		o.Venue = exchange.CanonicalVenue(f.venue)
	}
	if err := o.Validate(); err != nil {
		return usage(err)
	}
	if f.clockOffset == "auto" {
		// One recording has one clock: all its files are shifted alike.
		offset, err := importer.MeasureClockOffset(ctx, files, o)
		if err != nil {
			return dataError(err)
		}
		o.ClockOffset = offset.String()
	}
	cat, err := data.Create(f.catalog)
	if err != nil {
		return dataError(err)
	}
	var all []importer.Report
	for n, file := range files {
		bar := a.newProgress(fmt.Sprintf("%d/%d %s", n+1, len(files), filepath.Base(file)))
		o.Progress = func(done, total int64) { bar.set(done, total, "") }
		report, err := importer.Import(ctx, cat, file, o)
		bar.clear()
		if err != nil {
			return dataError(err)
		}
		all = append(all, report)
		if !f.asJSON {
			a.printImport(report)
		}
	}
	if f.asJSON {
		return a.printJSON(all)
	}
	return nil
}

func (a *App) infoCommand() *cobra.Command {
	var (
		catalog string
		asJSON  bool
	)
	c := &cobra.Command{
		Use:     "info --catalog DIR",
		Short:   "List what a catalog holds",
		Example: `  backtest data info --catalog catalog --json`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cat, err := openCatalog(catalog)
			if err != nil {
				return err
			}
			list, err := cat.Info(c.Context())
			if err != nil {
				return dataError(err)
			}
			if asJSON {
				if list == nil {
					list = []data.StreamInfo{}
				}
				return a.printJSON(list)
			}
			return a.printInfo(list)
		},
	}
	c.Flags().StringVar(&catalog, "catalog", "", "`directory` of the Parquet catalog")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func openCatalog(dir string) (*data.Catalog, error) {
	if dir == "" {
		return nil, usage(errors.New("--catalog is needed"))
	}
	cat, err := data.Open(dir)
	return cat, dataError(err)
}

func (a *App) printInfo(list []data.StreamInfo) error {
	if len(list) == 0 {
		fmt.Fprintln(a.Stdout, "the catalog is empty")
		return nil
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "VENUE\tKIND\tSYMBOL\tFIRST\tLAST\tROWS\tBYTES")
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\n", s.Venue, s.Kind, s.Symbol, s.First, s.Last, s.Rows, s.Bytes)
	}
	return w.Flush()
}

func (a *App) verifyCommand() *cobra.Command {
	var (
		catalog, instruments string
		asJSON               bool
		maxGap               time.Duration
	)
	c := &cobra.Command{
		Use:   "verify --catalog DIR",
		Short: "Check order, gaps, duplicates, crossed books, clock skew and ticks",
		Long: `Check every stream of a catalog. Problems are rows out of order, gaps, duplicates,
crossed books, arrivals before their event, and prices off the tick of their day;
with any of them the exit code is 3. Facts, such as bars that open outside their
range and bars without trades, are counted and are no problems.`,
		Example: `  backtest data verify --catalog catalog`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cat, err := openCatalog(catalog)
			if err != nil {
				return err
			}
			set, err := a.instruments(instruments)
			if err != nil {
				return err
			}
			report, err := cat.Verify(c.Context(), data.VerifyOptions{Instruments: set, MaxGap: maxGap})
			if err != nil {
				return dataError(err)
			}
			if asJSON {
				err = a.printJSON(report)
			} else {
				err = a.printVerify(&report)
			}
			if err == nil && report.Problems > 0 {
				err = dataError(fmt.Errorf("%d problems", report.Problems))
			}
			return err
		},
	}
	c.Flags().StringVar(&catalog, "catalog", "", "`directory` of the Parquet catalog")
	c.Flags().StringVar(&instruments, "instruments", "", "JSON `file` that adds or overrides instruments")
	c.Flags().DurationVar(&maxGap, "max-gap", time.Hour, "longest silence of ticks that is no gap")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
