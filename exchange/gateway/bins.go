package gateway

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// bins adds up what traded in intervals of one length. As on the venue a bin is
// stamped with its end, opens where the one before it closed, and is there also when
// nothing traded.
type bins struct {
	span time.Duration
	rows []api.TradeBin
	open *exchange.Bar // nil until something trades
	size exchange.Qty  // of the last trade in it
}

func (b *bins) trade(t exchange.Trade, value exchange.Money, at exchange.Time) {
	b.begin(at, t.Price)
	o := b.open
	o.High, o.Low, o.Close = max(o.High, t.Price), min(o.Low, t.Price), t.Price
	o.Volume += t.Qty
	o.Turnover += value
	o.Trades++
	b.size = t.Qty
}

// begin opens the first bin.
func (b *bins) begin(at exchange.Time, price exchange.Price) {
	if b.open == nil {
		b.next(at.Truncate(b.span), price)
	}
}

func (b *bins) next(start exchange.Time, price exchange.Price) {
	b.open = &exchange.Bar{Start: start, End: start.Add(b.span), Open: price, High: price, Low: price, Close: price}
	b.size = 0
}

// bar adds a bar that is not longer than the bin.
func (b *bins) bar(m *market, bar *exchange.Bar) {
	b.begin(bar.Start, bar.Open)
	o := b.open
	o.High, o.Low, o.Close = max(o.High, bar.High), min(o.Low, bar.Low), bar.Close
	o.Volume += bar.Volume
	turnover := bar.Turnover
	if turnover == 0 && bar.Volume > 0 {
		turnover = m.terms.Value(bar.Volume, bar.Close)
	}
	o.Turnover += turnover
	o.Trades += bar.Trades
}

// due is when the open bin ends.
func (b *bins) due() exchange.Time {
	if b.open == nil {
		return exchange.Never
	}
	return b.open.End
}

// skip passes over the intervals that would be dropped again by a given instant, because only the newest are kept: a
// hole of years in the data takes no longer than one of a week.
func (b *bins) skip(m *market, until exchange.Time) {
	if b.open == nil || until.Sub(b.open.End) <= keptBins*b.span {
		return
	}
	b.close(m)
	b.next(until.Add(-keptBins*b.span).Truncate(b.span), b.open.Close)
}

// close ends the open bin and begins the next one.
func (b *bins) close(m *market) *api.TradeBin {
	b.rows = keep(b.rows, b.row(m, b.open), keptBins)
	b.next(b.open.End, b.open.Close)
	return &b.rows[len(b.rows)-1]
}

func (b *bins) row(m *market, o *exchange.Bar) api.TradeBin {
	r := api.TradeBin{Timestamp: api.Time(o.End), Symbol: m.inst.Symbol, Open: api.PriceNumber(o.Open), High: api.PriceNumber(o.High),
		Low: api.PriceNumber(o.Low), Close: api.PriceNumber(o.Close), Trades: new(o.Trades), Volume: new(int64(o.Volume)),
		Turnover: new(int64(o.Turnover)), HomeNotional: "0", ForeignNotional: "0"}
	if b.size > 0 {
		r.LastSize = new(int64(b.size))
	}
	if o.Volume > 0 {
		at := m.terms.PriceOfCost(o.Volume-o.Volume%m.terms.LotSize, o.Turnover)
		if at == 0 {
			at = o.Close
		}
		r.Vwap = api.PriceNumber(at)
		r.HomeNotional, r.ForeignNotional = notionals(m.inst, m.terms, o.Volume, at, o.Turnover)
	}
	return r
}

// quoteBins keeps the last quote of each interval.
type quoteBins struct {
	span time.Duration
	end  exchange.Time // of the open bin; 0: there was no quote
	last api.Quote
	rows []api.Quote
}

func (b *quoteBins) add(q api.Quote, at exchange.Time) {
	if b.end == 0 {
		b.end = at.Truncate(b.span).Add(b.span)
	}
	b.last = q
}

func (b *quoteBins) due() exchange.Time {
	if b.end == 0 {
		return exchange.Never
	}
	return b.end
}

// skip does what that of [bins] does.
func (b *quoteBins) skip(until exchange.Time) {
	if b.end == 0 || until.Sub(b.end) <= keptBins*b.span {
		return
	}
	b.close()
	b.end = until.Add(-keptBins * b.span).Truncate(b.span).Add(b.span)
}

// close ends the open bin and begins the next one.
func (b *quoteBins) close() *api.Quote {
	row := b.last
	row.Timestamp = api.Time(b.end)
	b.rows = keep(b.rows, row, keptBins)
	b.end = b.end.Add(b.span)
	return &b.rows[len(b.rows)-1]
}
