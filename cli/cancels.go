package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// cancelsFlags are the settings of backtest data cancels.
type cancelsFlags struct {
	catalog, instruments string
	venue, symbol        string
	from, to             string
	parts                int
	asJSON               bool
}

// cancels is what was measured.
type cancels struct {
	Queue     string    `json:"queue"`
	Cancelled []float64 `json:"cancelled"` // contracts, by the part of the queue
}

func (a *App) cancelsCommand() *cobra.Command {
	f := new(cancelsFlags)
	c := &cobra.Command{
		Use:   "cancels --catalog DIR --symbol SYMBOL",
		Short: "Measure where in a queue orders are cancelled",
		Long: `Measure, from data with every order of the book (kind order) and its trades, where in their
queues orders are cancelled, and name the queue model that says so of books in levels: of
other days, or of other venues if you dare. Orders that were alone at their price do not
count. What an order at the front lost in the instant of a trade at its price has traded.`,
		Example: `  backtest data cancels --catalog catalog --symbol XBTUSD --to 2020-03-13
  backtest run -c run.yaml --data book --queue cancels:0.1/0.3/0.6`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.cancels(c.Context(), f) },
	}
	fs := c.Flags()
	fs.StringVar(&f.catalog, "catalog", "", "`directory` of the Parquet catalog")
	fs.StringVar(&f.instruments, "instruments", "", "JSON `file` that adds or overrides instruments")
	fs.StringVar(&f.venue, "venue", "bitmex", "venue of the symbol")
	fs.StringVar(&f.symbol, "symbol", "", "`symbol` to measure")
	fs.StringVar(&f.from, "from", "", "first `time`")
	fs.StringVar(&f.to, "to", "", "`time` before which to stop")
	fs.IntVar(&f.parts, "parts", 4, "`number` of equal parts of a queue, 2 to 20")
	fs.BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func (a *App) cancels(ctx context.Context, f *cancelsFlags) error {
	if f.parts < 2 || f.parts > 20 {
		return usage(fmt.Errorf("--parts %d: want 2 to 20", f.parts))
	}
	p := &plan{flags: &runFlags{venue: f.venue, from: f.from, to: f.to}}
	if f.symbol != "" {
		p.flags.symbols = []string{f.symbol}
	}
	var err error
	if p.set, err = a.instruments(f.instruments); err != nil {
		return err
	}
	if err := errors.Join(p.findSymbols(), p.parseRange()); err != nil {
		return err
	}
	cat, err := openCatalog(f.catalog)
	if err != nil {
		return err
	}
	i := p.instruments[0]
	feed, err := cat.Feed(ctx, data.Query{Instruments: p.set, From: p.from, To: p.to, Streams: []data.Key{
		{Venue: i.Venue, Kind: data.KindTrade, Symbol: i.Symbol}, {Venue: i.Venue, Kind: data.KindOrder, Symbol: i.Symbol}}})
	if err != nil {
		return dataError(err)
	}
	defer feed.Close() //nolint:errcheck // only read
	m := sim.NewCancelMeter(i, f.parts)
	m.From = p.from
	if err := seeAll(ctx, feed, m.See); err != nil {
		return dataError(err)
	}
	model, ok := m.Model()
	if !ok {
		return dataError(fmt.Errorf("%s: no order was cancelled that had another one at its price", i.Name()))
	}
	return a.printCancels(&cancels{Queue: model.String(), Cancelled: m.Cancelled()}, f.asJSON)
}

// seeAll shows every event of a feed.
func seeAll(ctx context.Context, feed exchange.Feed, see func(*exchange.Event)) error {
	events := make([]exchange.Event, 1024)
	for {
		n, err := feed.Next(ctx, events)
		for i := range events[:n] {
			see(&events[i])
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err //nolint:wrapcheck // it names what it read
		}
	}
}

func (a *App) printCancels(c *cancels, asJSON bool) error {
	if asJSON {
		return a.printJSON(c)
	}
	var all float64
	for _, q := range c.Cancelled {
		all += q
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "PART OF THE QUEUE\tCANCELLED\tCONTRACTS\n")
	for i, q := range c.Cancelled {
		fmt.Fprintf(w, "%d of %d\t%.1f %%\t%.0f\n", i+1, len(c.Cancelled), 100*q/all, q)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "\n--queue %s\n", c.Queue)
	return nil
}
