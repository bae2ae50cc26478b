package page

import (
	"math"
	"slices"
	"strconv"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/thin"
)

// chartData is what the page's script draws and lists. Times are seconds since
// 1970; money in tables is in the smallest unit.
type chartData struct {
	Own      string      `json:"own"`
	Other    string      `json:"other,omitempty"`
	Inverse  bool        `json:"inverse"` // the account is in the coin
	Scale    int         `json:"scale"`
	Start    float64     `json:"start"`
	End      float64     `json:"end"`
	Width    float64     `json:"width"` // of a candle
	Candles  candleData  `json:"candles"`
	Position lineData    `json:"position"`
	Exposure lineData    `json:"exposure"`
	Curves   []curveData `json:"curves"` // in the account's currency, then in the other one
	Marks    markData    `json:"marks"`
	Merged   bool        `json:"merged"` // fills of a candle are drawn as one
	Tables   []tableData `json:"tables"`
}

type lineData struct {
	T []float64 `json:"t"`
	V []number  `json:"v"`
}

type candleData struct {
	T []float64 `json:"t"`
	O []number  `json:"o"`
	H []number  `json:"h"`
	L []number  `json:"l"`
	C []number  `json:"c"`
}

type curveData struct {
	Currency string   `json:"currency"`
	Equity   lineData `json:"equity"`
	Coin     lineData `json:"coin"`
	Quote    lineData `json:"quote"`
	Drawdown lineData `json:"drawdown"`
}

type markData struct {
	T []float64  `json:"t"`
	P []number   `json:"p"`
	Q []int64    `json:"q"`
	K []markKind `json:"k"`
	N []int      `json:"n"`
}

// number is written with the digits that a chart can show.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', 8, 64), nil
}

// seconds keeps milliseconds.
func seconds(t exchange.Time) float64 { return float64(t/1e6) / 1e3 }

func line(t *thin.Series) lineData {
	d := lineData{T: []float64{}, V: []number{}}
	for _, p := range t.Points() {
		d.T = append(d.T, seconds(p.At))
		d.V = append(d.V, number(p.V))
	}
	return d
}

func (c *curves) data(currency string) curveData {
	return curveData{Currency: currency, Equity: line(c.equity), Coin: line(c.coin), Quote: line(c.quote), Drawdown: line(c.drawdown)}
}

func (r *run) chart() chartData {
	d := chartData{Own: r.other.Own, Inverse: r.other.Inverse, Scale: r.result.Account.CurrencyScale, Start: seconds(r.result.Run.Start),
		End: seconds(r.result.Run.End), Width: float64(r.price.width) / 1e9, Position: line(r.position), Exposure: line(r.exposure), Merged: r.marks.many,
		Curves: []curveData{r.own.data(r.other.Own)}}
	if r.other.OK {
		d.Other = r.other.Other
		d.Curves = append(d.Curves, r.second.data(r.other.Other))
	}
	d.Candles.T = []float64{}
	for _, c := range r.price.list {
		d.Candles.T = append(d.Candles.T, seconds(c.at))
		d.Candles.O = append(d.Candles.O, number(c.open))
		d.Candles.H = append(d.Candles.H, number(c.high))
		d.Candles.L = append(d.Candles.L, number(c.low))
		d.Candles.C = append(d.Candles.C, number(c.close))
	}
	d.Marks.T = []float64{}
	for _, m := range r.marks.list() {
		d.Marks.T = append(d.Marks.T, seconds(m.at))
		d.Marks.P = append(d.Marks.P, number(m.price))
		d.Marks.Q = append(d.Marks.Q, m.qty)
		d.Marks.K = append(d.Marks.K, m.kind)
		d.Marks.N = append(d.Marks.N, m.fills)
	}
	d.Tables = []tableData{r.fillTable(), r.orderTable()}
	return d
}

// tableData is a table that sorts, filters and pages. Texts are kept once.
type tableData struct {
	ID      string       `json:"id"`
	Total   int64        `json:"total"` // rows that the run has
	File    string       `json:"file"`  // which has them all
	Hint    string       `json:"hint,omitempty"`
	Columns []columnData `json:"columns"`
}

type columnData struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"` // time, text, money, price, int, percent, ratio
	Words  []string `json:"words,omitempty"`
	Values cells    `json:"values"`
}

// cells are numbers with all their digits; NaN is one that is not defined.
type cells []float64

// MarshalJSON implements json.Marshaler.
func (c cells) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, v := range c {
		if i > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendFloat(b, v, 'f', -1, 64)
		}
	}
	return append(b, ']'), nil
}

// column makes a column of numbers.
func column[R any](name, kind string, rows []R, value func(*R) float64) columnData {
	c := columnData{Name: name, Kind: kind, Values: make(cells, len(rows))}
	for i := range rows {
		c.Values[i] = value(&rows[i])
	}
	return c
}

// words makes a column of texts: places in a sorted list.
func words[R any](name string, rows []R, text func(*R) string) columnData {
	c := columnData{Name: name, Kind: "text", Words: []string{}, Values: make(cells, len(rows))}
	for i := range rows {
		c.Words = append(c.Words, text(&rows[i]))
	}
	slices.Sort(c.Words)
	c.Words = slices.Compact(c.Words)
	for i := range rows {
		n, _ := slices.BinarySearch(c.Words, text(&rows[i]))
		c.Values[i] = float64(n)
	}
	return c
}

func timeOf(ns int64) float64 { return seconds(exchange.Time(ns)) }
func priceOf(p int64) float64 { return exchange.Price(p).Float64() }

func (r *run) fillTable() tableData {
	type row = reports.FillRow
	f := r.fills
	return tableData{ID: "fills", Total: r.fillCount, File: reports.FillsFile, Columns: []columnData{
		column("time", "time", f, func(x *row) float64 { return timeOf(x.Time) }),
		words("symbol", f, func(x *row) string { return x.Symbol }),
		words("side", f, func(x *row) string { return x.Side }),
		column("contracts", "int", f, func(x *row) float64 { return float64(x.Qty) }),
		column("price", "price", f, func(x *row) float64 { return priceOf(x.Price) }),
		column("fee", "money", f, func(x *row) float64 { return float64(x.Fee) }),
		column("realised", "money", f, func(x *row) float64 { return float64(x.Realised) }),
		column("position", "int", f, func(x *row) float64 { return float64(x.Position) }),
		words("liquidity", f, func(x *row) string { return liquidity[x.Liquidity] }),
		words("why", f, why),
	}}
}

var liquidity = map[string]string{exchange.AddedLiquidity.String(): "maker", exchange.RemovedLiquidity.String(): "taker"}

func why(x *reports.FillRow) string {
	text := x.Cause
	if x.ExecType != exchange.ExecTrade.String() {
		text = x.ExecType
	}
	if x.Ambiguous {
		text += ", ambiguous"
	}
	return text
}

func (r *run) orderTable() tableData {
	type row = reports.OrderRow
	o := r.orders
	return tableData{ID: "orders", Total: r.orderCount, File: reports.OrdersFile, Columns: []columnData{
		column("time", "time", o, func(x *row) float64 { return timeOf(x.Time) }),
		words("symbol", o, func(x *row) string { return x.Symbol }),
		words("side", o, func(x *row) string { return x.Side }),
		words("type", o, func(x *row) string { return x.Type }),
		column("contracts", "int", o, func(x *row) float64 { return float64(x.Qty) }),
		column("price", "price", o, func(x *row) float64 { return priceOf(x.Price) }),
		column("stop", "price", o, func(x *row) float64 { return priceOf(x.StopPrice) }),
		column("filled", "int", o, func(x *row) float64 { return float64(x.Filled) }),
		column("average", "price", o, func(x *row) float64 { return priceOf(x.AvgPrice) }),
		words("status", o, func(x *row) string { return x.Status }),
		words("reason", o, func(x *row) string { return x.RejectReason }),
	}}
}
