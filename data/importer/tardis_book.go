package importer

import (
	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

const (
	bookSnapshot = tardisFirst + iota
	bookSide
	bookPrice
	bookAmount
)

func bookFormat() *format {
	return tardisFormat("tardis-incremental_book_L2", openBook,
		column{name: "is_snapshot"}, column{name: "side"}, column{name: "price"}, column{name: "amount"})
}

// book decodes the data set incremental_book_L2: the changes of order books, one
// level a row.
type book struct {
	pass  *pass
	books *markets[bookStream]
	all   []*bookStream
}

type bookStream struct {
	market
	levels *stream
	message
	begun bool // a message has been read
}

// message is what the rows of one message of the venue have in common.
type message struct {
	at, arrival exchange.Time
	snapshot    bool
}

func openBook(p *pass) (decoder, error) {
	d := &book{pass: p}
	d.books = newMarkets(p, func(m market) *bookStream {
		s := &bookStream{market: m, levels: p.stream(m, data.KindBook, sequence)}
		d.all = append(d.all, s)
		return s
	})
	return d, nil
}

func (d *book) decode(r *row) error {
	s, err := d.books.get(r, tardisExchange, tardisSymbol)
	if err != nil {
		return err
	}
	var m message
	if m.snapshot, err = r.boolean(bookSnapshot); err != nil {
		return err
	}
	if !s.begun && !m.snapshot {
		return errSkipSnapshot
	}
	if m.at, m.arrival, err = d.pass.arrive(r); err != nil {
		return err
	}
	side, err := r.bookSide(bookSide)
	if err != nil {
		return err
	}
	var l exchange.Level
	if l.Price, err = r.price(bookPrice); err != nil {
		return err
	}
	if l.Qty, err = r.qty(bookAmount, &s.market); err != nil {
		return err
	}
	arrival := d.pass.measure(m.at, m.arrival)
	return s.levels.add(exchange.LevelEvent(m.at, arrival, 0, side, l, s.next(m)), r.num)
}

// next enters the message of a row and returns the flags of the row.
func (s *bookStream) next(m message) exchange.Flags {
	var flags exchange.Flags
	if m.snapshot {
		flags = exchange.FlagSnapshot
		if !s.begun || !s.snapshot {
			flags |= exchange.FlagClear
		}
	}
	if s.begun && m != s.message {
		s.close()
	}
	s.message, s.begun = m, true
	return flags
}

// close marks the last row of a message, which is known when the next begins.
func (s *bookStream) close() {
	if e := s.levels.newest(); e != nil {
		e.Flags |= exchange.FlagLast
	}
}

func (d *book) end() error {
	for _, s := range d.all {
		s.close()
	}
	return nil
}
