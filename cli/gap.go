package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/gap"
)

// gapOrders is how many of the newest orders the gap is measured over.
const gapOrders = 100_000

func (a *App) gapCommand() *cobra.Command {
	var state string
	var asJSON bool
	var orders int
	c := &cobra.Command{
		Use:   "gap SESSION",
		Short: "Compare what the venue did with what the simulator beside it did",
		Long: `Compare, for every order of a session in shadow mode, what the venue made of it with
what the simulator made of it: filled or not, the price, the time until the first fill,
how long messages took, and what was left of the simulator's queue when the venue filled.
Of a live session without a simulator there are the venue's times. It may be running.`,
		Example: `  paper gap xbtusd-grid_maker
  paper gap xbtusd-grid_maker --orders 50 --json`,
		Args: oneSession(),
		RunE: func(c *cobra.Command, args []string) error {
			if orders < 0 {
				return usage(fmt.Errorf("--orders %d must not be negative", orders))
			}
			return a.gap(c.Context(), state, args[0], orders, asJSON)
		},
	}
	stateFlag(c.Flags(), &state)
	c.Flags().IntVar(&orders, "orders", 10, "how many of the newest orders to list")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *App) gap(ctx context.Context, state, name string, orders int, asJSON bool) error {
	store, err := readSession(ctx, state, name)
	if err != nil {
		return err
	}
	defer store.Close()
	k, err := kept(ctx, store)
	if err != nil {
		return err
	}
	if k.Orders == "" {
		return usage(fmt.Errorf("session %s sends no orders: there is no venue to compare with", name))
	}
	list, err := store.Fates(ctx, gapOrders)
	if err != nil {
		return dataError(err)
	}
	r := gap.Measure(list)
	list = list[:min(orders, len(list))]
	if asJSON {
		return a.printJSON(map[string]any{"session": name, "gap": r, "orders": list})
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	printGap(w, r)
	if len(list) > 0 {
		fmt.Fprintln(w, "\nSENT\tORDER\tVENUE\tSIMULATOR\tVENUE AFTER\tSIMULATOR AFTER\tQUEUE")
	}
	for i := range list {
		f := &list[i]
		fmt.Fprintf(w, "%s\t%s %d at %s\t%s\t%s\t%s\t%s\t%s\n", f.Sent.Std().Format("15:04:05.000"), f.Side, f.Qty, f.Price, outcomeText(&f.Venue), outcomeText(&f.Sim),
			waitText(f.Sent, &f.Venue), waitText(f.Sent, &f.Sim), queueText(f))
	}
	return w.Flush()
}

func outcomeText(o *session.Outcome) string {
	switch {
	case o.Filled > 0:
		return fmt.Sprintf("%d at %s", o.Filled, o.Price)
	case o.Status == "":
		return "-"
	}
	return strings.ToLower(o.Status)
}

func waitText(sent exchange.Time, o *session.Outcome) string {
	if o.First == 0 {
		return "-"
	}
	return o.First.Sub(sent).Round(time.Millisecond).String()
}

func queueText(f *session.Fate) string {
	switch {
	case f.Joined < 0:
		return "-"
	case f.Ahead < 0:
		return fmt.Sprintf("%d", f.Joined)
	}
	return fmt.Sprintf("%d, %d left", f.Joined, f.Ahead)
}

// printGap tells of a gap in a few lines.
func printGap(w io.Writer, r *gap.Report) {
	fmt.Fprintf(w, "orders\t%d\n", r.Orders)
	fmt.Fprintf(w, "latency seen\t%s\n", secondsText(&r.Seen))
	if !r.Shadowed {
		fmt.Fprintf(w, "time to fill\t%s\n", secondsText(&r.VenueWait))
		return
	}
	fmt.Fprintf(w, "latency modelled\t%s\n", secondsText(&r.Modelled))
	fmt.Fprintf(w, "filled\tboth %d, venue only %d, simulator only %d, neither %d: they agree on %.1f %%; %d are open\n", r.Both, r.Venue, r.Sim, r.Neither, 100*r.Agreement, r.Open)
	if r.Price.Count > 0 {
		fmt.Fprintf(w, "price\tthe venue's is %.2f bp worse on average, median %.2f, 90 %% below %.2f\n", r.Price.Mean, r.Price.P50, r.Price.P90)
		fmt.Fprintf(w, "fills later by\t%s\n", secondsText(&r.Later))
	}
	fmt.Fprintf(w, "time to fill\tvenue %s\n", secondsText(&r.VenueWait))
	fmt.Fprintf(w, "\tsimulator %s\n", secondsText(&r.SimWait))
	if r.Queue.Count > 0 || r.Early > 0 {
		fmt.Fprintf(w, "queue\twhen the venue filled, the simulator saw %.0f %% of it left on average (%d fills); it was %d times before\n", 100*r.Queue.Mean, r.Queue.Count, r.Early)
	}
}

func secondsText(q *gap.Quantiles) string {
	if q.Count == 0 {
		return "not known yet"
	}
	d := func(s float64) time.Duration {
		v := time.Duration(s * float64(time.Second))
		if v.Abs() < 10*time.Millisecond {
			return v.Round(10 * time.Microsecond)
		}
		return v.Round(time.Millisecond)
	}
	return fmt.Sprintf("median %s, 90 %% below %s, 99 %% below %s (%d)", d(q.P50), d(q.P90), d(q.P99), q.Count)
}
