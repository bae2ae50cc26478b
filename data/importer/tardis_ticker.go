package importer

import (
	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

const (
	tickerFundingTime = tardisFirst + iota
	tickerFundingRate
	tickerIndex
	tickerMark
)

func tickerFormat() *format {
	return tardisFormat("tardis-derivative_ticker", openTicker,
		column{name: "funding_timestamp"}, column{name: "funding_rate"}, column{name: "index_price"}, column{name: "mark_price"})
}

// ticker decodes the data set derivative_ticker into two streams: mark and index
// prices, and funding rates. A row states what the venue sent; an empty cell is
// unchanged.
type ticker struct {
	pass    *pass
	markets *markets[tickerStream]
	all     []*tickerStream
}

type tickerStream struct {
	market
	marks, rates *stream
	mark         exchange.Mark
	funding      exchange.Funding
	rated        bool  // funding.Rate is known
	undated      int64 // rows with a rate so far of which it is not known when it is due
}

func openTicker(p *pass) (decoder, error) {
	d := &ticker{pass: p}
	d.markets = newMarkets(p, func(m market) *tickerStream {
		s := &tickerStream{
			market: m, marks: p.stream(m, data.KindMark, sequence), rates: p.stream(m, data.KindFunding, sequence),
		}
		d.all = append(d.all, s)
		return s
	})
	return d, nil
}

func (d *ticker) decode(r *row) error {
	s, err := d.markets.get(r, tardisExchange, tardisSymbol)
	if err != nil {
		return err
	}
	at, arrival, err := d.pass.arrive(r)
	if err != nil {
		return err
	}
	mark, err := s.readMark(r)
	if err != nil {
		return err
	}
	funding, rated, err := s.readFunding(r)
	if err != nil {
		return err
	}
	// A rate means nothing before it is known when it is due.
	due := rated && funding.Due != 0 && (!s.rated || s.funding.Due == 0 || funding != s.funding)
	if due { // so that nothing of a bad row is taken
		announced := exchange.FundingEvent(at, arrival, 0, funding)
		if err := s.rates.check(&announced); err != nil {
			return err
		}
	}
	// nothing else is new in the row
	if d.undated(s, len(r.cell(tickerFundingRate)) > 0, due, &funding) && mark == s.mark {
		s.funding, s.rated = funding, rated
		return errSkipUndated
	}
	arrival = d.pass.measure(at, arrival)
	if mark != s.mark {
		if err := s.marks.add(exchange.MarkEvent(at, arrival, 0, mark), r.num); err != nil {
			return err
		}
	}
	if due {
		if err := s.rates.add(exchange.FundingEvent(at, arrival, 0, funding), r.num); err != nil {
			return err
		}
	}
	s.mark, s.funding, s.rated = mark, funding, rated
	return nil
}

// undated counts the rates of which it is not known when they are due, and reports whether that
// of a row is one. Once that is known, the newest of them is taken.
func (d *ticker) undated(s *tickerStream, has, due bool, f *exchange.Funding) bool {
	if due && s.undated > 0 {
		d.pass.report.Undated += s.undated - 1
		s.undated = 0
	}
	if !has || f.Due != 0 {
		return false
	}
	s.undated++
	return true
}

func (s *tickerStream) readMark(r *row) (exchange.Mark, error) {
	m := s.mark
	for _, f := range []struct {
		column int
		into   *exchange.Price
	}{{tickerMark, &m.Mark}, {tickerIndex, &m.Index}} {
		if len(r.cell(f.column)) == 0 {
			continue
		}
		p, err := r.price(f.column)
		if err != nil {
			return m, err
		}
		*f.into = p
	}
	return m, nil
}

func (s *tickerStream) readFunding(r *row) (f exchange.Funding, rated bool, err error) {
	f, rated = s.funding, s.rated
	if cell := r.cell(tickerFundingRate); len(cell) != 0 {
		if f.Rate, err = exchange.RoundRatio(cell); err != nil {
			return f, false, r.bad(tickerFundingRate, bare(err))
		}
		if f.Rate > exchange.RatioUnit || f.Rate < -exchange.RatioUnit {
			return f, false, r.bad(tickerFundingRate, errRate)
		}
		rated = true
	}
	if len(r.cell(tickerFundingTime)) != 0 {
		if f.Due, err = r.micros(tickerFundingTime); err != nil {
			return f, false, err
		}
	}
	return f, rated, nil
}

func (d *ticker) end() error {
	for _, s := range d.all {
		d.pass.report.Undated += s.undated
	}
	return nil
}
