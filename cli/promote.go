package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/config"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/session"
)

// promoteFlags are the settings of paper promote. Limits and the venue are those of the
// session unless they are given.
type promoteFlags struct {
	sessionFlags
	out       string
	minLength time.Duration
	asJSON    bool
	force     bool
}

func (a *App) promoteCommand() *cobra.Command {
	f := new(promoteFlags)
	c := &cobra.Command{
		Use:   "promote SESSION",
		Short: "Check what must be true before a session's strategy sends real orders, and write its configuration",
		Long: `Check what must be true before the strategy of a paper session sends real orders: the
session is long enough, has traded, has no gaps to speak of and repeats itself; a
backtest on what it heard comes to about the same; limits are set; and all that paper
doctor checks, the account's key among it. Then, after a typed yes, write a
configuration for paper run. Nothing is started.`,
		Example: `  paper promote xbtusd-grid_maker --live-url http://127.0.0.1:8090 --max-order 5000 \
      --max-position 50000 --max-daily-loss "0.01 XBT" --max-orders-per-minute 60 --out live.yaml
  paper run -c live.yaml`,
		Args: oneSession(),
		RunE: func(c *cobra.Command, args []string) error {
			f.name = args[0]
			return a.promote(c.Context(), f, c.Flags())
		},
	}
	fs := c.Flags()
	stateFlag(fs, &f.state)
	fs.StringVar(&f.out, "out", "live.yaml", "`file` to write")
	fs.BoolVar(&f.force, "force", false, "write over a file that is there")
	fs.DurationVar(&f.minLength, "min-length", 24*time.Hour, "how long the session must have run")
	fs.StringVar(&f.feed, "feed", builtinVenues()[0].Name, "venue that the orders are to go to: "+a.venueNames())
	fs.StringVar(&f.liveURL, "live-url", "", "`address` of the venue")
	fs.StringVar(&f.mode, "mode", modeLive, "live, or shadow to simulate beside")
	fs.DurationVar(&f.deadMan, "dead-man", time.Minute, "the venue cancels all orders when it has not heard of the session for so long; 0 is never")
	f.limits.register(fs)
	fs.BoolVar(&f.asJSON, "json", false, "print the checks as JSON and write nothing")
	return c
}

// promotion is a session that is looked at.
type promotion struct {
	*doctor
	flags *promoteFlags
	store *session.Store
	state session.State
	base  *sessionFlags // as the session was begun
	plan  *plan
	live  *sessionFlags // as it is to go on
	runs  bool          // a process runs it
}

func (a *App) promote(ctx context.Context, f *promoteFlags, given *pflag.FlagSet) error {
	if info, err := os.Stat(f.out); err == nil && info.Mode().IsRegular() && !f.force && !f.asJSON {
		return usage(fmt.Errorf("--out %s is there already; --force writes over it", f.out))
	}
	store, err := readSession(ctx, f.state, f.name)
	if err != nil {
		return err
	}
	defer store.Close()
	m := &promotion{flags: f, store: store}
	if m.state, err = store.State(ctx); err != nil {
		return dataError(err)
	}
	if err := m.settings(ctx, a, given); err != nil {
		return err
	}
	m.doctor = &doctor{app: a, flags: m.live}
	if err := m.history(ctx); err != nil {
		return err
	}
	if err := m.sent(ctx); err != nil {
		return err
	}
	if err := m.repeats(ctx); err != nil {
		return err
	}
	if err := m.examine(ctx); err != nil {
		return err
	}
	return m.decide(ctx)
}

// settings are those of the session, with the limits and the venue that are given.
func (m *promotion) settings(ctx context.Context, a *App, given *pflag.FlagSet) (err error) {
	k, err := kept(ctx, m.store)
	if err != nil {
		return err
	}
	m.base = new(sessionFlags)
	if m.plan, _, _, err = a.recalled(ctx, m.base, m.store); err != nil {
		return err
	}
	if m.base.sendsOrders() {
		return usage(fmt.Errorf("session %s sends real orders already", m.flags.name))
	}
	m.live = new(sessionFlags)
	flags := pflag.NewFlagSet("session", pflag.ContinueOnError)
	m.live.register(flags, a.venueNames())
	given.Visit(func(flag *pflag.Flag) {
		if flags.Lookup(flag.Name) != nil {
			err = errors.Join(err, flags.Set(flag.Name, flag.Value.String()))
		}
	})
	for _, name := range []string{"feed", "mode", "dead-man"} { // what the session says of these does not hold
		err = errors.Join(err, flags.Set(name, given.Lookup(name).Value.String()))
	}
	if err == nil {
		err = config.Load("settings of the session", k.Flags, flags)
	}
	m.live.name, m.live.state = filepath.Base(m.store.Dir)+"-live", m.flags.state
	m.live.from, m.live.to, m.live.catalog = "", "", ""
	return dataError(err)
}

// Shares beyond which a session is no proof.
const (
	mostMissing  = 0.01 // of its time
	mostRejected = 0.05 // of its orders
)

// history looks at how long the session ran, and at what went wrong.
func (m *promotion) history(ctx context.Context) error {
	running, err := session.Running(m.store.Dir)
	if err != nil {
		return dataError(err)
	}
	if m.runs = running; running {
		m.note("session", checkFailed, "it runs; suspend it first: paper stop %s --suspend", m.flags.name)
	}
	if m.base.feed == m.flags.feed {
		m.note("prices", checkOK, "were the venue's")
	} else {
		m.note("prices", checkWarning, "came from %s, not from %s: a while of --feed %s first would show more", m.base.feed, m.flags.feed, m.flags.feed)
	}
	samples, err := m.store.Samples(ctx, 0)
	if err != nil {
		return dataError(err)
	}
	length := time.Duration(0)
	if len(samples) > 0 {
		length = m.state.Now.Sub(samples[0].At)
	}
	m.judge("length", length >= m.flags.minLength, "it ran for %s, want at least %s", length.Round(time.Second), m.flags.minLength)
	counts, err := m.store.Count(ctx)
	if err != nil {
		return dataError(err)
	}
	m.judge("trades", counts.Fills > 0, "%d orders, %d fills", counts.Orders, counts.Fills)
	rejected, err := m.store.Rejected(ctx)
	if err != nil {
		return dataError(err)
	}
	m.judge("rejections", float64(rejected) <= mostRejected*float64(counts.Orders), "%d of %d orders were rejected, want at most %.0f %%", rejected, counts.Orders, 100*mostRejected)
	missing := time.Duration(0)
	for _, g := range m.state.Gaps {
		missing += g.To.Sub(g.From)
	}
	all := m.state.GapCount == int64(len(m.state.Gaps))
	m.judge("gaps", all && float64(missing) <= mostMissing*float64(length), "%d, %s of %s at least, want at most %.0f %%", m.state.GapCount, missing.Round(time.Second),
		length.Round(time.Second), 100*mostMissing)
	m.judge("stops", m.state.Tripped == "" && m.state.Halted == "", "the risk guard: %s; the strategy: %s", orNone(m.state.Tripped), orNone(m.state.Halted))
	return nil
}

// judge notes whether something is as it must be.
func (m *promotion) judge(name string, is bool, format string, args ...any) {
	result := checkFailed
	if is {
		result = checkOK
	}
	m.note(name, result, format, args...)
}

// sent compares the largest order and position of the session with the new limits: the limits
// would refuse such orders, and the strategy would trade differently from its trial.
func (m *promotion) sent(ctx context.Context) error {
	l, err := m.live.limits.limits(m.plan.sim.Currency)
	if err != nil {
		return err
	}
	most, err := m.store.Sent(ctx, func(symbol string, at exchange.Time) *exchange.Terms {
		for _, i := range m.plan.instruments {
			if i.Symbol == symbol {
				return i.At(at)
			}
		}
		return m.plan.instruments[0].At(at)
	})
	if err != nil {
		return dataError(err)
	}
	c := m.plan.sim.Currency
	for _, x := range []struct {
		check, flag string
		n           engine.Limit
		most        int64
		money       bool
	}{
		{"largest order", "max-order", engine.LimitOrderQty, int64(most.Order), false},
		{"largest order's value", "max-order-value", engine.LimitOrderValue, int64(most.Value), true},
		{"largest position", "max-position", engine.LimitPositionQty, int64(most.Position), false},
		{"largest position's value", "max-position-value", engine.LimitPositionValue, int64(most.Held), true},
		{"orders in a minute", "max-orders-per-minute", engine.LimitOrdersPerMinute, int64(most.PerMinute), false},
	} {
		limit := l.Get(x.n)
		if limit == 0 {
			continue
		}
		text := func(v int64) string {
			if x.money {
				return c.Text(exchange.Money(v))
			}
			return strconv.FormatInt(v, 10)
		}
		if x.n == engine.LimitOrdersPerMinute && x.most > limit {
			// A higher rate is refused for a minute at most, so this is a warning.
			m.note(x.check, checkWarning, "%s in the session, --%s %s: the rest will be refused", text(x.most), x.flag,
				text(limit))
			continue
		}
		m.judge(x.check, x.most <= limit, "%s in the session, --%s %s", text(x.most), x.flag, text(limit))
	}
	return nil
}

// repeats plays the session again, and runs a backtest on what it heard.
func (m *promotion) repeats(ctx context.Context) error {
	if m.runs {
		m.note("replay", checkFailed,
			"it is played again, and a backtest is run on what it heard, once it does not run any more")
		return nil
	}
	f := new(sessionFlags)
	p, market, k, err := m.app.recalled(ctx, f, m.store)
	if err != nil {
		return err
	}
	f.noReport = true
	w, err := m.app.wire(ctx, p, market, k, session.Config{Store: m.store})
	if err != nil {
		return err
	}
	again, err := m.app.replayed(ctx, f, p, w)
	var diverged *session.DivergedError
	if err != nil && !errors.As(err, &diverged) {
		return err
	}
	if !m.verdict("replay", err, "%d events, no difference", m.state.Events) {
		return nil
	}
	heard, err := m.store.Segments(ctx)
	if err != nil {
		return dataError(err)
	}
	if len(heard) == 0 {
		m.note("backtest", checkFailed,
			"its process died before what it heard was put together: let it go on with paper run --session %s, and end it "+
				"with Ctrl-C", m.flags.name)
		return nil
	}
	backtest, err := m.backtest(ctx)
	if err != nil {
		m.note("backtest", checkFailed, "on what the session heard: %s", err)
		return nil
	}
	m.differences(again, backtest)
	return nil
}

// backtest runs the strategy on what the session heard, from a catalog that is made for
// it.
func (m *promotion) backtest(ctx context.Context) (_ *reports.Result, err error) {
	dir, err := os.MkdirTemp("", "dunamis-promote-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := m.app.export(ctx, m.flags.state, m.flags.name, dir); err != nil {
		return nil, err
	}
	p, _, _, err := m.app.recalled(ctx, new(sessionFlags), m.store)
	if err != nil {
		return nil, err
	}
	p.flags.catalog, p.flags.noReport = dir, true
	p.from, p.to = 0, 0
	out, err := m.app.execute(ctx, p)
	if err != nil {
		return nil, err
	}
	return out.results[0], nil
}

// differences must be less than what may be lost in a day.
func (m *promotion) differences(paper, backtest *reports.Result) {
	profit := func(r *reports.Result) exchange.Money { return r.Account.EndEquity - r.Account.StartBalance }
	apart := (profit(paper) - profit(backtest)).Abs()
	c := m.plan.sim.Currency
	limits, err := m.live.limits.limits(c)
	m.judge("backtest", err == nil && apart <= limits.DailyLoss, "profit %s with %d fills, on the same prices a backtest %s with %d; want them nearer than the daily loss, %s",
		c.Text(profit(paper)), paper.Counts.Fills, c.Text(profit(backtest)), backtest.Counts.Fills, c.Text(limits.DailyLoss))
}

// examine does what paper doctor does for the session that would be.
func (m *promotion) examine(ctx context.Context) error {
	dir, err := sessionDir(m.live.state, m.live.name)
	if err != nil {
		return err
	}
	m.disk(filepath.Dir(filepath.Dir(dir)))
	p, err := m.app.plan(&m.live.runFlags)
	if err == nil {
		_, err = m.app.liveVenue(m.live)
	}
	if !m.verdict("settings", err, "%s on %s", m.live.strategy, strings.Join(m.live.symbols, ", ")) {
		return nil
	}
	m.limits(p)
	m.venue(ctx, p)
	return nil
}

// decide prints the checks, asks, and writes.
func (m *promotion) decide(ctx context.Context) error {
	a := m.app
	if err := m.print(m.flags.asJSON); err != nil || m.flags.asJSON {
		return err
	}
	fmt.Fprintf(a.Stdout, "\nAll of it is as it must be. %s is about to be written, for session %s with REAL ORDERS at %s. Nothing is started.\n", m.flags.out, m.live.name, m.live.liveURL)
	if err := a.confirm(ctx, m.flags.name); err != nil {
		return err
	}
	if err := disk.Output(m.flags.out, 0o644, m.write); err != nil {
		return dataError(err)
	}
	fmt.Fprintf(a.Stdout, "written. To begin: paper run -c %s\n", m.flags.out)
	return nil
}

// write writes the configuration of the live session.
func (m *promotion) write(w io.Writer) error {
	f := m.live
	all := f.settings()
	all["session"], all["symbol"] = f.name, f.symbols
	var b strings.Builder
	fmt.Fprintf(&b, "# Real orders of the strategy of session %s, checked by paper promote on %s.\n# To begin: paper run -c %s\n", m.flags.name,
		m.app.Now().UTC().Format("2006-01-02 15:04"), filepath.Base(m.flags.out))
	first := []string{"session", "mode", "feed", "live-url", "symbol", "strategy", "param", "max-order", "max-order-value", "max-position", "max-position-value",
		"max-daily-loss", "max-orders-per-minute", "dead-man", "keep-orders"}
	for _, key := range append(first, slices.Sorted(maps.Keys(all))...) {
		v, there := all[key]
		if !there {
			continue
		}
		delete(all, key)
		writeSetting(&b, key, v)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeSetting writes a flag's value as YAML; what is empty is left out.
func writeSetting(b *strings.Builder, key string, v any) {
	switch v := v.(type) {
	case string:
		if v != "" {
			fmt.Fprintf(b, "%s: %q\n", key, v)
		}
	case []string:
		if len(v) > 0 {
			fmt.Fprintf(b, "%s:\n", key)
			for _, s := range v {
				fmt.Fprintf(b, "  - %q\n", s)
			}
		}
	case map[string]string:
		if len(v) > 0 {
			fmt.Fprintf(b, "%s:\n", key)
			for _, name := range slices.Sorted(maps.Keys(v)) {
				fmt.Fprintf(b, "  %s: %q\n", name, v[name])
			}
		}
	default:
		fmt.Fprintf(b, "%s: %v\n", key, v)
	}
}
