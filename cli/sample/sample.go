// Package sample makes the data of `backtest demo`: four months of generated 1-minute
// bars, in the layout in which BitMEX's /trade/bucketed prints them. It is not a market.
package sample

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/exchange"
)

// Name is what the sample's file is called.
const Name = "XBTUSD-1m-sample.csv"

// Of the sample.
const (
	from = "2020-01-01"
	to   = "2020-05-01"
	seed = 3 // a market that ends near where it began
)

// Generate writes the sample. It is the same on every machine.
func Generate(ctx context.Context, w io.Writer) error {
	set, err := exchange.BuiltinInstruments()
	if err != nil {
		return err
	}
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	if err != nil {
		return err
	}
	c := synth.Config{Instrument: xbt, Seed: seed, Kinds: []string{data.BarKind(60e9)}, Price: 9500 * exchange.PriceUnit,
		Volatility: exchange.MustRatio("0.8")}
	if c.From, err = exchange.ParseTime(from); err != nil {
		return err
	}
	if c.To, err = exchange.ParseTime(to); err != nil {
		return err
	}
	feed, err := synth.New(c)
	if err != nil {
		return err
	}
	defer feed.Close() //nolint:errcheck // nothing to flush
	return write(ctx, w, feed)
}

// write prints bars as the venue does: stamped with their end.
func write(ctx context.Context, w io.Writer, feed exchange.Feed) error {
	rows := csv.NewWriter(w)
	header := []string{
		"timestamp", "symbol", "open", "high", "low", "close", "trades", "volume", "vwap", "lastSize", "turnover",
		"homeNotional", "foreignNotional",
	}
	if err := rows.Write(header); err != nil {
		return err
	}
	events := make([]exchange.Event, 1024)
	for {
		n, err := feed.Next(ctx, events)
		for i := range events[:n] {
			b := events[i].Bar()
			if err := rows.Write(row(&b)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			rows.Flush()
			return rows.Error()
		}
		if err != nil {
			return fmt.Errorf("sample: %w", err)
		}
	}
}

func row(b *exchange.Bar) []string {
	volume := strconv.FormatInt(int64(b.Volume), 10)
	vwap := ""
	if b.Turnover > 0 {
		// volume·1e8/turnover, to the four places that the venue prints.
		v := exchange.MulDiv(int64(b.Volume)*10_000, 100_000_000, int64(b.Turnover), exchange.Floor)
		vwap = exchange.Money(v).Decimal(4).String()
	}
	return []string{
		b.End.Std().Format("2006-01-02T15:04:05.000Z"), "XBTUSD", b.Open.String(), b.High.String(), b.Low.String(),
		b.Close.String(), strconv.FormatInt(b.Trades, 10), volume, vwap, "", strconv.FormatInt(int64(b.Turnover), 10),
		b.Turnover.Decimal(8).String(), volume,
	}
}
