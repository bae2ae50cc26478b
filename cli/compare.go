package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/page"
)

func (a *App) compareCommand() *cobra.Command {
	asJSON, html := false, ""
	c := &cobra.Command{
		Use:   "compare DIR DIR...",
		Short: "Set finished runs side by side",
		Long: `Set finished runs side by side: the settings in which they differ, their figures with
the difference from the first run, what choosing the best of them is worth after the
number of trials (deflated Sharpe ratio, probability of overfitting), and with --html
their curves over each other. Give all runs that were tried, not the best ones.`,
		Example: `  backtest compare runs/fast runs/slow
  backtest compare runs/*-sma_cross runs/*-donchian --html compare.html`,
		Args: atLeast(2, "directories of runs, such as runs/one runs/two"),
		RunE: func(_ *cobra.Command, dirs []string) error { return a.compare(dirs, html, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON to stdout and nothing else there")
	c.Flags().StringVar(&html, "html", "", "also write a page to this `file`")
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return c
}

func (a *App) compare(dirs []string, html string, asJSON bool) error {
	c, err := reports.Compare(dirs)
	if errors.Is(err, fs.ErrNotExist) {
		return usage(fmt.Errorf("not a run: %w", err))
	}
	var trials *analysis.Trials
	if err == nil {
		trials, err = analysis.OfTrials(dirs)
	}
	if err == nil && html != "" {
		err = page.WriteCompare(html, c, trials)
	}
	if err != nil {
		return dataError(err)
	}
	if asJSON {
		return a.printJSON(struct {
			*reports.Comparison

			Trials *analysis.Trials `json:"trials"`
		}{c, trials})
	}
	fmt.Fprintf(a.Stdout, "%s\nwhat choosing the best is worth\n", c.Text())
	for _, f := range page.TrialFigures(trials) {
		fmt.Fprintf(a.Stdout, "  %-42s %s\n", f.Name, f.Value)
	}
	if html != "" {
		fmt.Fprintf(a.Stdout, "\nto look at: %s\n", html)
	}
	return nil
}
