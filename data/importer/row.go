package importer

import (
	"errors"
	"math"
	"strconv"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Errors of cells; they are wrapped in a RowError.
var (
	errEmpty     = errors.New("empty")
	errPositive  = errors.New("must be greater than 0")
	errNegative  = errors.New("must not be negative")
	errStamp     = errors.New("not a UTC time such as 2024-01-15T00:00:00.000Z")
	errMicros    = errors.New("not a time in microseconds since 1970")
	errRate      = errors.New("want a rate between -1 and 1")
	errSide      = errors.New("want buy or sell")
	errBookSide  = errors.New("want bid or ask")
	errBool      = errors.New("want true or false")
	errName      = errors.New("not a name")
	errWhole     = errors.New("not a whole number of contracts")
	errContracts = errors.New("too many contracts")
)

// row is one row of a file, seen through the columns of its format. A column is
// named by its index in the format's list.
type row struct {
	file    string
	num     int64
	cells   [][]byte
	columns []column
	places  []int // of the columns among the cells; -1: not in the file
}

// cell returns the text of a column, empty if the file does not have it.
func (r *row) cell(c int) []byte {
	if i := r.places[c]; i >= 0 {
		return r.cells[i]
	}
	return nil
}

// bad returns the error of a cell.
func (r *row) bad(c int, err error) error {
	value := r.cell(c)
	if len(value) == 0 {
		err = errEmpty // says more than that it is no number
	}
	if len(value) > 64 {
		value = value[:64]
	}
	return &RowError{File: r.file, Row: r.num, Column: r.columns[c].name, Value: string(value), Err: err}
}

// wrong returns an error of the row as a whole.
func (r *row) wrong(err error) error { return &RowError{File: r.file, Row: r.num, Err: err} }

// bare takes the text that the number parsers wrap around their errors away:
// the column and the value say it better.
func bare(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// price reads a price above 0. It is rounded to 1e-10, since sources print
// floats such as 79139.90000000001.
func (r *row) price(c int) (exchange.Price, error) {
	p, err := exchange.RoundPrice(r.cell(c))
	switch {
	case err != nil:
		return 0, r.bad(c, bare(err))
	case p <= 0:
		return 0, r.bad(c, errPositive)
	}
	return p, nil
}

// optionalPrice reads a price; empty and 0 mean that there is none.
func (r *row) optionalPrice(c int) (exchange.Price, error) {
	if len(r.cell(c)) == 0 {
		return 0, nil
	}
	p, err := exchange.RoundPrice(r.cell(c))
	switch {
	case err != nil:
		return 0, r.bad(c, bare(err))
	case p < 0:
		return 0, r.bad(c, errNegative)
	}
	return p, nil
}

// count reads a whole number of at least 0.
func (r *row) count(c int) (int64, error) {
	n, err := exchange.ParseQty(r.cell(c))
	switch {
	case err != nil:
		return 0, r.bad(c, bare(err))
	case n < 0:
		return 0, r.bad(c, errNegative)
	}
	return int64(n), nil
}

// optionalCount is count for a column that may be absent or empty, which is 0.
func (r *row) optionalCount(c int) (int64, error) {
	if len(r.cell(c)) == 0 {
		return 0, nil
	}
	return r.count(c)
}

// number reads an identifier of 64 bits.
func (r *row) number(c int) (uint64, error) {
	n, err := strconv.ParseUint(string(r.cell(c)), 10, 64)
	if err != nil {
		return 0, r.bad(c, bare(err))
	}
	return n, nil
}

// qty reads a quantity of the venue as contracts.
func (r *row) qty(c int, m *market) (exchange.Qty, error) {
	q, err := contracts(r.cell(c), m.perUnit())
	switch {
	case errors.Is(err, errWhole) && m.instrument == nil:
		return 0, &InstrumentError{Venue: m.venue, Symbol: m.symbol, Err: r.bad(c, err)}
	case err != nil:
		return 0, r.bad(c, err)
	case q < 0:
		return 0, r.bad(c, errNegative)
	}
	return q, nil
}

// contracts converts an amount in the venue's unit, exactly.
func contracts(text []byte, perUnit int64) (exchange.Qty, error) {
	whole, err := exchange.ParseQty(text)
	if err == nil {
		if limit := exchange.Qty(math.MaxInt64 / perUnit); whole > limit || whole < -limit {
			return 0, errContracts
		}
		return whole * exchange.Qty(perUnit), nil
	}
	if !errors.Is(err, exchange.ErrInexact) {
		return 0, bare(err)
	}
	part, err := exchange.ParseRatio(text)
	if errors.Is(err, exchange.ErrInexact) {
		return 0, errWhole
	}
	if err != nil {
		return 0, bare(err)
	}
	const unit = int64(exchange.RatioUnit)
	// unit/gcd is what perUnit must make up for.
	if missing := unit / gcd(unit, int64(part)); perUnit%missing != 0 {
		return 0, errWhole
	}
	units, rest := int64(part)/unit, int64(part)%unit
	if limit := math.MaxInt64/perUnit - 1; units > limit || units < -limit {
		return 0, errContracts
	}
	return exchange.Qty(units*perUnit + exchange.MulDiv(rest, perUnit, unit, exchange.Floor)), nil
}

// gcd returns the greatest common divisor of a > 0 and b ≠ 0.
func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}

// side reads "Buy" or "sell".
func (r *row) side(c int) (exchange.Side, error) {
	switch string(r.cell(c)) {
	case "Buy", "buy":
		return exchange.Buy, nil
	case "Sell", "sell":
		return exchange.Sell, nil
	}
	return exchange.NoSide, r.bad(c, errSide)
}

// bookSide reads "bid" or "ask".
func (r *row) bookSide(c int) (exchange.Side, error) {
	switch string(r.cell(c)) {
	case "bid":
		return exchange.Buy, nil
	case "ask":
		return exchange.Sell, nil
	}
	return exchange.NoSide, r.bad(c, errBookSide)
}

// boolean reads "true" or "false".
func (r *row) boolean(c int) (bool, error) {
	switch string(r.cell(c)) {
	case "true", "True":
		return true, nil
	case "false", "False":
		return false, nil
	}
	return false, r.bad(c, errBool)
}

// stamp reads a UTC time as BitMEX prints it.
func (r *row) stamp(c int) (exchange.Time, error) {
	t, ok := parseStamp(r.cell(c))
	if !ok {
		return 0, r.bad(c, errStamp)
	}
	return t, nil
}

// micros reads microseconds since 1970.
func (r *row) micros(c int) (exchange.Time, error) {
	t, ok := parseMicros(r.cell(c))
	if !ok {
		return 0, r.bad(c, errMicros)
	}
	return t, nil
}

// name checks the name of a venue or a symbol.
func (r *row) name(c int) (string, error) {
	b := r.cell(c)
	if !exchange.ValidName(b) {
		return "", r.bad(c, errName)
	}
	return string(b), nil
}
