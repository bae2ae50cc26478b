package gateway

import (
	"math/big"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// instrumentRow is what is known of a symbol at an instant: its terms, and what the
// row said of its market.
func instrumentRow(m *market, now exchange.Time) api.Instrument {
	i, t, r := m.inst, m.terms, m.row
	r.Symbol, r.RootSymbol, r.State, r.Typ = i.Symbol, i.Underlying, "Open", i.Typ
	if i.Expiry != 0 && now >= i.Expiry {
		r.State = "Settled"
	}
	r.Listing, r.Front = api.Time(i.Listing), api.Time(i.Listing)
	r.Expiry, r.Settle, r.ListedSettle = api.Time(i.Expiry), api.Time(i.Expiry), api.Time(i.Expiry)
	r.PositionCurrency, r.Underlying, r.QuoteCurrency = i.Underlying, i.Underlying, i.Quote
	r.UnderlyingSymbol, r.Reference = i.Underlying+"=", "BMEX"
	r.MaxOrderQty, r.MaxPrice = new(int64(t.MaxQty)), api.PriceNumber(t.MaxPrice)
	r.LotSize, r.TickSize, r.MinTick = new(int64(t.LotSize)), api.PriceNumber(t.TickSize), api.PriceNumber(t.TickSize)
	r.SettlCurrency = i.Settle.Code
	contractRow(&r, i)
	r.InitMargin, r.MaintMargin = api.RatioNumber(t.InitMargin), api.RatioNumber(t.MaintMargin)
	if t.RiskLimit > 0 {
		r.RiskLimit, r.RiskStep = new(int64(t.RiskLimit)), new(int64(t.RiskStep))
	}
	r.Taxed, r.Deleverage = i.Kind != exchange.Spot, i.Kind != exchange.Spot
	r.MakerFee, r.TakerFee, r.SettlementFee = api.RatioNumber(t.MakerFee), api.RatioNumber(t.TakerFee), api.RatioNumber(t.SettleFee)
	r.MarkMethod, r.FairMethod = "FairPrice", ""
	if i.FundingInterval > 0 {
		r.FundingInterval, r.FundingTimestamp = api.IntervalTime(i.FundingInterval), api.Time(i.NextFunding(now))
		r.FairMethod = "FundingRate"
	}
	r.ReferenceSymbol = referenceSymbol(i)
	if i.Kind == exchange.Spot {
		r.MarkMethod, r.ReferenceSymbol = "LastPrice", ""
	}
	r.Timestamp = api.Time(now)
	return r
}

// contractRow fills in how the venue writes the value of a contract.
func contractRow(r *api.Instrument, i *exchange.Instrument) {
	r.IsInverse, r.IsQuanto = i.Kind == exchange.Inverse, i.Kind == exchange.Quanto
	switch i.Kind {
	case exchange.Inverse:
		r.Multiplier, r.UnderlyingToSettleMultiplier = new(-i.Multiplier), new(-i.Multiplier)
		r.PositionCurrency = i.Quote
	case exchange.Quanto:
		r.Multiplier = new(i.Multiplier)
		r.PositionCurrency = ""
	default:
		r.Multiplier = new(max(1, i.Multiplier/i.Divisor))
		settle := pow10(i.Settle.Scale)
		r.QuoteToSettleMultiplier = &settle
		r.UnderlyingToPositionMultiplier = new(settle * i.Divisor / i.Multiplier)
	}
}

func pow10(n int) int64 {
	v := int64(1)
	for range n {
		v *= 10
	}
	return v
}

// notionals returns a quantity in the underlying and in the quote currency.
func notionals(i *exchange.Instrument, t *exchange.Terms, q exchange.Qty, p exchange.Price, value exchange.Money) (home, foreign api.Number) {
	settle := value.Decimal(i.Settle.Scale)
	switch i.Kind {
	case exchange.Inverse:
		return number(settle), number(decimal.NewFromInt(int64(q)))
	case exchange.Quanto:
		// The venue converts with the price of its settlement currency, which only
		// its own index knows: what is said is the value in that currency.
		return number(settle), number(settle.Mul(p.Decimal()))
	}
	if p <= 0 {
		return "0", "0"
	}
	per := decimal.NewFromBigRat(big.NewRat(t.Multiplier, t.Divisor*pow10(i.Settle.Scale)), 12)
	home1 := per.Mul(decimal.NewFromInt(int64(q)))
	return number(home1), number(home1.Mul(p.Decimal()))
}

func number(d decimal.Decimal) api.Number { return api.Number(d.String()) }

// day is the window of the 24-hour statistics.
const day = 24 * time.Hour

// dayBins returns the finest bins that have data: those of bars are no finer than the bars.
func (m *market) dayBins() *bins {
	for n := range m.bins {
		if b := &m.bins[n]; b.open != nil || len(b.rows) > 0 {
			return b
		}
	}
	return &m.bins[0]
}

// restat recomputes what the row says of the last day, from its bins, once a second of the market.
func (m *market) restat(now exchange.Time) {
	if m.stated != 0 && now.Sub(m.stated) < time.Second && now >= m.stated {
		return
	}
	m.stated = now
	b := m.dayBins()
	rows := b.rows
	from := api.Time(now.Add(-day))
	var volume, turnover int64
	var high, low, first exchange.Price
	for n := len(rows) - 1; n >= 0 && rows[n].Timestamp > from; n-- {
		r := &rows[n]
		volume += *r.Volume
		turnover += *r.Turnover
		h, _ := r.High.Price() // our own numbers
		l, _ := r.Low.Price()
		first, _ = r.Open.Price()
		high = max(high, h)
		if low == 0 || l < low {
			low = l
		}
	}
	if o := b.open; o != nil {
		volume, turnover = volume+int64(o.Volume), turnover+int64(o.Turnover)
		high = max(high, o.High)
		if low == 0 || o.Low < low {
			low = o.Low
		}
		if first == 0 {
			first = o.Open
		}
	}
	r := &m.row
	r.Volume24h, r.Turnover24h = &volume, &turnover
	r.Volume, r.Turnover, r.TotalVolume, r.TotalTurnover = &volume, &turnover, &volume, &turnover
	r.HighPrice, r.LowPrice, r.PrevPrice24h = api.PriceNumber(high), api.PriceNumber(low), api.PriceNumber(first)
	r.HomeNotional24h, r.ForeignNotional24h, r.Vwap = "0", "0", ""
	if lots := exchange.Qty(volume) - exchange.Qty(volume)%m.terms.LotSize; lots > 0 {
		at := m.terms.PriceOfCost(lots, exchange.Money(turnover))
		r.Vwap = api.PriceNumber(at)
		r.HomeNotional24h, r.ForeignNotional24h = notionals(m.inst, m.terms, exchange.Qty(volume), at, exchange.Money(turnover))
	}
	if first > 0 && m.last > 0 {
		change := exchange.MulDiv(int64(m.last-first), 10_000, int64(first), exchange.Nearest)
		r.LastChangePcnt = number(decimal.New(change, -4))
	}
}

// matches reports whether a symbol of a request names the market: itself, or its
// series with what the venue lets follow it, "XBT:perpetual".
func (m *market) matches(symbol string) bool {
	if strings.EqualFold(symbol, m.inst.Symbol) {
		return true
	}
	root, timeframe, _ := strings.Cut(symbol, ":")
	if !strings.EqualFold(root, m.inst.Underlying) {
		return false
	}
	switch timeframe {
	case "perpetual":
		return m.inst.Expiry == 0 && m.inst.Kind != exchange.Spot
	case "", "nearest", "quarterly":
		return m.inst.Expiry != 0
	}
	return false
}
