package synth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// version changes whenever the same configuration gives other events.
const version = "synth/2"

// Config describes a market. The zero value of every field but Instrument, From
// and To has a meaning.
type Config struct {
	// Instrument gives the symbol, and the tick and the lot that are in force at
	// each time.
	Instrument *exchange.Instrument
	// From is inclusive and To exclusive. The market of a shorter range is the
	// beginning of that of a longer one.
	From, To exchange.Time
	// Seed tells markets apart.
	Seed uint64
	// Kinds are the streams, in order: trade, quote, book, and bars such as
	// bar-1m, which must divide a day. Bars alone are drawn without trades, a
	// year of minutes in an instant; bars beside ticks are made of the trades.
	// Nil is trade, quote and book.
	Kinds []string
	// Price is the middle price at From, 40000 if 0.
	Price exchange.Price
	// Volatility is that of a year, 0.7 if 0.
	Volatility exchange.Ratio
	// Interval is the mean time between two messages of the book, 100 ms if 0.
	// About one message in eight comes from a trade.
	Interval time.Duration
	// Depth is the number of price levels on each side of the book, 50 if 0.
	Depth int
	// Latency is the least time from an event to its arrival, 2 ms if 0; a
	// random part of up to as much again comes on top.
	Latency time.Duration
}

const maxDepth = 500

func (c *Config) setDefaults() {
	if c.Kinds == nil {
		c.Kinds = []string{data.KindTrade, data.KindQuote, data.KindBook}
	}
	if c.Price == 0 {
		c.Price = 40_000 * exchange.PriceUnit
	}
	if c.Volatility == 0 {
		c.Volatility = exchange.RatioUnit * 7 / 10
	}
	if c.Interval == 0 {
		c.Interval = 100 * time.Millisecond
	}
	if c.Depth == 0 {
		c.Depth = 50
	}
	if c.Latency == 0 {
		c.Latency = 2 * time.Millisecond
	}
}

func (c *Config) validate() error {
	switch {
	case c.Instrument == nil || len(c.Instrument.Terms) == 0:
		return errors.New("synth: no instrument")
	case c.To <= c.From:
		return fmt.Errorf("synth: the range %s to %s is empty", c.From, c.To)
	case c.Interval < time.Microsecond || c.Interval > time.Hour:
		return fmt.Errorf("synth: interval %s: want 1µs to 1h", c.Interval)
	case c.Depth < 2 || c.Depth > maxDepth:
		return fmt.Errorf("synth: depth %d: want 2 to %d", c.Depth, maxDepth)
	case c.Latency < 0 || c.Latency > time.Hour:
		return fmt.Errorf("synth: latency %s: want 0 to 1h", c.Latency)
	case c.Volatility < 0 || c.Volatility > 10*exchange.RatioUnit:
		return fmt.Errorf("synth: volatility %s: want 0 to 10", c.Volatility)
	}
	t := c.Instrument.At(c.From)
	for _, kind := range c.Kinds {
		if err := checkKind(kind); err != nil {
			return err
		}
	}
	if low, high := c.coarsest()*exchange.Price(4*c.Depth), t.MaxPrice/4; c.Price < low || c.Price > high {
		return fmt.Errorf("synth: price %s: want %s to %s", c.Price, low, high)
	}
	return nil
}

const day = 24 * time.Hour

func checkKind(kind string) error {
	switch kind {
	case data.KindTrade, data.KindQuote, data.KindBook:
		return nil
	}
	interval, ok := data.ParseBarKind(kind)
	if !ok {
		return fmt.Errorf("synth: kind %q: want trade, quote, book or bars such as bar-1m", kind)
	}
	if interval < time.Second || day%interval != 0 {
		return fmt.Errorf("synth: kind %q: want an interval of 1s or more that divides a day", kind)
	}
	return nil
}

// key returns the stream of a kind.
func (c *Config) key(kind string) data.Key {
	return data.Key{Venue: c.Instrument.Venue, Kind: kind, Symbol: c.Instrument.Symbol}
}

// barsOnly reports whether no stream needs trades.
func (c *Config) barsOnly() bool {
	for _, kind := range c.Kinds {
		if _, bar := data.ParseBarKind(kind); !bar {
			return false
		}
	}
	return true
}

// source describes the configuration as the input of an import.
func (c *Config) source() (data.Source, error) {
	text, err := json.Marshal(struct {
		Version    string
		Instrument *exchange.Instrument
		Config     Config
	}{version, c.Instrument, *c})
	if err != nil {
		return data.Source{}, err
	}
	sum := sha256.Sum256(text)
	return data.Source{
		Name: fmt.Sprintf("synthetic market, seed %d", c.Seed), Digest: hex.EncodeToString(sum[:]), Importer: version,
	}, nil
}
