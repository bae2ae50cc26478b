package cli

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/session"
)

// checkMode refuses a session whose orders would leave this machine without what that
// needs.
func (a *App) checkMode(ctx context.Context, f *sessionFlags, p *plan) error {
	switch f.mode {
	case modePaper:
		return nil
	case modeLive, modeShadow:
	default:
		return usage(fmt.Errorf("--mode %q: want paper, live or shadow", f.mode))
	}
	if f.strategy == recordName {
		return usage(fmt.Errorf("--mode %s: a recording sends no orders", f.mode))
	}
	if _, err := a.liveVenue(f); err != nil {
		return err
	}
	if f.adopt && f.ignore {
		return usage(errors.New("--adopt and --ignore-others exclude each other"))
	}
	if f.deadMan < 0 || f.deadMan > 0 && f.deadMan < 5*time.Second {
		return usage(fmt.Errorf("--dead-man %s: want 0 or at least 5s", f.deadMan))
	}
	if without := missingLimits(p); len(without) > 0 {
		return usage(fmt.Errorf("--mode %s needs limits: give %s", f.mode, strings.Join(without, ", ")))
	}
	_, _, err := a.unlocked(ctx, f, p, nil, nil)
	return err
}

// others is what becomes of orders and positions that the session did not make.
func (f *sessionFlags) others() live.Others {
	switch {
	case f.adopt:
		return live.Adopt
	case f.ignore:
		return live.Ignore
	}
	return live.Doubt
}

// missingLimits are the flags without which no order leaves this machine.
func missingLimits(p *plan) (flags []string) {
	l := &p.limits
	for _, x := range []struct {
		flag string
		set  bool
	}{{"--max-order or --max-order-value", l.OrderQty > 0 || l.OrderValue > 0}, {"--max-position or --max-position-value", l.PositionQty > 0 || l.PositionValue > 0},
		{"--max-daily-loss", l.DailyLoss > 0}, {"--max-orders-per-minute", l.OrdersPerMinute > 0}} {
		if !x.set {
			flags = append(flags, x.flag)
		}
	}
	return flags
}

// mayTrade checks the mode again, and asks the operator.
func (a *App) mayTrade(ctx context.Context, f *sessionFlags, p *plan) error {
	if err := a.checkMode(ctx, f, p); err != nil || !f.sendsOrders() || f.unattended {
		return err
	}
	address, err := a.venue(f.feed).address(f.liveURL)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "Session %s sends REAL ORDERS to %s at %s: orders up to %s, positions up to %s, a daily loss up to %s.\n", f.name, f.feed, address,
		limitText(int64(p.limits.OrderQty), f.limits.orderValue), limitText(int64(p.limits.PositionQty), f.limits.positionValue), f.limits.dailyLoss)
	return a.confirm(ctx, f.name)
}

func limitText(contracts int64, value string) string {
	switch {
	case contracts == 0:
		return value
	case value == "":
		return fmt.Sprintf("%d contracts", contracts)
	}
	return fmt.Sprintf("%d contracts and %s", contracts, value)
}

// confirm waits for a word to be typed, or for an interrupt, which is the error of the context.
// A read of a terminal cannot be interrupted: after an interrupt its goroutine waits for the
// input until the process ends, which is at once.
func (a *App) confirm(ctx context.Context, word string) error {
	fmt.Fprintf(a.Stdout, "Type %s to go on: ", word)
	in := a.Stdin
	if in == nil {
		in = os.Stdin
	}
	type answer struct {
		line string
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(in).ReadString('\n')
		typed <- answer{line, err}
	}()
	var got answer
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.Stdout) // the message begins a line
		return ctx.Err()
	case got = <-typed:
	}
	if got.err != nil && !errors.Is(got.err, io.EOF) {
		return dataError(got.err)
	}
	if line := got.line; strings.TrimSpace(line) != word {
		return usage(fmt.Errorf("%q was not typed: nothing is begun (a program that starts this one gives --unattended)", word))
	}
	return nil
}

// orderPrefix begins the client ids of a session that sends orders.
func orderPrefix() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails
	return "dun-" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]) + "-"
}

// connect is how the session's account is connected.
// prefix begins the client ids of its orders. The key is locked until the lock is released.
func (a *App) connect(
	ctx context.Context,
	f *sessionFlags,
	p *plan,
	prefix string,
	log *slog.Logger,
	metrics *live.Metrics,
) (session.Connect, *keyLock, error) {
	v, x, err := a.unlocked(ctx, f, p, log, metrics)
	if err != nil {
		return nil, nil, err
	}
	lock, err := lockKey(f.state, f.name, v, x)
	if err != nil {
		return nil, nil, err
	}
	x.Prefix, x.Others = prefix, f.others()
	return func(ctx context.Context, known *live.Known, notice func(live.Notice)) (session.Venue, error) {
		return v.Account(ctx, x, known, notice)
	}, lock, nil
}

// trade makes the exchange of a session that sends orders. In shadow mode the simulated
// one gets them too; otherwise there is none.
func (w *wired) trade(p *plan, m *market, k *keptSettings) *session.Live {
	c := session.LiveConfig{Instruments: p.set, Symbols: p.sim.Symbols, Connect: m.connect, Prefix: k.Orders + "c",
		Behind: m.behind}
	if m.shadow {
		c.Shadow = w.sim
	} else {
		w.sim = nil
	}
	w.live = session.NewLive(c)
	w.config.Exchange, w.config.Margin = w.live, exchange.Margin{}
	return w.live
}

// liveAccount shows the account of a live session to the recorder.
type liveAccount struct {
	*session.Live
	start exchange.Money
}

// Margin implements reports.Account.
func (a liveAccount) Margin(exchange.Time) exchange.Margin { return a.Account(a.start) }

// Totals implements reports.Account.
func (a liveAccount) Totals() reports.Totals { return reports.Totals(a.Live.Totals()) }

// unexplained is a warning if the venue's wallet is not what the session made of it.
func (w *wired) unexplained(start exchange.Money) []string {
	if w.live == nil {
		return nil
	}
	more := w.live.Unexplained(start)
	if more == 0 {
		return nil
	}
	return []string{fmt.Sprintf("the venue's wallet, when it was last told, differed by %s from what fills, fees and funding come to: "+
		"deposits, trades of others, or fills that it did not know of yet", w.currency.Text(more))}
}

// account is the one that a report is about.
func (w *wired) account(start exchange.Money) reports.Account {
	if w.live != nil {
		return liveAccount{w.live, start}
	}
	return account{w.sim.Account(), w.currency.Code}
}

// models are what the results depend on.
func (w *wired) models(f *sessionFlags) []sim.Model {
	if w.live != nil {
		return []sim.Model{{Name: "exchange", Choice: f.feed + ", real orders"}}
	}
	return w.sim.Models()
}

// stats are what the simulator counted.
func (w *wired) stats() sim.Stats {
	if w.live != nil {
		return sim.Stats{}
	}
	return w.sim.Stats()
}
