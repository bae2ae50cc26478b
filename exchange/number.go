package exchange

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"github.com/shopspring/decimal"
)

// FixedDigits is the number of decimal places that a Price and a Ratio carry.
const FixedDigits = 10

const fixedUnit = 10_000_000_000 // 10^FixedDigits

// Price is an amount of quote currency per unit of the underlying, in steps of
// 1e-10. Its range is limited to MaxPrice so that it fits the INT64-backed
// DECIMAL(18,10) of the Parquet catalog.
type Price int64

// Limits and unit of Price.
const (
	PriceUnit Price = fixedUnit              // the price 1
	MaxPrice  Price = 99_999_999 * PriceUnit // the greatest price that can be parsed
)

// Qty is a number of contracts. A venue that counts in fractions of a coin is
// mapped to whole contracts by its instrument ([Instrument.ContractsPerUnit]),
// as BitMEX itself does for its linear contracts.
type Qty int64

// Money is an amount in the smallest unit of a settlement currency, such as a
// satoshi (XBt) or a millionth of a tether (USDt).
type Money int64

// Ratio is a dimensionless number in steps of 1e-10: a fee or funding rate, a
// margin fraction, or a leverage.
type Ratio int64

// RatioUnit is the ratio 1.
const RatioUnit Ratio = fixedUnit

// Errors of the fixed-point parsers; they are wrapped with the offending text.
var (
	ErrSyntax  = errors.New("not a decimal number")
	ErrRange   = errors.New("number out of range")
	ErrInexact = errors.New("more decimal places than can be represented")
)

// ParsePrice reads a decimal number, in plain or scientific notation, that must
// be representable exactly.
func ParsePrice[T string | []byte](s T) (Price, error) {
	v, exact, err := parseFixed(s, FixedDigits)
	return checkPrice(s, v, exact, err)
}

// RoundPrice reads a decimal number and rounds it half away from zero to the
// nearest representable price. It is for sources that print floats, such as
// 79139.90000000001.
func RoundPrice[T string | []byte](s T) (Price, error) {
	v, _, err := parseFixed(s, FixedDigits)
	return checkPrice(s, v, true, err)
}

func checkPrice[T string | []byte](s T, v int64, exact bool, err error) (Price, error) {
	switch {
	case err != nil:
	case Price(v) > MaxPrice || Price(v) < -MaxPrice:
		err = ErrRange
	case !exact:
		err = ErrInexact
	}
	if err != nil {
		return 0, fmt.Errorf("price %q: %w", string(s), err)
	}
	return Price(v), nil
}

// MustPrice is ParsePrice for constants; it panics on bad text.
func MustPrice(s string) Price {
	p, err := ParsePrice(s)
	if err != nil {
		panic(err)
	}
	return p
}

// PriceOf converts a decimal that must be representable exactly.
func PriceOf(d decimal.Decimal) (Price, error) {
	// Not d.String(), which writes out every zero of 1e1000000000.
	return ParsePrice(d.Coefficient().String() + "e" + strconv.Itoa(int(d.Exponent())))
}

// Decimal returns the exact decimal value.
func (p Price) Decimal() decimal.Decimal { return decimal.New(int64(p), -FixedDigits) }

// Float64 returns the price as a float, for indicators and statistics only.
func (p Price) Float64() float64 { return float64(p) / fixedUnit }

// String prints the price without trailing zeros.
func (p Price) String() string { return formatFixed(int64(p), FixedDigits) }

// MarshalText implements encoding.TextMarshaler.
func (p Price) MarshalText() ([]byte, error) { return appendFixed(nil, int64(p), FixedDigits), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Price) UnmarshalText(b []byte) (err error) { *p, err = ParsePrice(b); return err }

// MarshalJSON writes a JSON number.
func (p Price) MarshalJSON() ([]byte, error) { return p.MarshalText() }

// UnmarshalJSON reads a JSON number or string; null changes nothing.
func (p *Price) UnmarshalJSON(b []byte) (err error) {
	if string(b) != "null" {
		*p, err = ParsePrice(unquote(b))
	}
	return err
}

// OnTick reports whether p is a multiple of tick.
func (p Price) OnTick(tick Price) bool { return tick > 0 && p%tick == 0 }

// FloorTick rounds p down, towards minus infinity, to a multiple of tick.
func (p Price) FloorTick(tick Price) Price {
	r := p % tick
	if r < 0 {
		r += tick
	}
	return p - r
}

// CeilTick rounds p up to a multiple of tick.
func (p Price) CeilTick(tick Price) Price { return -(-p).FloorTick(tick) }

// RoundTick rounds p to the nearest multiple of tick, halves up.
func (p Price) RoundTick(tick Price) Price { return (p + tick/2).FloorTick(tick) }

// ParseQty reads a whole number of contracts. A fraction of zeros ("100.0") and
// scientific notation ("1e4") are accepted.
func ParseQty[T string | []byte](s T) (Qty, error) {
	v, exact, err := parseFixed(s, 0)
	if err == nil && !exact {
		err = ErrInexact
	}
	if err != nil {
		return 0, fmt.Errorf("quantity %q: %w", string(s), err)
	}
	return Qty(v), nil
}

// Abs returns the magnitude of q.
func (q Qty) Abs() Qty {
	if q < 0 {
		return -q
	}
	return q
}

// Sign returns -1, 0 or 1.
func (q Qty) Sign() int {
	switch {
	case q < 0:
		return -1
	case q > 0:
		return 1
	}
	return 0
}

// Abs returns the magnitude of m.
func (m Money) Abs() Money {
	if m < 0 {
		return -m
	}
	return m
}

// Decimal returns m in major units of a currency with the given scale, such as
// 8 for XBt.
func (m Money) Decimal(scale int) decimal.Decimal { return decimal.New(int64(m), int32(-scale)) }

// ParseRatio reads a decimal number that must be representable exactly.
func ParseRatio[T string | []byte](s T) (Ratio, error) {
	v, exact, err := parseFixed(s, FixedDigits)
	if err == nil && !exact {
		err = ErrInexact
	}
	if err != nil {
		return 0, fmt.Errorf("ratio %q: %w", string(s), err)
	}
	return Ratio(v), nil
}

// RoundRatio reads a decimal number and rounds it half away from zero.
func RoundRatio[T string | []byte](s T) (Ratio, error) {
	v, _, err := parseFixed(s, FixedDigits)
	if err != nil {
		return 0, fmt.Errorf("ratio %q: %w", string(s), err)
	}
	return Ratio(v), nil
}

// MustRatio is ParseRatio for constants; it panics on bad text.
func MustRatio(s string) Ratio {
	r, err := ParseRatio(s)
	if err != nil {
		panic(err)
	}
	return r
}

// Decimal returns the exact decimal value.
func (r Ratio) Decimal() decimal.Decimal { return decimal.New(int64(r), -FixedDigits) }

// Float64 returns the ratio as a float, for statistics only.
func (r Ratio) Float64() float64 { return float64(r) / fixedUnit }

// String prints the ratio without trailing zeros.
func (r Ratio) String() string { return formatFixed(int64(r), FixedDigits) }

// MarshalText implements encoding.TextMarshaler.
func (r Ratio) MarshalText() ([]byte, error) { return appendFixed(nil, int64(r), FixedDigits), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Ratio) UnmarshalText(b []byte) (err error) { *r, err = ParseRatio(b); return err }

// MarshalJSON writes a JSON number.
func (r Ratio) MarshalJSON() ([]byte, error) { return r.MarshalText() }

// UnmarshalJSON reads a JSON number or string; null changes nothing.
func (r *Ratio) UnmarshalJSON(b []byte) (err error) {
	if string(b) != "null" {
		*r, err = ParseRatio(unquote(b))
	}
	return err
}

// parseFixed reads [±]digits[.digits][e[±]digits] as an integer count of
// 10^-scale. A value that needs more places is rounded half away from zero and
// exact is false.
func parseFixed[T string | []byte](s T, scale int) (v int64, exact bool, err error) {
	if v, ok := parsePlain(s, scale); ok {
		return v, true, nil
	}
	neg := len(s) > 0 && s[0] == '-'
	if neg || len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	m, rest, err := parseMantissa(s)
	if err != nil {
		return 0, false, err
	}
	exp, err := parseExponent(s[rest:])
	if err != nil {
		return 0, false, err
	}
	u, exact, err := m.shift(scale + m.exp + exp)
	if err != nil || u > math.MaxInt64 {
		return 0, false, ErrRange
	}
	v = int64(u)
	if neg {
		v = -v
	}
	return v, exact, nil
}

// parsePlain reads what nearly all numbers look like: up to 18 digits and no
// more places than fit. It knows nothing of the rest.
func parsePlain[T string | []byte](s T, scale int) (v int64, ok bool) {
	i := 0
	if len(s) > 0 && s[0] == '-' {
		i = 1
	}
	if len(s) == i || len(s) > i+18 {
		return 0, false
	}
	places := -1
	for _, c := range []byte(s[i:]) {
		switch {
		case '0' <= c && c <= '9':
			v = v*10 + int64(c-'0')
			if places >= 0 {
				places++
			}
		case c == '.' && places < 0:
			places = 0
		default:
			return 0, false
		}
	}
	by := scale - max(places, 0)
	if by < 0 || by >= len(powers) || v > math.MaxInt64/powers[by] || len(s) == i+1 && places == 0 {
		return 0, false
	}
	v *= powers[by]
	if i == 1 {
		v = -v
	}
	return v, true
}

// powers of ten.
var powers = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

// mantissa is a number of any length, read as digits·10^exp with as many digits
// as fit, which are always enough for an int64, and what is known of the rest.
type mantissa struct {
	digits uint64
	exp    int
	full   bool // digits did not fit
	half   bool // the first of them is 5 or more
	more   bool // one of them is not 0
}

// parseMantissa reads digits and a point; rest is where they end.
func parseMantissa[T string | []byte](s T) (m mantissa, rest int, err error) {
	point, digits := false, 0
	for rest < len(s) {
		c := s[rest]
		if c == '.' && !point {
			point = true
			rest++
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		rest++
		digits++
		if m.digits > (math.MaxUint64-9)/10 {
			m.drop(c, point)
			continue
		}
		m.digits = m.digits*10 + uint64(c-'0')
		if point {
			m.exp--
		}
	}
	if digits == 0 {
		return m, rest, ErrSyntax
	}
	return m, rest, nil
}

// drop takes note of a digit that does not fit.
func (m *mantissa) drop(c byte, point bool) {
	if !m.full {
		m.full, m.half = true, c >= '5'
	}
	m.more = m.more || c != '0'
	if !point {
		m.exp++
	}
}

func parseExponent[T string | []byte](s T) (int, error) {
	if len(s) == 0 {
		return 0, nil
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, ErrSyntax
	}
	exp, err := strconv.Atoi(string(s[1:]))
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, ErrSyntax
	}
	// No text is long enough to bring a greater exponent back into range.
	const limit = 1 << 40
	return max(-limit, min(exp, limit)), nil
}

// shift returns the number times 10^by, rounded half up.
func (m *mantissa) shift(by int) (shifted uint64, exact bool, err error) {
	d, roundUp, cut := m.digits, by == 0 && m.half, m.more
	for ; by > 0 && d != 0; by-- {
		if d > math.MaxInt64/10 {
			return 0, false, ErrRange
		}
		d *= 10
	}
	for ; by < 0 && d != 0; by++ {
		last := d % 10
		cut = cut || last != 0
		roundUp = last >= 5 // the last digit dropped decides
		d /= 10
	}
	if by < 0 {
		roundUp = false // more places were dropped than there were digits
	}
	if roundUp {
		d++
	}
	return d, !cut, nil
}

func formatFixed(v int64, scale int) string { return string(appendFixed(nil, v, scale)) }

// appendFixed appends v·10^-scale in plain notation without trailing zeros.
func appendFixed(dst []byte, v int64, scale int) []byte {
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	unit := uint64(1)
	for range scale {
		unit *= 10
	}
	dst = strconv.AppendUint(dst, u/unit, 10)
	frac := u % unit
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.')
	for frac != 0 {
		unit /= 10
		dst = append(dst, byte('0'+frac/unit))
		frac %= unit
	}
	return dst
}

func unquote(b []byte) []byte {
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		return b[1 : len(b)-1]
	}
	return b
}

// Rounding says what MulDiv does with a remainder.
type Rounding uint8

// Roundings of MulDiv, all on the magnitude.
const (
	Nearest Rounding = iota // to the nearest, halves away from zero
	Floor                   // towards zero
	Ceil                    // away from zero
)

var roundingNames = []string{"nearest", "down", "up"}

// String returns the word used in instrument files.
func (r Rounding) String() string { return name(roundingNames, r) }

// MarshalText implements encoding.TextMarshaler.
func (r Rounding) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rounding) UnmarshalText(b []byte) error { return parse("rounding", roundingNames, b, r) }

// MulDiv returns a·b/c with a 128-bit intermediate, rounded on the magnitude.
// It panics when c is zero or the magnitude of the result exceeds
// math.MaxInt64; the range checks of [Instrument.Validate] exclude both for
// every value that an order or a trade can take.
func MulDiv(a, b, c int64, r Rounding) int64 {
	v, ok := mulDivOK(a, b, c, r)
	if !ok {
		panic(fmt.Sprintf("exchange: %d·%d/%d overflows", a, b, c))
	}
	return v
}

// mulDivOK is MulDiv with ok false instead of a panic.
func mulDivOK(a, b, c int64, r Rounding) (v int64, ok bool) {
	q, ok := mulDivAbs(abs64(a), abs64(b), abs64(c), r)
	if a^b^c < 0 {
		return -int64(q), ok
	}
	return int64(q), ok
}

// mulDivAbs is mulDivOK for magnitudes.
func mulDivAbs(a, b, c uint64, r Rounding) (v uint64, ok bool) {
	hi, lo := bits.Mul64(a, b)
	if hi >= c { // also if c is zero
		return 0, false
	}
	q, rem := bits.Div64(hi, lo, c)
	return rounded(q, rem, c, r)
}

// rounded rounds a quotient by its remainder.
func rounded(q, rem, c uint64, r Rounding) (v uint64, ok bool) {
	if q <= math.MaxInt64 && (r == Ceil && rem > 0 || r == Nearest && rem >= c-rem) {
		q++
	}
	if q > math.MaxInt64 {
		return 0, false
	}
	return q, true
}

func abs64(v int64) uint64 {
	sign := v >> 63
	return uint64((v ^ sign) - sign)
}

// ParseMoney reads an amount in major units of a currency with the given scale
// ("1.5" with scale 8 is 150000000). It must be representable exactly.
func ParseMoney[T string | []byte](s T, scale int) (Money, error) {
	v, exact, err := parseFixed(s, scale)
	if err == nil && !exact {
		err = ErrInexact
	}
	if err != nil {
		return 0, fmt.Errorf("amount %q: %w", string(s), err)
	}
	return Money(v), nil
}
