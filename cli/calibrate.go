package cli

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/gap"
)

// queueCandidates are the queue models that are tried; of equals the first is taken.
var queueCandidates = []string{"prob-power:3", "risk-averse", "prob-power:0.5", "prob-power:1", "prob-power:2", "prob-power:5", "prob-power2:1", "prob-power2:3",
	"prob-power3:1", "prob-power3:3", "prob-log", "prob-log2", "front"}

// calibrateFlags are the settings of backtest calibrate.
type calibrateFlags struct {
	state    string
	out      string
	recorded bool
	asJSON   bool
	force    bool
	queues   []string
}

func (a *App) calibrateCommand() *cobra.Command {
	f := new(calibrateFlags)
	c := &cobra.Command{
		Use:   "calibrate SESSION",
		Short: "Fit latency and queue models to what a live session's orders met",
		Long: `Fit the models of the simulated exchange to a session that sent orders to a venue, in
mode live or shadow: latency to the venue and back from when its orders were taken,
autocorrelated if slow orders follow each other, and the queue model whose simulation of
the session fills the orders that the venue filled. They are written to a file that
backtest run --models reads.

--queue cancels looks for a curve: how much of what is cancelled stood in the first, second
and third quarter of a queue. It simulates the session some dozens of times and wants a
hundred orders that rested; with fewer it would learn them by heart.

The venue's clock is not ours. It is taken to be ahead by as much as makes the fast ways
there, one in ten, as fast as the fast ways back. An order's way begins when the client sends
it: its wait for a rate limit of ours is no latency of the network.`,
		Example: `  backtest calibrate xbtusd-grid_maker --out models.yaml
  backtest calibrate xbtusd-grid_maker --recorded --queue prob-power:2 --queue prob-power:4
  backtest calibrate xbtusd-grid_maker --queue prob-power:3 --queue cancels
  backtest run -c run.yaml --models models.yaml`,
		Args: oneSession(),
		RunE: func(c *cobra.Command, args []string) error { return a.calibrate(c.Context(), f, args[0]) },
	}
	fs := c.Flags()
	stateFlag(fs, &f.state)
	fs.StringVar(&f.out, "out", "models.yaml", "`file` to write")
	fs.BoolVar(&f.force, "force", false, "write over a file that is there")
	fs.BoolVar(&f.recorded, "recorded", false, "latency as it was, order by order, in a CSV file beside, instead of log-normal distributions")
	fs.StringArrayVar(&f.queues, "queue", queueCandidates, "queue `model` to try, or cancels to fit a curve; may be repeated")
	fs.BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

// calibration is what was found.
type calibration struct {
	Session string        `json:"session"`
	Orders  int           `json:"orders"`
	Ahead   time.Duration `json:"venue_clock_ahead_ns"`
	There   gap.Quantiles `json:"entry"` // seconds
	Back    gap.Quantiles `json:"response"`
	Latency string        `json:"latency"`
	Reports string        `json:"response_latency,omitempty"`
	Queues  []queueScore  `json:"queues"` // the best first
	Resting int           `json:"resting_orders"`
	File    string        `json:"file"`
}

// drift is how far two clocks may go apart: the venue's times are of milliseconds.
const drift = 5 * time.Millisecond

// fast is the time that one way in ten does not take.
func fast(ways []time.Duration) time.Duration {
	slices.Sort(ways)
	return ways[len(ways)/10]
}

// impossible counts the orders that were not taken between their sending and the hearing
// of it.
func (c *calibration) impossible(list []*session.Fate) (n int) {
	for _, f := range list {
		if at := f.Venue.Told.Add(-c.Ahead); at < f.Sent.Add(-drift) || at > f.Venue.Heard.Add(drift) {
			n++
		}
	}
	return n
}

// leastTrips is how many orders a latency needs.
const leastTrips = 20

func (a *App) calibrate(ctx context.Context, f *calibrateFlags, name string) error {
	if info, err := os.Stat(f.out); err == nil && info.Mode().IsRegular() && !f.force {
		return usage(fmt.Errorf("--out %s is there already; --force writes over it", f.out))
	}
	store, err := readSession(ctx, f.state, name)
	if err != nil {
		return err
	}
	defer store.Close()
	s := new(sessionFlags)
	p, m, k, err := a.recalled(ctx, s, store)
	if err != nil {
		return err
	}
	if k.Orders == "" {
		return usage(fmt.Errorf("session %s sent no orders: calibrate one in mode live or shadow", name))
	}
	list, err := store.Fates(ctx, gapOrders)
	if err != nil {
		return dataError(err)
	}
	c := &calibration{Session: filepath.Base(store.Dir), Orders: len(list), File: f.out}
	// A simulation of the session uses the time until an order was accepted, with the client's
	// own wait. The latency models use the network time alone.
	waited, err := c.trips(list, func(f *session.Fate) exchange.Time { return f.Sent })
	if err != nil {
		return dataError(err)
	}
	trips, err := c.trips(list, func(f *session.Fate) exchange.Time { return cmp.Or(f.Left, f.Sent) })
	if err != nil {
		return dataError(err)
	}
	if err := c.fitLatency(trips, f); err != nil {
		return err
	}
	if err := a.fitQueue(ctx, c, f, p, m, k, store, waited); err != nil {
		return err
	}
	if err := c.write(f, trips); err != nil {
		return dataError(err)
	}
	if f.asJSON {
		return a.printJSON(c)
	}
	c.print(a.Stdout)
	return nil
}

// trips are the round trips of orders by our clock, each from the instant that from returns.
func (c *calibration) trips(list []session.Fate, from func(*session.Fate) exchange.Time) ([]sim.RoundTrip, error) {
	var there, back []time.Duration
	var known []*session.Fate
	for i := range list {
		f := &list[i]
		if f.Venue.Heard == 0 || f.Venue.Status == exchange.Rejected.String() {
			continue // a refusal can come from our own client
		}
		known = append(known, f)
		there = append(there, f.Venue.Told.Sub(from(f)))
		back = append(back, f.Venue.Heard.Sub(f.Venue.Told))
	}
	if len(known) < leastTrips {
		return nil, fmt.Errorf("the session has %d orders that the venue took, want at least %d", len(known), leastTrips)
	}
	c.Ahead = (fast(there) - fast(back)) / 2
	if n := c.impossible(known); n > len(known)/10 {
		return nil, fmt.Errorf("the venue's clock does not run as ours does: %d of %d orders were taken before they were sent, or after they were heard of; a venue that replays must do so at --speed 1", n, len(known))
	}
	trips := make([]sim.RoundTrip, len(known))
	ways := [2][]float64{}
	for i, f := range known {
		began := min(from(f), f.Venue.Heard)
		at := min(max(f.Venue.Told.Add(-c.Ahead), began), f.Venue.Heard)
		trips[len(known)-1-i] = sim.RoundTrip{Request: began, Exchange: at, Response: f.Venue.Heard}
		ways[0] = append(ways[0], at.Sub(began).Seconds())
		ways[1] = append(ways[1], f.Venue.Heard.Sub(at).Seconds())
	}
	// Orders leave by two ways, so that one may overtake another.
	slices.SortStableFunc(trips, func(a, b sim.RoundTrip) int { return cmp.Compare(a.Request, b.Request) })
	c.There, c.Back = gap.Of(ways[0]), gap.Of(ways[1])
	return trips, nil
}

// reshadow plays a session again with a simulator beside, and returns what became of its
// orders.
func (a *App) reshadow(ctx context.Context, p *plan, m *market, k keptSettings, store *session.Store) (list []session.Fate, err error) {
	again := *m
	again.shadow = true
	w, err := a.wire(ctx, p, &again, k, session.Config{Store: store, Reshadow: true, Fate: func(f *session.Fate) { list = append(list, *f) }})
	if err != nil {
		return nil, err
	}
	if err := w.build(w.session); err != nil {
		return nil, err
	}
	if _, err := w.run(ctx); err != nil && !errors.Is(err, engine.ErrNoEvents) {
		return nil, err
	}
	return list, errors.Join(w.session.Same(), w.session.Fates())
}

func tripsFile(out string) string { return strings.TrimSuffix(out, filepath.Ext(out)) + "-trips.csv" }

// write puts the models into a file that --models reads.
func (c *calibration) write(f *calibrateFlags, trips []sim.RoundTrip) error {
	if f.recorded {
		err := disk.Output(tripsFile(f.out), 0o644, func(w io.Writer) error { return writeTrips(w, trips) })
		if err != nil {
			return err
		}
	}
	return disk.Output(f.out, 0o644, func(w io.Writer) error {
		fmt.Fprintf(w, "# Fitted to %d orders of session %s by backtest calibrate.\n", c.Orders, c.Session)
		fmt.Fprintf(w, "latency: %q\n", c.Latency)
		if c.Reports != "" {
			fmt.Fprintf(w, "response-latency: %q\n", c.Reports)
		}
		if len(c.Queues) > 0 && c.Resting > 0 {
			fmt.Fprintf(w, "queue: %q\n", c.Queues[0].Queue)
		}
		return nil
	})
}

func writeTrips(w io.Writer, trips []sim.RoundTrip) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"request", "exchange", "response"}}
	for _, t := range trips {
		rows = append(rows, []string{strconv.FormatInt(int64(t.Request), 10), strconv.FormatInt(int64(t.Exchange), 10), strconv.FormatInt(int64(t.Response), 10)})
	}
	return c.WriteAll(rows)
}

func (c *calibration) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush() //nolint:errcheck // text for a person
	fmt.Fprintf(w, "orders\t%d\n", c.Orders)
	fmt.Fprintf(w, "venue's clock\t%s ahead of ours\n", c.Ahead.Round(time.Millisecond/100))
	fmt.Fprintf(w, "to the venue\t%s\n", secondsText(&c.There))
	fmt.Fprintf(w, "and back\t%s\n", secondsText(&c.Back))
	fmt.Fprintf(w, "latency\t%s\n", c.Latency)
	if c.Reports != "" {
		fmt.Fprintf(w, "response-latency\t%s\n", c.Reports)
	}
	if c.Resting == 0 {
		fmt.Fprintf(w, "queue\tno order rested: it is not known\n")
	} else {
		fmt.Fprintf(w, "\nQUEUE MODEL\tMISS\tFIRST FILL OFF BY\tof %d resting orders\n", c.Resting)
	}
	for _, q := range c.Queues {
		if c.Resting > 0 {
			fmt.Fprintf(w, "%s\t%.2f %%\t%s\n", q.Queue, 100*q.Miss, time.Duration(q.Late*float64(time.Second)).Round(time.Millisecond))
		}
	}
	fmt.Fprintf(w, "\nwritten to\t%s\tbacktest run --models %s\n", c.File, c.File)
}
