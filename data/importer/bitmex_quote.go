package importer

import (
	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// Columns of BitMEX's daily quote dumps and of /quote.
const (
	quoteTime = iota
	quoteSymbol
	quoteBidSize
	quoteBidPrice
	quoteAskPrice
	quoteAskSize
)

func quoteFormat() *format {
	return &format{
		name: "bitmex-quote",
		columns: []column{
			{name: "timestamp"}, {name: "symbol"}, {name: "bidSize"}, {name: "bidPrice"}, {name: "askPrice"}, {name: "askSize"},
		},
		open: openQuote,
	}
}

// quote decodes BitMEX's best bids and asks.
type quote struct {
	streams *markets[quoteStream]
}

type quoteStream struct {
	market
	quotes *stream
}

func openQuote(p *pass) (decoder, error) { return &quote{streams: newQuoteStreams(p)}, nil }

func newQuoteStreams(p *pass) *markets[quoteStream] {
	return newMarkets(p, func(m market) *quoteStream {
		return &quoteStream{market: m, quotes: p.stream(m, data.KindQuote, sorted)}
	})
}

func (d *quote) decode(r *row) error {
	s, err := d.streams.get(r, -1, quoteSymbol)
	if err != nil {
		return err
	}
	at, err := r.stamp(quoteTime)
	if err != nil {
		return err
	}
	var q exchange.Quote
	if q.BidPrice, q.BidQty, err = r.bookTop(quoteBidPrice, quoteBidSize, &s.market); err != nil {
		return err
	}
	if q.AskPrice, q.AskQty, err = r.bookTop(quoteAskPrice, quoteAskSize, &s.market); err != nil {
		return err
	}
	return s.quotes.add(exchange.QuoteEvent(at, at, 0, q), r.num)
}

func (d *quote) end() error { return nil }

// bookTop reads one side of a quote. A side without a price is empty.
func (r *row) bookTop(price, size int, m *market) (exchange.Price, exchange.Qty, error) {
	p, err := r.optionalPrice(price)
	if err != nil || p == 0 {
		return 0, 0, err
	}
	q, err := r.qty(size, m)
	return p, q, err
}
