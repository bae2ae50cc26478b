package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/terminal"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/gap"
)

// sessionView is a session as paper status and paper list show it.
type sessionView struct {
	Name     string `json:"session"`
	Status   string `json:"status"` // running, suspended, ended or unreadable
	Strategy string `json:"strategy"`
	Feed     string `json:"feed"`
	Equity   string `json:"equity"`
	session.State
	session.Counts
	OpenOrders []session.Order `json:"orders_open"`
	Fills      []session.Fill  `json:"newest_fills"`
	Mode       string          `json:"mode"`
	Gap        *gap.Report     `json:"gap,omitempty"`   // of a session that sends orders
	Error      string          `json:"error,omitempty"` // why it cannot be looked at
	symbols    []string
	currency   exchange.Currency
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
	v.currency, v.Equity = i.Settle, i.Settle.Text(v.Margin.Balance)
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
					fmt.Fprintf(a.Stderr, "%s: %s\n", name, terminal.Line(err.Error()))
					v = &sessionView{Name: name, Status: unreadable, Error: err.Error()}
				}
				views = append(views, v)
			}
			return a.printSessions(views, asJSON)
		},
	}
	stateFlag(c.Flags(), &state)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// unreadable is the status of a session that cannot be looked at.
const unreadable = "unreadable"

func (a *App) printSessions(views []*sessionView, asJSON bool) error {
	if asJSON {
		return a.printJSON(views)
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SESSION\tSTATUS\tSTRATEGY\tFEED\tSYMBOLS\tUNTIL\tFILLS\tEQUITY")
	for _, v := range views {
		if v.Status == unreadable {
			fmt.Fprintf(w, "%s\t%s\t\t\t\t\t\t\n", terminal.Line(v.Name), v.Status)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", terminal.Line(v.Name), v.Status, terminal.Line(v.Strategy),
			terminal.Line(v.Feed), terminal.Line(strings.Join(v.symbols, ",")), v.Now, v.Counts.Fills, v.Equity)
	}
	return w.Flush()
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
		Args: oneSession(),
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
			fmt.Fprint(a.rawStdout, "\x1b[H\x1b[2J")
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
	fmt.Fprintf(w, "%s\t%s\t%s on %s, prices from %s%s\n", v.Name, v.Status, terminal.Line(v.Strategy),
		terminal.Line(strings.Join(v.symbols, ", ")), terminal.Line(v.Feed), mode)
	fmt.Fprintf(w, "until\t%s\t%d events\n", v.Now, v.Events)
	fmt.Fprintf(w, "equity\t%s\twallet %s, available %s\n", v.Equity, v.currency.Text(v.Margin.Wallet),
		v.currency.Text(v.Margin.Available))
	switch v.Tripped {
	case "":
	case engine.RuleLeaving:
		fmt.Fprintf(w, "stopped\t%s\tno new orders until the session goes on\n", v.Tripped)
	case engine.RuleDisconnected:
		fmt.Fprintf(w, "STOPPED\t%s\tno new orders until the account is heard again\n", v.Tripped)
	default:
		fmt.Fprintf(w, "STOPPED\t%s\tno new orders until paper clear %s\n", v.Tripped, v.Name)
	}
	v.printPursuit(w)
	if len(v.Limits) > 0 {
		fmt.Fprintf(w, "limits\t\t%s\n", limitList(v.Limits))
	}
	for _, d := range v.Differences {
		fmt.Fprintf(w, "DIFFERENCE\t%s\t%s\n", d.At, terminal.Line(d.Text))
	}
	if v.Halted != "" {
		fmt.Fprintf(w, "halted\t%s\t\n", terminal.Line(v.Halted))
	}
	if more := v.GapCount - int64(len(v.Gaps)); more > 0 {
		fmt.Fprintf(w, "gaps\t%d\tbefore these\n", more)
	}
	for _, g := range v.Gaps {
		fmt.Fprintf(w, "gap\t%s\tto %s\n", g.From, g.To)
	}
	for i := range v.Positions {
		p := &v.Positions[i]
		fmt.Fprintf(w, "position\t%d %s\tentry %s, mark %s, unrealised %s, liquidation %s\n", p.Qty, v.symbols[i],
			p.EntryPrice, p.MarkPrice, v.currency.Text(p.Unrealised), p.LiquidationPrice)
	}
	if v.Gap != nil {
		v.printGap(w)
	}
	fmt.Fprintf(w, "orders\t%d\t%d open\n", v.Counts.Orders, v.Open)
	for _, o := range v.OpenOrders[:min(len(v.OpenOrders), 20)] {
		fmt.Fprintf(w, "  %s\t%s %d %s\t%s %s, %d filled\n", terminal.Line(o.ClientID), o.Side, o.Qty,
			terminal.Line(o.Symbol), o.Type, o.Price, o.Filled)
	}
	fmt.Fprintf(w, "fills\t%d\t\n", v.Counts.Fills)
	for _, f := range v.Fills {
		fmt.Fprintf(w, "  %s\t%s %d %s\tat %s, position %d\n", f.At, f.Side, f.Qty, terminal.Line(f.Symbol), f.Price,
			f.Position)
	}
}

// printPursuit tells of what the session brings about after a kill, a tripped limit or a
// request to flatten or to end.
func (v *sessionView) printPursuit(w io.Writer) {
	p := v.Pursuit
	if p == nil {
		return
	}
	what := map[string]string{session.GoalNoOrders: "no open orders",
		session.GoalFlat: "no open orders, no position"}[p.Goal]
	if p.Done() {
		fmt.Fprintf(
			w,
			"confirmed\t%s\t%s, required by %s at %s, %d attempts\n",
			p.Confirmed,
			what,
			p.Rule,
			p.Since,
			p.Attempts,
		)
		return
	}
	next := ""
	if p.Next != nil {
		next = ", next at " + p.Next.String()
	}
	fmt.Fprintf(
		w,
		"PURSUING\t%s\trequired by %s at %s, %d attempts, last at %s%s\n",
		what,
		p.Rule,
		p.Since,
		p.Attempts,
		p.Last,
		next,
	)
	fmt.Fprintf(w, "still open\t\t%s\n", terminal.Line(p.Left()))
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

// waitFlag adds how long a command waits for what it asks for.
func waitFlag(fs *pflag.FlagSet, into *time.Duration) {
	fs.DurationVar(into, "wait", patience, "how long to wait until it is done; the session goes on with it after that")
}

// confirmation says what the exit code of a command that cancels or closes means.
var confirmation = fmt.Sprintf(`
It waits until the venue has confirmed it, at most for --wait, and then ends with exit
code %d and says what is still open. The session goes on trying until it is done, over
outages and restarts; paper status shows how far it is.`, ExitUnconfirmed)

// askCommand leaves a request for a session.
func (a *App) askCommand(r session.Request, short string) *cobra.Command {
	var state string
	var wait time.Duration
	c := &cobra.Command{
		Use:   string(r) + " SESSION",
		Short: short,
		Args:  oneSession(),
		RunE: func(c *cobra.Command, args []string) error {
			return a.ask(c.Context(), state, args[0], r, wait)
		},
	}
	if r == session.Kill || r == session.Flatten {
		c.Long = short + ".\n" + confirmation
	}
	stateFlag(c.Flags(), &state)
	waitFlag(c.Flags(), &wait)
	return c
}

func (a *App) stopCommand() *cobra.Command {
	var state string
	var flatten, suspend bool
	var wait time.Duration
	c := &cobra.Command{
		Use:   "stop SESSION",
		Short: "End a session that runs, for good or for now",
		Long: `End a session that runs. With --flatten it refuses new orders, cancels the open ones and
closes its positions, and ends once that is confirmed; paper stop without --flatten ends
it at once even then. With --suspend it can go on later, as after Ctrl-C.
` + confirmation,
		Example: `  paper stop xbtusd-sma_cross --flatten
  paper stop xbtusd-sma_cross --suspend`,
		Args: oneSession(),
		RunE: func(c *cobra.Command, args []string) error {
			r := session.Stop
			switch {
			case flatten && suspend:
				r = session.FlattenSuspend
			case flatten:
				r = session.FlattenStop
			case suspend:
				r = session.Suspend
			}
			return a.ask(c.Context(), state, args[0], r, wait)
		},
	}
	stateFlag(c.Flags(), &state)
	waitFlag(c.Flags(), &wait)
	c.Flags().BoolVar(&flatten, "flatten", false, "cancel orders and close positions first")
	c.Flags().BoolVar(&suspend, "suspend", false, "let it go on later")
	return c
}

// patience is how long a running session may take to do what it is asked, unless --wait
// says otherwise.
const patience = 30 * time.Second

// ask makes a request of a running session and waits until it is carried out.
func (a *App) ask(ctx context.Context, state, name string, r session.Request, wait time.Duration) error {
	if wait < 0 {
		return usage(fmt.Errorf("--wait %s: must not be negative", wait))
	}
	dir, err := a.running(ctx, state, name)
	if err != nil {
		return err
	}
	if err := session.Ask(dir, r); err != nil {
		return dataError(err)
	}
	q := &asked{dir: dir, name: name, request: r}
	for end := time.Now().Add(wait); ; {
		done, err := q.done(ctx)
		switch {
		case err != nil:
			return err
		case done:
			return nil
		case !q.runs && q.state.Ended:
			return withCode(
				ExitUnconfirmed,
				fmt.Errorf("%s: session %s has ended before it was confirmed: %s", r, name, q.left()),
			)
		case !q.runs:
			return withCode(
				ExitUnconfirmed,
				fmt.Errorf("%s: session %s does not run any more: %s; it goes on with it when it is run again", r, name, q.left()),
			)
		case !time.Now().Before(end):
			return withCode(
				ExitUnconfirmed,
				fmt.Errorf(
					"%s: not confirmed after %s: %s; session %s goes on with it, see paper status %s",
					r,
					wait,
					q.left(),
					name,
					name,
				),
			)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// asked is a request that was made of a session.
type asked struct {
	dir, name string
	request   session.Request
	runs      bool // the session's process does
	taken     bool // the request has been taken up
	state     session.State
}

// ends reports whether the request is one to end the session or its run.
func (q *asked) ends() bool {
	return q.request != session.Kill && q.request != session.Flatten && q.request != session.Clear
}

// flattens reports whether the request is to end only once the account is flat.
func (q *asked) flattens() bool {
	return q.request == session.FlattenStop || q.request == session.FlattenSuspend
}

// done reports whether the request is carried out.
func (q *asked) done(ctx context.Context) (bool, error) {
	var err error
	if q.runs, err = session.Running(q.dir); err != nil {
		return false, dataError(err)
	}
	_, there := os.Stat(filepath.Join(q.dir, "control", string(q.request)))
	if there != nil && !errors.Is(there, fs.ErrNotExist) {
		return false, dataError(there)
	}
	q.taken = there != nil
	store, err := session.Read(ctx, q.dir)
	if err == nil {
		q.state, err = store.State(ctx)
		err = errors.Join(err, store.Close())
	}
	switch {
	case err != nil:
		return false, dataError(err)
	case q.ends():
		// The request's file outlives a process that died before it was carried out.
		return !q.runs && q.taken && (!q.flattens() || q.state.Pursuit.Done()), nil
	case q.request == session.Clear:
		return q.taken, nil
	}
	return q.taken && q.state.Pursuit.Done(), nil
}

// left says what is not done.
func (q *asked) left() string {
	switch {
	case !q.taken && q.state.Events == 0:
		return "the session has heard no price yet and waits for the first one"
	case !q.state.Pursuit.Done():
		return q.state.Pursuit.Left()
	case !q.taken:
		return "the session has not carried it out"
	}
	return "its process has not ended"
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
