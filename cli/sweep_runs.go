package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/sweep"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/sweeps"
)

const (
	// watchEvery is how often the runs are looked at, and the progress is drawn.
	watchEvery = 100 * time.Millisecond
	// stallAfter is how long the other runs of a group wait for one that is busy with a
	// batch of events, before it gets a reading of its own.
	stallAfter = 5 * time.Second
	// leaveAfter is how long an interrupted sweep waits for runs that are busy.
	leaveAfter = 2 * time.Second
)

// runner does the runs of a sweep. Its fields belong to the goroutine that calls all;
// each run has a goroutine of its own, which tells it by landed how the run ended.
type runner struct {
	*sweeper

	journal *sweeps.Journal
	entries []sweeps.Entry
	failed  int
	allowed int // failed runs
	begun   int // runs that were done before

	life   context.Context //nolint:containedctx // of the runs, which may outlast the group they begin in
	cancel context.CancelFunc
	landed chan landing
	flying map[*flight]bool
	fatal  error // why the sweep cannot go on
}

// flight is a run that goes on.
type flight struct {
	run    *sweptRun
	feed   *pacedFeed
	cancel context.CancelFunc
	alone  bool         // it has left the reading of its group
	share  atomic.Int64 // how far it is, in thousandths
}

// landing is how a run ended.
type landing struct {
	flight *flight
	entry  sweeps.Entry
	err    error
}

// all does the runs that are not known yet and returns every run. A run that fails is an
// entry like the others; the error is that of the sweep.
func (r *runner) all(ctx context.Context) ([]sweeps.Entry, error) {
	known := make(map[int]bool)
	for i := range r.entries {
		known[r.entries[i].Run.N] = true
		if !r.entries[i].Run.Finished() {
			r.failed++
		}
	}
	var todo []int
	for i := range r.selection.Points {
		if !known[i+1] {
			todo = append(todo, i)
		}
	}
	r.done, r.begun = len(r.entries), len(r.entries)
	r.landed, r.flying = make(chan landing, len(todo)), make(map[*flight]bool)
	r.life, r.cancel = context.WithCancel(ctx)
	defer r.cancel()
	r.checkFailed()
	groups := (len(todo) + r.flags.workers - 1) / r.flags.workers
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for g := range groups {
		if r.fatal != nil {
			break
		}
		r.group(ctx, ticker.C, todo[g*len(todo)/groups:(g+1)*len(todo)/groups])
		for len(r.flying) >= r.flags.workers && r.fatal == nil {
			r.wait(ctx, ticker.C)
		}
	}
	for len(r.flying) > 0 && r.fatal == nil {
		r.wait(ctx, ticker.C)
	}
	if r.fatal != nil {
		r.leave()
	}
	return r.entries, r.fatal
}

// group begins runs over one reading of the data, and returns when none reads it any
// more. A run that has a reading of its own may go on.
//
//nolint:contextcheck // a run may outlast its group
func (r *runner) group(ctx context.Context, tick <-chan time.Time, points []int) {
	var list []*flight
	for _, n := range points {
		x, err := r.prepare(n)
		if err != nil {
			r.take(r.failedRun(n, sweeps.Failed, err))
			continue
		}
		list = append(list, &flight{run: x})
	}
	if len(list) == 0 || r.fatal != nil {
		return
	}
	feed, err := r.app.feed(ctx, r.catalog, r.plan, r.choice)
	if err != nil {
		r.fail(dataError(err))
		return
	}
	tee := sweep.NewTee(ctx, feed, len(list))
	for i, f := range list {
		f.feed = &pacedFeed{shared: tee.Feed(i), open: r.open}
		f.feed.pace.works()
		life, cancel := context.WithCancel(r.life)
		f.cancel = cancel
		r.flying[f] = true
		// It is waited for by the landing that it sends, but for a run whose strategy
		// never returns, which nothing can end but the end of the process.
		go func() {
			l := landing{flight: f, err: errors.New("its strategy ended its goroutine")}
			defer func() {
				cancel()
				r.landed <- l
			}()
			l.entry, l.err = r.fly(life, f)
		}()
	}
	for r.reading() && r.fatal == nil {
		r.wait(ctx, tick)
	}
	if r.fatal != nil {
		r.leave()
	}
	if err := tee.Close(); err != nil {
		r.fail(err)
	}
}

// reading reports whether a run reads what its group reads.
func (r *runner) reading() bool {
	for f := range r.flying {
		if !f.alone {
			return true
		}
	}
	return false
}

// open is a reading of the data for one run.
func (r *runner) open(ctx context.Context) (exchange.Feed, error) {
	return r.app.feed(ctx, r.catalog, r.plan, r.choice)
}

// fly does a run. A panic of the strategy is an error of the run.
func (r *runner) fly(ctx context.Context, f *flight) (entry sweeps.Entry, err error) {
	defer f.feed.Close() //nolint:errcheck // it is only read
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return r.runOne(ctx, f.run, f.feed, r.progressOf(f))
}

// progressOf notes how far a run is, by time where the range of the data was given, else
// by events.
func (r *runner) progressOf(f *flight) func(exchange.Time, int64) {
	if r.bar == nil {
		return nil
	}
	var rows int64
	for i := range r.parts {
		rows += r.parts[i].Rows
	}
	from, to := r.plan.from, r.plan.to
	return func(now exchange.Time, events int64) {
		share := float64(events) / float64(max(rows, 1))
		if from != 0 && to != 0 {
			share = float64(now-from) / float64(to-from)
		}
		f.share.Store(int64(min(max(share, 0), 1) * wholeRun))
	}
}

// wholeRun is the progress of a run that is done.
const wholeRun = 1000

// wait waits until something happens to the runs.
func (r *runner) wait(ctx context.Context, tick <-chan time.Time) {
	select {
	case l := <-r.landed:
		r.land(l)
	case <-tick:
		r.watch()
		r.draw()
	case <-ctx.Done():
		r.fail(ctx.Err())
	}
}

// fail ends the sweep; the first reason counts.
func (r *runner) fail(err error) {
	if r.fatal == nil {
		r.fatal = err
	}
}

// land takes what came of a run that is over.
func (r *runner) land(l landing) {
	f := l.flight
	if !r.flying[f] {
		return // it was given up
	}
	delete(r.flying, f)
	var skew *engine.SkewError
	switch n := f.run.n; {
	case l.err == nil:
		r.take(l.entry)
	case r.life.Err() != nil:
		r.fail(r.life.Err())
	case f.feed.failed() || errors.Is(l.err, engine.ErrNoEvents) || errors.As(l.err, &skew):
		// What is wrong with the data is wrong with it for every run.
		r.fail(fmt.Errorf("%s: %w", r.runName(n), l.err))
	default:
		r.take(r.failedRun(n, sweeps.Failed, l.err))
	}
}

// take keeps a run that is over.
func (r *runner) take(e sweeps.Entry) {
	if err := r.journal.Add(e); err != nil {
		r.fail(err)
		return
	}
	r.entries = append(r.entries, e)
	r.done++
	if !e.Run.Finished() {
		r.failed++
		r.checkFailed()
	}
}

func (r *runner) failedRun(n int, status sweeps.Status, err error) sweeps.Entry {
	return sweeps.Entry{Run: sweeps.FailedRun(n+1, r.varied(n), status, printable(r.runName(n)+": "+err.Error()))}
}

// runName names a run with all parameters that were given.
func (r *runner) runName(n int) string {
	return fmt.Sprintf("run %d (%s)", n+1, paramText(r.selection.Points[n].Params))
}

// checkFailed ends the sweep when more runs failed than may.
func (r *runner) checkFailed() {
	if r.failed <= r.allowed {
		return
	}
	first := ""
	for i := range r.entries {
		if x := &r.entries[i].Run; !x.Finished() {
			first = x.Error
			break
		}
	}
	r.fail(withCode(ExitFailed, fmt.Errorf("%d of %d runs failed, and --max-failed %s allows %d; the first: %s; "+
		"with --retry-failed they are run again", r.failed, len(r.selection.Points), r.flags.maxFailed, r.allowed, first)))
}

// watch gives up runs that are out of time, and gives one that keeps its group waiting a
// reading of its own.
func (r *runner) watch() {
	for f := range r.flying {
		used, busy := f.feed.pace.look()
		switch limit := r.flags.runTimeout; {
		case limit > 0 && used > limit:
			delete(r.flying, f)
			f.cancel()
			_ = f.feed.leave() // the others of its group go on
			r.take(r.failedRun(f.run.n, sweeps.Timeout, fmt.Errorf("it took more than the %s of --run-timeout", limit)))
		case !f.alone && busy > r.stall && !r.othersGoOn(f):
			f.alone = true
			_ = f.feed.leave()
		}
	}
}

// othersGoOn reports whether another run of the group works on what it has read, and not
// for too long: then it is not known yet who keeps whom waiting.
func (r *runner) othersGoOn(f *flight) bool {
	for o := range r.flying {
		if o != f && !o.alone {
			if _, busy := o.feed.pace.look(); busy > 0 && busy <= r.stall {
				return true
			}
		}
	}
	return false
}

// leave ends the runs that go on. One that has just come to its end is kept; one that
// does not return is left behind.
func (r *runner) leave() {
	r.cancel()
	for f := range r.flying {
		_ = f.feed.leave()
	}
	limit := time.NewTimer(leaveAfter)
	defer limit.Stop()
	for len(r.flying) > 0 {
		select {
		case l := <-r.landed:
			r.land(l)
		case <-limit.C:
			clear(r.flying)
		}
	}
}

// draw shows how far the sweep is.
func (r *runner) draw() {
	if r.bar == nil {
		return
	}
	points := len(r.selection.Points)
	done := int64(r.done-r.begun) * wholeRun
	for f := range r.flying {
		done += f.share.Load()
	}
	detail := fmt.Sprintf("%d of %d runs", r.done, points)
	if r.failed > 0 {
		detail += fmt.Sprintf(", %d failed", r.failed)
	}
	r.bar.set(done, int64(points-r.begun)*wholeRun, detail)
}

// panicked is the error of a run that panicked: what it said and where.
func panicked(p any) error { return errors.New(engine.NewPanicError(p, nil).Brief()) }

// printable makes one line of a text that a strategy may have made.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "�"))
}

// pacedFeed is the feed of one run of a group: a reader of what the group reads, until
// that is closed because the run keeps the others waiting, and then a reading of its own
// from where it was. It knows how long the run has worked on what it read.
type pacedFeed struct {
	shared exchange.Feed
	open   func(context.Context) (exchange.Feed, error)
	own    exchange.Feed
	seen   int64 // events that the run was given
	broken atomic.Bool
	pace   pace
}

// Next implements exchange.Feed.
func (f *pacedFeed) Next(ctx context.Context, events []exchange.Event) (int, error) {
	f.pace.waits()
	defer f.pace.works()
	n, err := f.next(ctx, events)
	f.seen += int64(n)
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		f.broken.Store(true)
	}
	return n, err
}

func (f *pacedFeed) next(ctx context.Context, events []exchange.Event) (int, error) {
	if f.own == nil {
		n, err := f.shared.Next(ctx, events)
		if !errors.Is(err, sweep.ErrClosed) {
			return n, err
		}
		if err := f.begin(ctx); err != nil {
			return 0, err
		}
	}
	return f.own.Next(ctx, events)
}

// begin opens a reading of its own and passes over what the run was given before.
func (f *pacedFeed) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	own, err := f.open(ctx)
	if err != nil {
		return err
	}
	f.own = own
	buf := make([]exchange.Event, 1024)
	for left := f.seen; left > 0; {
		n, err := own.Next(ctx, buf[:min(left, int64(len(buf)))])
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// failed reports whether the data could not be read.
func (f *pacedFeed) failed() bool { return f.broken.Load() }

// leave gives up what the group reads. It may be called by any goroutine.
func (f *pacedFeed) leave() error { return f.shared.Close() }

// Close implements exchange.Feed.
func (f *pacedFeed) Close() error {
	err := f.shared.Close()
	if f.own != nil {
		err = errors.Join(err, f.own.Close())
	}
	return err
}

// pace is how long a run has worked, without the time in which it waited for data or for
// other runs.
type pace struct {
	mu    sync.Mutex
	used  time.Duration
	since time.Time // when it began to work; zero while it waits
}

func (p *pace) works() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since = time.Now()
}

func (p *pace) waits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.since.IsZero() {
		p.used += time.Since(p.since)
	}
	p.since = time.Time{}
}

// look returns how long the run has worked in all, and how long without a pause, 0 while
// it waits.
func (p *pace) look() (used, busy time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.since.IsZero() {
		busy = max(time.Since(p.since), 1)
	}
	return p.used + busy, busy
}
