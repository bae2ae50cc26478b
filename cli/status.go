package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/gap"
)

// sessionView is a session as paper status and paper list show it.
type sessionView struct {
	Name     string `json:"session"`
	Status   string `json:"status"` // running, suspended or ended
	Strategy string `json:"strategy"`
	Feed     string `json:"feed"`
	Equity   string `json:"equity"`
	session.State
	session.Counts
	OpenOrders []session.Order `json:"orders_open"`
	Fills      []session.Fill  `json:"newest_fills"`
	Mode       string          `json:"mode"`
	Gap        *gap.Report     `json:"gap,omitempty"` // of a session that sends orders
	symbols    []string
}

// recentOrders is how many of the newest orders are compared where it must be quick.
const recentOrders = 2000

// look reads a session that may be running.
func (a *App) look(ctx context.Context, state, name string) (*sessionView, error) {
	store, err := readSession(ctx, state, name)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	v := &sessionView{Name: name}
	k, err := kept(ctx, store)
	if err != nil {
		return nil, err
	}
	var settings struct {
		Strategy, Feed, Venue, Instruments, Mode string
		Symbol                                   []string
	}
	if err := json.Unmarshal(k.Flags, &settings); err != nil {
		return nil, dataError(fmt.Errorf("session %s: settings: %w", name, err))
	}
	v.Strategy, v.Feed, v.symbols, v.Mode = settings.Strategy, settings.Feed, settings.Symbol, cmp.Or(settings.Mode, modePaper)
	running, err := session.Running(store.Dir)
	if err == nil {
		v.State, err = store.State(ctx)
	}
	if err == nil {
		v.Counts, err = store.Count(ctx)
	}
	if err == nil {
		v.OpenOrders, err = store.OpenOrders(ctx)
	}
	if err == nil {
		v.Fills, err = store.Fills(ctx, 10)
	}
	if err == nil && v.Mode != modePaper {
		var list []session.Fate
		list, err = store.Fates(ctx, recentOrders)
		v.Gap = gap.Measure(list)
	}
	if err != nil {
		return nil, dataError(err)
	}
	set, err := a.instruments(settings.Instruments)
	if err != nil {
		return nil, err
	}
	i, err := set.Lookup(exchange.CanonicalVenue(settings.Venue), settings.Symbol[0])
	if err != nil {
		return nil, dataError(err)
	}
	v.Equity = amountText(v.Margin.Balance, i.Settle)
	switch {
	case v.Ended:
		v.Status = "ended"
	case running:
		v.Status = "running"
	default:
		v.Status = "suspended"
	}
	return v, nil
}

func (a *App) sessionsCommand() *cobra.Command {
	var state string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List paper-trading sessions",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			names, err := sessionNames(state)
			if err != nil {
				return err
			}
			views := []*sessionView{}
			for _, name := range names {
				v, err := a.look(c.Context(), state, name)
				if err != nil {
					fmt.Fprintf(a.Stderr, "%s: %s\n", name, err)
					continue
				}
				views = append(views, v)
			}
			if asJSON {
				return a.printJSON(views)
			}
			w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SESSION\tSTATUS\tSTRATEGY\tFEED\tSYMBOLS\tUNTIL\tFILLS\tEQUITY")
			for _, v := range views {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", v.Name, v.Status, v.Strategy, v.Feed, strings.Join(v.symbols, ","), v.Now, v.Counts.Fills, v.Equity)
			}
			return w.Flush()
		},
	}
	stateFlag(c.Flags(), &state)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *App) statusCommand() *cobra.Command {
	var state string
	var asJSON, watch bool
	c := &cobra.Command{
		Use:   "status SESSION",
		Short: "Show a session: equity, position, orders, fills",
		Example: `  paper status xbtusd-sma_cross
  paper status xbtusd-sma_cross --watch
  paper status xbtusd-sma_cross --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !watch {
				return a.status(c.Context(), state, args[0], asJSON)
			}
			return a.watch(c.Context(), state, args[0])
		},
	}
	stateFlag(c.Flags(), &state)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it again every second, until Ctrl-C or its end")
	c.MarkFlagsMutuallyExclusive("json", "watch")
	return c
}

func (a *App) status(ctx context.Context, state, name string, asJSON bool) error {
	v, err := a.look(ctx, state, name)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(v)
	}
	v.print(a.Stdout)
	return nil
}

// watch draws over what it drew before.
func (a *App) watch(ctx context.Context, state, name string) error {
	for {
		v, err := a.look(ctx, state, name)
		if err != nil {
			return err
		}
		var text strings.Builder
		v.print(&text)
		if a.Interactive {
			fmt.Fprint(a.Stdout, "\x1b[H\x1b[2J")
		}
		fmt.Fprint(a.Stdout, text.String())
		if v.Status == "ended" {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

func (v *sessionView) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush() //nolint:errcheck // text for a person
	mode := map[string]string{modeLive: ", REAL ORDERS", modeShadow: ", REAL ORDERS with a simulation beside"}[v.Mode]
	fmt.Fprintf(w, "%s\t%s\t%s on %s, prices from %s%s\n", v.Name, v.Status, v.Strategy, strings.Join(v.symbols, ", "), v.Feed, mode)
	fmt.Fprintf(w, "until\t%s\t%d events\n", v.Now, v.Events)
	fmt.Fprintf(w, "equity\t%s\twallet %d, available %d (in the smallest unit)\n", v.Equity, v.Margin.Wallet, v.Margin.Available)
	switch v.Tripped {
	case "":
	case engine.RuleLeaving:
		fmt.Fprintf(w, "stopped\t%s\tno new orders until the session goes on\n", v.Tripped)
	case engine.RuleDisconnected:
		fmt.Fprintf(w, "STOPPED\t%s\tno new orders until the account is heard again\n", v.Tripped)
	default:
		fmt.Fprintf(w, "STOPPED\t%s\tno new orders until paper clear %s\n", v.Tripped, v.Name)
	}
	for _, d := range v.Differences {
		fmt.Fprintf(w, "DIFFERENCE\t%s\t%s\n", d.At, d.Text)
	}
	if v.Halted != "" {
		fmt.Fprintf(w, "halted\t%s\t\n", v.Halted)
	}
	if more := v.GapCount - int64(len(v.Gaps)); more > 0 {
		fmt.Fprintf(w, "gaps\t%d\tbefore these\n", more)
	}
	for _, g := range v.Gaps {
		fmt.Fprintf(w, "gap\t%s\tto %s\n", g.From, g.To)
	}
	for i := range v.Positions {
		p := &v.Positions[i]
		fmt.Fprintf(w, "position\t%d %s\tentry %s, mark %s, unrealised %d, liquidation %s\n", p.Qty, v.symbols[i], p.EntryPrice, p.MarkPrice, p.Unrealised, p.LiquidationPrice)
	}
	if v.Gap != nil {
		v.printGap(w)
	}
	fmt.Fprintf(w, "orders\t%d\t%d open\n", v.Counts.Orders, v.Open)
	for _, o := range v.OpenOrders[:min(len(v.OpenOrders), 20)] {
		fmt.Fprintf(w, "  %s\t%s %d %s\t%s %s, %d filled\n", o.ClientID, o.Side, o.Qty, o.Symbol, o.Type, o.Price, o.Filled)
	}
	fmt.Fprintf(w, "fills\t%d\t\n", v.Counts.Fills)
	for _, f := range v.Fills {
		fmt.Fprintf(w, "  %s\t%s %d %s\tat %s, position %d\n", f.At, f.Side, f.Qty, f.Symbol, f.Price, f.Position)
	}
}

// printGap tells of the newest orders in two lines; paper gap has the rest.
func (v *sessionView) printGap(w io.Writer) {
	g := v.Gap
	fmt.Fprintf(w, "latency\t%s\tseen, of the newest %d orders\n", secondsOf(g.Seen.P50), g.Orders)
	if g.Shadowed {
		fmt.Fprintf(w, "gap\t%.1f %% agree\tvenue only %d, simulator only %d, price %.2f bp worse; modelled latency %s\n", 100*g.Agreement, g.Venue, g.Sim, g.Price.Mean,
			secondsOf(g.Modelled.P50))
	}
}

func secondsOf(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Microsecond)
}

// askCommand leaves a request for a session.
func (a *App) askCommand(r session.Request, short string) *cobra.Command {
	var state string
	c := &cobra.Command{
		Use:   string(r) + " SESSION",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.ask(c.Context(), state, args[0], r)
		},
	}
	stateFlag(c.Flags(), &state)
	return c
}

func (a *App) stopCommand() *cobra.Command {
	var state string
	var flatten, suspend bool
	c := &cobra.Command{
		Use:   "stop SESSION",
		Short: "End a session that runs, for good or for now",
		Long: `End a session that runs. With --flatten its orders are cancelled and its positions
closed first. With --suspend it can go on later, as after Ctrl-C.`,
		Example: `  paper stop xbtusd-sma_cross --flatten
  paper stop xbtusd-sma_cross --suspend`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if flatten {
				if err := a.flattened(c.Context(), state, args[0]); err != nil {
					return err
				}
			}
			r := session.Stop
			if suspend {
				r = session.Suspend
			}
			return a.ask(c.Context(), state, args[0], r)
		},
	}
	stateFlag(c.Flags(), &state)
	c.Flags().BoolVar(&flatten, "flatten", false, "cancel orders and close positions first")
	c.Flags().BoolVar(&suspend, "suspend", false, "let it go on later")
	return c
}

// patience is how long a running session may take to do what it is asked.
const patience = 30 * time.Second

// ask makes a request of a running session and waits until it is carried out.
func (a *App) ask(ctx context.Context, state, name string, r session.Request) error {
	dir, err := a.running(ctx, state, name)
	if err != nil {
		return err
	}
	if err := session.Ask(dir, r); err != nil {
		return dataError(err)
	}
	return a.until(ctx, dir, string(r), func() (bool, error) {
		if r == session.Stop || r == session.Suspend {
			running, err := session.Running(dir)
			return !running, err
		}
		asked, err := filepath.Glob(filepath.Join(dir, "control", string(r)))
		return len(asked) == 0, err
	})
}

// flattened kills and flattens, and waits until nothing is left.
func (a *App) flattened(ctx context.Context, state, name string) error {
	for _, r := range []session.Request{session.Kill, session.Flatten} {
		if err := a.ask(ctx, state, name, r); err != nil {
			return err
		}
	}
	dir, err := sessionDir(state, name)
	if err != nil {
		return err
	}
	return a.until(ctx, dir, "flatten", func() (bool, error) {
		v, err := a.look(ctx, state, name)
		if err != nil || v.Open > 0 {
			return false, err
		}
		for i := range v.Positions {
			if v.Positions[i].Qty != 0 {
				return false, nil
			}
		}
		return true, nil
	})
}

func (a *App) running(ctx context.Context, state, name string) (string, error) {
	store, err := readSession(ctx, state, name)
	if err != nil {
		return "", err
	}
	running, err := session.Running(store.Dir)
	if err := errors.Join(err, store.Close()); err != nil {
		return "", dataError(err)
	}
	if !running {
		return "", usage(fmt.Errorf("session %s does not run", name))
	}
	return store.Dir, nil
}

// until waits for something to be done.
func (a *App) until(ctx context.Context, dir, what string, done func() (bool, error)) error {
	for end := time.Now().Add(patience); ; {
		ok, err := done()
		switch {
		case err != nil:
			return dataError(err)
		case ok:
			return nil
		case time.Now().After(end):
			return dataError(fmt.Errorf("%s: the session has not done what it was asked in %s: %s", dir, patience, what))
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
