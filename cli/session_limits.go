package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/session"
)

// limitsFlags are the settings of paper limits.
type limitsFlags struct {
	limitFlags
	state  string
	wait   time.Duration
	raise  bool
	asJSON bool
}

// raiseFlag adds the consent to looser limits.
func raiseFlag(fs *pflag.FlagSet, into *bool) {
	fs.BoolVar(into, "raise-limits", false, "let limits of a session that is there become looser")
}

func (a *App) limitsCommand() *cobra.Command {
	f := new(limitsFlags)
	c := &cobra.Command{
		Use:   "limits SESSION",
		Short: "Show the limits of a session, or change those of one that runs",
		Long: `Show the limits of a session's risk guard, or change them while it runs. They can be made
stricter at any time, and looser with --raise-limits. The change is kept with what the
session hears, so that a replay repeats it; it holds from the next order on, and over
restarts. Orders that are open stay. A loss limit below what is lost already stops trading
at once. Of a session that does not run, paper run --session changes limits by the same
flags.`,
		Example: `  paper limits xbtusd-grid_maker
  paper limits xbtusd-grid_maker --max-order 50 --max-position 200
  paper limits xbtusd-grid_maker --max-daily-loss "0.02 XBT" --raise-limits`,
		Args: oneSession(),
		RunE: func(c *cobra.Command, args []string) error { return a.limits(c.Context(), f, args[0], c.Flags()) },
	}
	f.register(c.Flags())
	raiseFlag(c.Flags(), &f.raise)
	stateFlag(c.Flags(), &f.state)
	waitFlag(c.Flags(), &f.wait)
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func (a *App) limits(ctx context.Context, f *limitsFlags, name string, flags *pflag.FlagSet) (err error) {
	if f.wait < 0 {
		return usage(fmt.Errorf("--wait %s: must not be negative", f.wait))
	}
	store, err := readSession(ctx, f.state, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s := new(sessionFlags)
	p, _, _, err := a.recalled(ctx, s, store)
	if err != nil {
		return err
	}
	state, err := store.State(ctx)
	if err != nil {
		return dataError(err)
	}
	change := &limitChange{begun: p.limits, given: givenLimits(flags), raise: f.raise}
	if change.now, err = limitsInForce(&state, p.limits, p.sim.Currency); err != nil {
		return err
	}
	if change.wanted, err = f.limitFlags.limits(p.sim.Currency); err != nil {
		return err
	}
	list, stay, err := change.changes(p.sim.Currency)
	if err != nil {
		return err
	}
	if len(stay) > 0 {
		return usage(fmt.Errorf("in force is %s; --raise-limits lets looser limits through", strings.Join(stay, ", ")))
	}
	after := change.after(list)
	if err := stillLimited(s, p, &after); err != nil {
		return err
	}
	if len(list) > 0 {
		if err := a.askLimits(ctx, f, name, list); err != nil {
			return err
		}
	}
	texts := limitTexts(&after, p.sim.Currency)
	if f.asJSON {
		return a.printJSON(texts)
	}
	for _, n := range engine.AllLimits {
		if text, set := texts[limitNames[n]]; set {
			fmt.Fprintf(a.Stdout, "%-22s %s\n", limitNames[n], text)
		}
	}
	if len(texts) == 0 {
		fmt.Fprintln(a.Stdout, "no limits")
	}
	return nil
}

// stillLimited refuses to remove a limit that a session with real orders must have.
func stillLimited(f *sessionFlags, p *plan, after *engine.Limits) error {
	changed := *p
	changed.limits = *after
	if without := missingLimits(&changed); f.sendsOrders() && len(without) > 0 {
		return usage(fmt.Errorf("--mode %s needs limits: leave %s", f.mode, strings.Join(without, ", ")))
	}
	return nil
}

// askLimits asks a session that runs, and waits until it has kept the limits.
func (a *App) askLimits(ctx context.Context, f *limitsFlags, name string, list []session.Setting) error {
	dir, err := a.running(ctx, f.state, name)
	if err != nil {
		return fmt.Errorf("%w; paper run --session %s changes limits by the same flags", err, name)
	}
	file, err := session.AskLimits(dir, list, time.Now())
	if err != nil {
		return dataError(err)
	}
	for end := time.Now().Add(f.wait); ; {
		waits, err := session.Asked(dir, file)
		switch {
		case err != nil:
			return dataError(err)
		case !waits:
			return nil
		case !time.Now().Before(end):
			return withCode(ExitUnconfirmed,
				fmt.Errorf("limits: session %s has not taken them after %s, and takes them when it hears prices", name, f.wait))
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// changeLimits are the settings by which the limits in force become those that were given, and
// the flags and the plan as they are then.
func (a *App) changeLimits(f *sessionFlags, p *plan, state *session.State) (list []session.Setting, ff *sessionFlags,
	pp *plan, err error) {
	change := &limitChange{begun: p.limits, given: f.given, raise: f.raise}
	c := p.sim.Currency
	if change.now, err = limitsInForce(state, p.limits, c); err != nil {
		return nil, nil, nil, err
	}
	if len(f.given) > 0 {
		if change.wanted, err = f.wanted.limits(c); err != nil {
			return nil, nil, nil, err
		}
	}
	list, stay, err := change.changes(c)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, text := range stay {
		fmt.Fprintf(a.Stdout, "limit %s stays in force; --raise-limits lets a looser one through\n", text)
	}
	flags, after := *f, *p
	after.limits = change.after(list)
	texts, err := limitFlagsOf(limitTexts(&after.limits, c))
	if err != nil {
		return nil, nil, nil, dataError(err)
	}
	flags.limits = *texts
	return list, &flags, &after, nil
}

// onlyLimits keeps apart the limits that were given for a session that is there: it goes on
// with those with which it was begun, and they are changed from now on.
func (f *sessionFlags) onlyLimits(given []engine.Limit, begun map[string]any) error {
	texts := map[string]string{}
	for _, name := range limitNames {
		if v, set := begun[name]; set {
			texts[name] = fmt.Sprint(v)
		}
	}
	then, err := limitFlagsOf(texts)
	if err != nil {
		return err
	}
	f.given, f.wanted = given, f.limits
	f.limits = *then
	return nil
}
