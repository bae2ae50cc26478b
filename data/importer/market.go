package importer

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// maxMarkets bounds what a file with rubbish in its symbol column can use up.
const maxMarkets = 1 << 16

// market is one symbol of one venue.
type market struct {
	venue, symbol string
	instrument    *exchange.Instrument // nil: not known
}

// perUnit returns how many contracts one unit of the venue's quantity is.
func (m *market) perUnit() int64 {
	if m.instrument == nil {
		return 1
	}
	return m.instrument.ContractsPerUnit
}

// bounds are those of the market's events.
func (m *market) bounds() exchange.Bounds {
	if m.instrument == nil {
		return exchange.AnyBounds()
	}
	return m.instrument.Bounds()
}

// markets keeps what a decoder knows of each market, and finds it without
// allocating.
type markets[T any] struct {
	pass   *pass
	build  func(m market) *T
	byName map[string]*T // nil: not selected
	name   []byte        // of the row, venue and symbol
	before []byte        // of the row before
	last   *T
}

func newMarkets[T any](p *pass, build func(m market) *T) *markets[T] {
	return &markets[T]{pass: p, build: build, byName: make(map[string]*T)}
}

// get returns the market of a row. The column of the venue is -1 in formats of
// one venue.
func (m *markets[T]) get(r *row, venue, symbol int) (*T, error) {
	m.name = m.name[:0]
	if venue >= 0 {
		m.name = append(m.name, r.cell(venue)...)
	}
	m.name = append(append(m.name, 0), r.cell(symbol)...)
	if !bytes.Equal(m.name, m.before) {
		found, ok := m.byName[string(m.name)]
		if !ok {
			var err error
			if found, err = m.add(r, venue, symbol); err != nil {
				return nil, err
			}
		}
		m.last = found
		m.before = append(m.before[:0], m.name...)
	}
	if m.last == nil {
		return nil, errSkipSymbol
	}
	return m.last, nil
}

func (m *markets[T]) add(r *row, venue, symbol int) (*T, error) {
	if len(m.byName) == maxMarkets {
		return nil, fmt.Errorf("%w: more than %d symbols", r.wrong(errName), maxMarkets)
	}
	p := m.pass
	info := market{venue: p.venue}
	var err error
	if venue >= 0 && p.opts.Venue == "" {
		if info.venue, err = r.name(venue); err != nil {
			return nil, err
		}
		info.venue = exchange.CanonicalVenue(info.venue)
	}
	if info.symbol, err = r.name(symbol); err != nil {
		return nil, err
	}
	var built *T
	if p.wants(info.symbol) {
		info.instrument = p.instrument(info.venue, info.symbol)
		built = m.build(info)
	}
	m.byName[string(m.name)] = built
	return built, nil
}

// wants reports whether a symbol was selected, and remembers some that were not
// for an error.
func (p *pass) wants(symbol string) bool {
	if len(p.opts.Symbols) == 0 || slices.Contains(p.opts.Symbols, symbol) {
		return true
	}
	if len(p.others) < 2*maxExamples {
		p.others = append(p.others, symbol)
	}
	return false
}

func (p *pass) instrument(venue, symbol string) *exchange.Instrument {
	if p.opts.Instruments == nil {
		return nil
	}
	i, err := p.opts.Instruments.Lookup(venue, symbol)
	if err != nil {
		return nil
	}
	return i
}
