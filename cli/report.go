package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/page"
	"github.com/dunamis-engine/dunamis/reports/plots"
	"github.com/dunamis-engine/dunamis/reports/sweeps"
)

func (a *App) reportCommand() *cobra.Command {
	asJSON, asCSV, pictures := false, false, ""
	c := &cobra.Command{
		Use:   "report DIR...",
		Short: "Make the page of a finished run or sweep again",
		Long: `Print the summary of finished runs and sweeps and make their report.html again from
the results and tables beside it. Nothing is replayed.`,
		Example: `  backtest report runs/20260101-120000-sma_cross
  backtest report --csv runs/20260101-120000-sma_cross
  backtest report --plots png runs/20260101-120000-sma_cross
  backtest report --json runs/20260101-120000-sma_cross`,
		Args: atLeast(1, "the directory of a run, such as runs/one"),
		RunE: func(_ *cobra.Command, dirs []string) error {
			for _, dir := range dirs {
				if err := a.report(dir, asJSON, asCSV, pictures); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print result.json to stdout and nothing else there")
	c.Flags().BoolVar(&asCSV, "csv", false, "write the tables as CSV files too")
	c.Flags().StringVar(&pictures, "plots", "", "draw equity, drawdown and returns as still pictures: `svg` or png")
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return c
}

// printResult prints a result, with its curves if there are statistics.
func (a *App) printResult(r *reports.Result, s *analysis.Statistics) {
	fmt.Fprint(a.Stdout, reports.Text(*r))
	if s != nil {
		fmt.Fprintln(a.Stdout)
		printCurves(a.Stdout, s)
	}
}

// writePage makes the statistics and the page of a finished run.
func writePage(dir string) (*analysis.Statistics, error) {
	stats, err := analysis.Write(dir)
	if err != nil {
		return nil, err
	}
	return stats, page.Write(dir, stats)
}

func (a *App) report(dir string, asJSON, asCSV bool, pictures string) error {
	if pictures != "" && !slices.Contains(plots.Formats, pictures) {
		return usage(fmt.Errorf("--plots %q: want %s", pictures, strings.Join(plots.Formats, " or ")))
	}
	if _, err := os.Stat(filepath.Join(dir, sweeps.SweepFile)); err == nil {
		return a.reportSweep(dir, asJSON, asCSV)
	}
	result, err := reports.ReadResult(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return usage(fmt.Errorf("%s: no run: it has no %s", dir, reports.ManifestFile))
	}
	var stats *analysis.Statistics
	if err == nil {
		stats, err = writePage(dir)
	}
	if err == nil && asCSV {
		_, err = reports.WriteCSV(dir)
	}
	var drawn []string
	if err == nil && pictures != "" {
		drawn, err = plots.Write(dir, pictures, stats)
	}
	if err != nil {
		return dataError(fmt.Errorf("%s: %w", dir, err))
	}
	if asJSON {
		return a.printJSON(result)
	}
	a.printResult(result, stats)
	fmt.Fprintf(a.Stdout, "\nto look at: %s\n", filepath.Join(dir, reports.PageFile))
	for _, name := range drawn {
		fmt.Fprintf(a.Stdout, "drawn: %s\n", filepath.Join(dir, name))
	}
	return nil
}
