package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/page"
)

func (a *App) reportCommand() *cobra.Command {
	asJSON, asCSV := false, false
	c := &cobra.Command{
		Use:   "report DIR...",
		Short: "Make the page of a finished run again",
		Long: `Print the summary of finished runs and make their report.html again from result.json
and the tables beside it. Nothing is replayed.`,
		Example: `  backtest report runs/20260101-120000-sma_cross
  backtest report --csv runs/20260101-120000-sma_cross
  backtest report --json runs/20260101-120000-sma_cross`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, dirs []string) error {
			for _, dir := range dirs {
				if err := a.report(dir, asJSON, asCSV); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print result.json to stdout and nothing else there")
	c.Flags().BoolVar(&asCSV, "csv", false, "write the tables as CSV files too")
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return c
}

func (a *App) report(dir string, asJSON, asCSV bool) error {
	result, err := reports.ReadResult(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return usage(fmt.Errorf("%s: no run: it has no %s", dir, reports.ManifestFile))
	}
	if err == nil {
		err = page.Write(dir)
	}
	if err == nil && asCSV {
		_, err = reports.WriteCSV(dir)
	}
	if err != nil {
		return dataError(fmt.Errorf("%s: %w", dir, err))
	}
	if asJSON {
		return a.printJSON(result)
	}
	fmt.Fprintf(a.Stdout, "%s\nto look at: %s\n", reports.Text(*result), filepath.Join(dir, reports.PageFile))
	return nil
}
