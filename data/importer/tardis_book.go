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
	bookOrder // of a book of orders
)

func bookFormat() *format {
	return tardisFormat("tardis-incremental_book_L2", openBook,
		column{name: "is_snapshot"}, column{name: "side"}, column{name: "price"}, column{name: "amount"})
}

// ordersFormat is that of a book of which every order is known: the same columns and
// one for the number of the order.
func ordersFormat() *format {
	f := bookFormat()
	f.name, f.open = orderBook, openOrders
	f.columns = append(f.columns, column{name: "order_id"})
	return f
}

const orderBook = "order-book"

// book decodes the data set incremental_book_L2: the changes of order books, one
// level a row, or one order a row.
type book struct {
	pass   *pass
	orders bool
	books  *markets[bookStream]
	all    []*bookStream
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

func openBook(p *pass) (decoder, error) { return openBooks(p, data.KindBook), nil }

func openOrders(p *pass) (decoder, error) { return openBooks(p, data.KindOrder), nil }

func openBooks(p *pass, kind string) *book {
	d := &book{pass: p, orders: kind == data.KindOrder}
	d.books = newMarkets(p, func(m market) *bookStream {
		s := &bookStream{market: m, levels: p.stream(m, kind, sequence)}
		d.all = append(d.all, s)
		return s
	})
	return d
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
	e := exchange.LevelEvent(m.at, m.arrival, 0, side, l, 0)
	if d.orders {
		o := exchange.BookOrder{Price: l.Price, Qty: l.Qty}
		if o.ID, err = r.number(bookOrder); err != nil {
			return err
		}
		e.SetBookOrder(m.at, m.arrival, 0, side, o, 0)
	}
	if err := s.levels.check(&e); err != nil { // before it can begin a message
		return err
	}
	e.Arrival, e.Flags = d.pass.measure(m.at, m.arrival), s.next(m)
	return s.levels.add(e, r.num)
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
