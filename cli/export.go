package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
)

// recordName is the strategy that only listens.
const recordName = "record"

type listener struct{}

// Init implements engine.Strategy.
func (listener) Init(*engine.Context) error { return nil }

// recordDefinition is not among the strategies that a backtest offers: there would be
// nothing to see.
func recordDefinition() *engine.Definition {
	return &engine.Definition{Name: recordName, Summary: "listens", New: func(engine.Values) (engine.Strategy, error) { return listener{}, nil }}
}

func (a *App) recordCommand() *cobra.Command {
	f := new(sessionFlags)
	c := &cobra.Command{
		Use:   "record",
		Short: "Record prices, without trading",
		Long: `Record what a feed says: a session without a strategy. Ctrl-C suspends it, the same
command goes on, and paper export puts what was heard into a catalog for backtests.`,
		Example: `  paper record --feed bitmex --live-url http://127.0.0.1:8090 --symbol XBTUSD
  paper export xbtusd-record --catalog catalog`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.paper(c.Context(), f, c.Flags()) },
	}
	f.register(c.Flags(), a.venueNames())
	for _, name := range []string{"strategy", "param", "config"} {
		// Not hidden: then the settings of a recording that goes on could not be read again.
		_ = c.Flags().SetAnnotation(name, unlisted, []string{"true"}) // they are there
	}
	f.strategy = recordName
	return c
}

// exported is what paper export did.
type exported struct {
	Segments int              `json:"segments"`
	Present  int              `json:"already_there"`
	Rows     map[string]int64 `json:"rows"`
}

func (a *App) exportCommand() *cobra.Command {
	var state, catalog string
	var asJSON bool
	c := &cobra.Command{
		Use:   "export SESSION",
		Short: "Put what a session heard into a Parquet catalog",
		Long: `Put the market data that a session heard into a catalog, to be replayed by backtests.
What is sealed is exported: all of it once the session is suspended or has ended, all but
the newest minutes while it runs. What the catalog has already is not written again.`,
		Example: `  paper export xbtusd-record --catalog catalog`,
		Args:    oneSession(),
		RunE: func(c *cobra.Command, args []string) error {
			done, err := a.export(c.Context(), state, args[0], catalog)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(done)
			}
			fmt.Fprintf(a.Stdout, "%d segments, %d of them already in the catalog\n", done.Segments, done.Present)
			for _, key := range slices.Sorted(maps.Keys(done.Rows)) {
				fmt.Fprintf(a.Stdout, "  %s  %d rows\n", key, done.Rows[key])
			}
			return nil
		},
	}
	stateFlag(c.Flags(), &state)
	c.Flags().StringVar(&catalog, "catalog", "", "`directory` of the Parquet catalog")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *App) export(ctx context.Context, state, name, catalog string) (*exported, error) {
	if catalog == "" {
		return nil, usage(errors.New("--catalog is needed"))
	}
	store, err := readSession(ctx, state, name)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	p, _, _, err := a.recalled(ctx, &sessionFlags{name: name}, store)
	if err != nil {
		return nil, err
	}
	cat, err := data.Create(catalog)
	if err != nil {
		return nil, dataError(err)
	}
	segments, err := store.Segments(ctx)
	if err != nil {
		return nil, dataError(err)
	}
	x := &exporter{plan: p, cat: cat, store: store, name: name, last: map[data.Key]exchange.Time{}, state: map[data.Key]exchange.Event{}, done: exported{Rows: map[string]int64{}}}
	for _, g := range segments {
		if err := x.segment(ctx, g); err != nil {
			return nil, dataError(err)
		}
	}
	return &x.done, nil
}

// exporter writes segments as imports of their own.
type exporter struct {
	plan  *plan
	cat   *data.Catalog
	store *session.Store
	name  string
	last  map[data.Key]exchange.Time
	state map[data.Key]exchange.Event // newest mark prices and funding rates
	done  exported
}

func (x *exporter) segment(ctx context.Context, g session.Segment) error {
	batches, err := x.store.ReadSegment(ctx, g)
	if err != nil {
		return err
	}
	tx, err := x.cat.NewTx(data.Source{Name: fmt.Sprintf("session %s, batches %d to %d", x.name, g.First, g.Last), Digest: batches.Digest, Importer: "paper export 1"})
	if err != nil {
		return err
	}
	rows := map[string]int64{}
	if err := batches.Each(func(events []exchange.Event) error { return x.write(tx, events, rows) }); err != nil {
		return errors.Join(err, tx.Abort())
	}
	report, err := tx.Commit(ctx)
	if err != nil {
		return err
	}
	x.done.Segments++
	if report.Written == 0 {
		x.done.Present++
		return nil
	}
	for key, n := range rows {
		x.done.Rows[key] += n
	}
	return nil
}

// write sorts a batch into streams. Within one, times never go back: a message that a
// venue stamped earlier than the one before it has that one's time, as on import.
func (x *exporter) write(tx *data.Tx, events []exchange.Event, rows map[string]int64) error {
	for i := range events {
		e := events[i]
		kind, ok := keptKind(&e)
		if !ok {
			continue
		}
		inst := x.plan.set.Get(e.Symbol)
		key := data.Key{Venue: inst.Venue, Kind: kind, Symbol: inst.Symbol}
		if e.Kind != exchange.KindBar {
			e.Time = max(e.Time, x.last[key])
			e.Arrival = max(e.Arrival, e.Time)
			x.last[key] = e.Time
		}
		if x.again(key, e) {
			continue
		}
		if err := tx.Write(key, []exchange.Event{e}); err != nil {
			return err
		}
		rows[key.String()]++
	}
	return nil
}

// again reports whether an event says what the one before it in its stream said at the
// same time: a connection that begins anew tells of the mark price and of the funding rate
// as they are, which the one before it may have told.
func (x *exporter) again(key data.Key, e exchange.Event) bool {
	if e.Kind != exchange.KindMark && e.Kind != exchange.KindFunding {
		return false
	}
	e.Arrival, e.Flags = 0, 0
	was := x.state[key]
	x.state[key] = e
	return was == e
}

// keptKind is the kind of stream that an event belongs to in a catalog.
func keptKind(e *exchange.Event) (string, bool) {
	switch e.Kind {
	case exchange.KindBar:
		return data.BarKind(e.BarInterval()), true
	case exchange.KindTrade, exchange.KindQuote, exchange.KindBook, exchange.KindOrder, exchange.KindMark, exchange.KindFunding, exchange.KindLiquidation:
		return e.Kind.String(), true
	}
	return "", false
}
