package importer

import "github.com/dunamis-engine/dunamis/exchange"

const (
	tardisAskAmount = tardisFirst + iota
	tardisAskPrice
	tardisBidPrice
	tardisBidAmount
)

func quotesFormat() *format {
	return tardisFormat("tardis-quotes", openQuotes,
		column{name: "ask_amount"}, column{name: "ask_price"}, column{name: "bid_price"}, column{name: "bid_amount"})
}

// quotes decodes the data sets quotes and book_ticker, which look alike.
type quotes struct {
	pass    *pass
	streams *markets[quoteStream]
}

func openQuotes(p *pass) (decoder, error) { return &quotes{pass: p, streams: newQuoteStreams(p)}, nil }

func (d *quotes) decode(r *row) error {
	s, err := d.streams.get(r, tardisExchange, tardisSymbol)
	if err != nil {
		return err
	}
	at, arrival, err := d.pass.arrive(r)
	if err != nil {
		return err
	}
	var q exchange.Quote
	if q.BidPrice, q.BidQty, err = r.bookTop(tardisBidPrice, tardisBidAmount, &s.market); err != nil {
		return err
	}
	if q.AskPrice, q.AskQty, err = r.bookTop(tardisAskPrice, tardisAskAmount, &s.market); err != nil {
		return err
	}
	return s.quotes.add(exchange.QuoteEvent(at, d.pass.measure(at, arrival), 0, q), r.num)
}

func (d *quotes) end() error { return nil }
