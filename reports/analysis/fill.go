package analysis

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// fillRow is what the analysis reads of [reports.FillRow].
type fillRow struct {
	Time      int64  `parquet:"time,delta,timestamp(nanosecond)"`
	Symbol    string `parquet:"symbol,dict"`
	OrderID   string `parquet:"order_id"`
	ClientID  string `parquet:"client_id"`
	Side      string `parquet:"side,dict"`
	Qty       int64  `parquet:"qty,delta"`
	Price     int64  `parquet:"price,delta,decimal(10:18)"`
	Value     int64  `parquet:"value,delta"`
	Fee       int64  `parquet:"fee,delta"`
	Realised  int64  `parquet:"realised,delta"`
	Position  int64  `parquet:"position,delta"`
	Liquidity string `parquet:"liquidity,dict"`
	ExecType  string `parquet:"exec_type,dict"`
	Cause     string `parquet:"cause,dict"`
}

// fill is what the analysis keeps of a fill.
type fill struct {
	at       int64
	symbol   string
	order    int // in orders; -1: none
	side     int64
	qty      int64
	price    float64
	tick     exchange.Price // the price, exactly
	value    int64
	fee      int64
	realised int64
	position int64 // after it
	maker    bool
	forced   bool // by the venue: a liquidation, a settlement, an odd lot
}

func fillOf(r *fillRow) fill {
	f := fill{at: r.Time, symbol: r.Symbol, side: 1, qty: r.Qty, price: float64(r.Price) / float64(exchange.PriceUnit),
		tick: exchange.Price(r.Price), value: r.Value, forced: r.Cause == exchange.ForcedClose.String() ||
			r.ExecType != exchange.ExecTrade.String(), fee: r.Fee, realised: r.Realised, position: r.Position,
		maker: r.Liquidity == exchange.AddedLiquidity.String()}
	if r.Side == exchange.Sell.String() {
		f.side = -1
	}
	return f
}

// before is the position before the fill.
func (f *fill) before() int64 { return f.position - f.side*f.qty }

// split parts a fill into what closes a position and what opens or adds to one,
// either of which may be without quantity. Fee and value go by quantity, with the
// rounding in the opening part, as the round trips of package reports have it.
func (f *fill) split() (closing, opening fill) {
	before := f.before()
	switch {
	case before == 0 || before > 0 == (f.side > 0):
		return fill{}, *f
	case f.position == 0 || f.position > 0 == (before > 0):
		return *f, fill{}
	}
	closing, opening = *f, *f
	closing.qty = max(before, -before)
	opening.qty = f.qty - closing.qty
	part := func(v int64) int64 { return exchange.MulDiv(v, closing.qty, f.qty, exchange.Nearest) }
	closing.fee, closing.value, closing.position = part(f.fee), part(f.value), 0
	opening.fee, opening.value, opening.realised = f.fee-closing.fee, f.value-closing.value, 0
	return closing, opening
}
