package synth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/exchange"
)

// An hour of a made-up market goes into a catalog, and comes back as the feed of a
// backtest would read it.
func ExampleWrite() {
	ctx := context.Background()
	set, _ := exchange.BuiltinInstruments()
	xbt, _ := set.Lookup("bitmex", "XBTUSD")
	from, _ := exchange.ParseTime("2020-06-01")
	dir, err := os.MkdirTemp("", "catalog")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	catalog, err := data.Create(dir)
	if err != nil {
		panic(err)
	}
	if _, err := synth.Write(ctx, catalog, synth.Config{Instrument: xbt, From: from, To: from.Add(time.Hour), Seed: 1, Kinds: []string{"bar-1m"}}); err != nil {
		panic(err)
	}

	keys, err := catalog.Keys()
	if err != nil {
		panic(err)
	}
	feed, err := catalog.Feed(ctx, data.Query{Instruments: set, Streams: keys, From: from.Add(30 * time.Minute)})
	if err != nil {
		panic(err)
	}
	defer feed.Close()
	events, bars := make([]exchange.Event, 16), 0
	for err == nil {
		var n int
		n, err = feed.Next(ctx, events)
		bars += n
	}
	fmt.Println(keys[0].Kind, keys[0].Symbol, bars, errors.Is(err, io.EOF))
	// Output: bar-1m XBTUSD 30 true
}
