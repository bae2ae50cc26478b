package importer

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// Columns of BitMEX's /trade/bucketed.
const (
	barTime = iota
	barSymbol
	barOpen
	barHigh
	barLow
	barClose
	barVolume
	barTrades
	barTurnover
)

// sniffRows is how many rows the interval of the bars is inferred from.
const sniffRows = 4096

var (
	errRange = errors.New("the low is above the high")
	errClose = errors.New("not between low and high")
)

func bucketedFormat() *format {
	return &format{
		name: "bitmex-bucketed",
		columns: []column{
			{name: "timestamp"}, {name: "symbol"}, {name: "open"}, {name: "high"}, {name: "low"}, {name: "close"},
			{name: "volume"}, {name: "trades", optional: true}, {name: "turnover", optional: true},
		},
		open: openBucketed,
	}
}

// bucketed decodes bars.
type bucketed struct {
	interval time.Duration
	streams  *markets[barStream]
}

type barStream struct {
	market
	bars *stream
}

func openBucketed(p *pass) (decoder, error) {
	interval, err := barInterval(p)
	if err != nil {
		return nil, err
	}
	p.report.Bars = &BarFacts{Interval: strings.TrimPrefix(data.BarKind(interval), "bar-")}
	return &bucketed{interval: interval, streams: newMarkets(p, func(m market) *barStream {
		return &barStream{market: m, bars: p.stream(m, data.BarKind(interval), unique)}
	})}, nil
}

func (d *bucketed) decode(r *row) error {
	if noPrice(r) {
		return errSkipNoPrice
	}
	s, err := d.streams.get(r, -1, barSymbol)
	if err != nil {
		return err
	}
	bar, err := d.bar(r, &s.market)
	if err != nil {
		return err
	}
	return s.bars.add(exchange.BarEvent(bar), r.num)
}

func (d *bucketed) end() error { return nil }

// noPrice reports whether all four prices are empty, as they are before a
// contract first traded.
func noPrice(r *row) bool {
	for c := barOpen; c <= barClose; c++ {
		if len(r.cell(c)) != 0 {
			return false
		}
	}
	return true
}

func (d *bucketed) bar(r *row, m *market) (exchange.Bar, error) {
	var b exchange.Bar
	var err error
	if b.End, err = r.stamp(barTime); err != nil {
		return b, err
	}
	if b.Start = b.End.Add(-d.interval); b.Start < 0 || b.End != b.End.Truncate(d.interval) {
		return b, r.bad(barTime, fmt.Errorf("not the end of a bar of %s", d.interval))
	}
	for c, into := range []*exchange.Price{&b.Open, &b.High, &b.Low, &b.Close} {
		if *into, err = r.price(barOpen + c); err != nil {
			return b, err
		}
	}
	// The open is the close of the bar before, by the venue's rule, and may lie
	// outside: it stays as it is.
	switch {
	case b.Low > b.High:
		return b, r.bad(barLow, errRange)
	case b.Close < b.Low || b.Close > b.High:
		return b, r.bad(barClose, errClose)
	}
	if b.Volume, err = r.qty(barVolume, m); err != nil {
		return b, err
	}
	if b.Trades, err = r.optionalCount(barTrades); err != nil {
		return b, err
	}
	turnover, err := r.optionalCount(barTurnover)
	if err != nil {
		return b, err
	}
	b.Turnover = exchange.Money(turnover)
	b.Quiet = b.Volume == 0
	return b, nil
}

// barInterval infers the interval of a file from the smallest step between rows
// of one symbol, or from the file's name if it has a single row.
func barInterval(p *pass) (time.Duration, error) {
	step, bad, err := smallestStep(p)
	if err != nil {
		return 0, err
	}
	if step == 0 {
		if named := namedInterval(p.info.name); named != 0 {
			return named, nil
		}
		if bad != nil {
			return 0, bad
		}
		return 0, fmt.Errorf("%s: cannot tell the interval of the bars from a single row; "+
			"put 1m, 5m, 1h or 1d into the file's name, as in XBTUSD-1m.csv", p.info.name)
	}
	switch step {
	case time.Minute, 5 * time.Minute, time.Hour, 24 * time.Hour:
		return step, nil
	}
	return 0, fmt.Errorf("%s: the smallest step between bars is %s: want 1m, 5m, 1h or 1d", p.info.name, step)
}

// smallestStep returns the smallest difference between consecutive times of a
// symbol among the first rows, or 0 if there is none, and the error of the first
// row whose time cannot be read. Bad rows are left to the import itself.
func smallestStep(p *pass) (step time.Duration, first, err error) {
	s, err := openScanner(p.path, p.format)
	if err != nil {
		return 0, nil, err
	}
	defer s.Close()
	before := make(map[string]exchange.Time)
	for range sniffRows {
		r, err := s.next()
		var bad *RowError
		var cut *TruncatedError
		switch {
		case errors.Is(err, io.EOF) || errors.As(err, &cut):
			return step, first, nil
		case errors.As(err, &bad):
			first = cmp.Or(first, err)
			continue
		case err != nil:
			return 0, nil, err
		}
		t, err := r.stamp(barTime)
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		symbol := string(r.cell(barSymbol))
		if last, ok := before[symbol]; ok && t != last {
			if d := max(t.Sub(last), last.Sub(t)); step == 0 || d < step {
				step = d
			}
		}
		before[symbol] = t
	}
	return step, first, nil
}

// namedInterval finds an interval among the words of a file's name.
func namedInterval(name string) time.Duration {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	for _, w := range words {
		switch w {
		case "1m":
			return time.Minute
		case "5m":
			return 5 * time.Minute
		case "1h":
			return time.Hour
		case "1d":
			return 24 * time.Hour
		}
	}
	return 0
}
