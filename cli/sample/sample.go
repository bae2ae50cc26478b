// Package sample makes and holds the data of `backtest demo`: two weeks of
// generated 1-minute bars, in the layout in which BitMEX's /trade/bucketed prints
// them. It is not a market.
package sample

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
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
const Name = "XBTUSD-1m-sample.csv.gz"

// Bars is the sample, as Generate made it.
//
//go:embed XBTUSD-1m-sample.csv.gz
var Bars []byte

// Generate makes the sample from its seed; the result is the same on every
// machine, except for how well it is compressed.
func Generate(ctx context.Context) ([]byte, error) {
	set, err := exchange.BuiltinInstruments()
	if err != nil {
		return nil, err
	}
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	if err != nil {
		return nil, err
	}
	from, err := exchange.ParseTime("2020-06-01")
	if err != nil {
		return nil, err
	}
	to, err := exchange.ParseTime("2020-06-15")
	if err != nil {
		return nil, err
	}
	feed, err := synth.New(synth.Config{Instrument: xbt, From: from, To: to, Seed: 20200601, Kinds: []string{data.BarKind(60e9)},
		Price: 9500 * exchange.PriceUnit, Volatility: exchange.MustRatio("0.8")})
	if err != nil {
		return nil, err
	}
	defer feed.Close() //nolint:errcheck // nothing to flush
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(write(ctx, z, feed), z.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// write prints bars as the venue does: stamped with their end, and opening at the
// close before.
func write(ctx context.Context, w io.Writer, feed exchange.Feed) error {
	rows := csv.NewWriter(w)
	header := []string{"timestamp", "symbol", "open", "high", "low", "close", "trades", "volume", "vwap", "lastSize", "turnover",
		"homeNotional", "foreignNotional"}
	if err := rows.Write(header); err != nil {
		return err
	}
	events := make([]exchange.Event, 1024)
	last := exchange.Price(0)
	for {
		n, err := feed.Next(ctx, events)
		for i := range events[:n] {
			b := events[i].Bar()
			if last == 0 {
				last = b.Open
			}
			if err := rows.Write(row(&b, last)); err != nil {
				return err
			}
			last = b.Close
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

func row(b *exchange.Bar, open exchange.Price) []string {
	volume := strconv.FormatInt(int64(b.Volume), 10)
	vwap := ""
	if b.Turnover > 0 {
		// volume·1e8/turnover, to the four places that the venue prints.
		v := exchange.MulDiv(int64(b.Volume)*10_000, 100_000_000, int64(b.Turnover), exchange.Floor)
		vwap = exchange.Money(v).Decimal(4).String()
	}
	return []string{b.End.Std().Format("2006-01-02T15:04:05.000Z"), "XBTUSD", open.String(), b.High.String(), b.Low.String(),
		b.Close.String(), strconv.FormatInt(b.Trades, 10), volume, vwap, "", strconv.FormatInt(int64(b.Turnover), 10),
		b.Turnover.Decimal(8).String(), volume}
}
