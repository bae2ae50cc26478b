package cli_test

import (
	"fmt"
	"os"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// Variables of the environment of a binary with the queue model "fragile".
const (
	fragileAt  = "DUNAMIS_TEST_FRAGILE_AT"  // the change of a level at which it panics
	fragileLog = "DUNAMIS_TEST_FRAGILE_LOG" // the file to which it appends the changes
)

// fragile is a queue model in which nothing moves an order forward but trades. At one change
// of a level, package exchange panics, as it would by a mistake in the simulator.
type fragile struct {
	at  string
	log *os.File // nil: none
}

func newFragile(string) (sim.QueueModel, error) {
	f := fragile{at: os.Getenv(fragileAt)}
	if name := os.Getenv(fragileLog); name != "" {
		var err error
		if f.log, err = os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f fragile) Join(shown exchange.Qty) int64 { return int64(shown) * sim.QueueUnit }
func (f fragile) String() string                { return "fragile" }

func (f fragile) Change(c sim.LevelChange) int64 {
	text := fmt.Sprintf("%d to %d", c.Before, c.After)
	if f.log != nil {
		_, _ = fmt.Fprintln(f.log, text) // the test misses the line
	}
	if text == f.at {
		exchange.MulDiv(1, 1, 0, exchange.Floor)
	}
	return c.Front
}

// rests places an order at each of some levels below the best bid, and does nothing else.
type rests struct{ placed bool }

func (r *rests) Init(*engine.Context) error { return nil }

func (r *rests) OnBook(ctx *engine.Context, s exchange.SymbolID, b exchange.BookView) {
	levels := b.AppendLevels(nil, exchange.Buy, 10)
	if r.placed || len(levels) < 10 {
		return
	}
	r.placed = true
	for _, l := range levels[3:] {
		_, _ = ctx.Limit(s, 100, l.Price, exchange.PostOnly) // the test waits for what comes of them
	}
}

func restsDefinition() engine.Definition {
	return engine.Definition{Name: "rests", Summary: "places orders that rest",
		New: func(engine.Values) (engine.Strategy, error) { return new(rests), nil }}
}
