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
	if err == nil && !exact {
		err = ErrInexact
	}
	return checkPrice(s, v, err)
}

// RoundPrice reads a decimal number and rounds it half away from zero to the
// nearest representable price. It is for sources that print floats, such as
// 79139.90000000001.
func RoundPrice[T string | []byte](s T) (Price, error) {
	v, _, err := parseFixed(s, FixedDigits)
	return checkPrice(s, v, err)
}

func checkPrice[T string | []byte](s T, v int64, err error) (Price, error) {
	if err == nil && (Price(v) > MaxPrice || Price(v) < -MaxPrice) {
		err = ErrRange
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
func PriceOf(d decimal.Decimal) (Price, error) { return ParsePrice(d.String()) }

// Decimal returns the exact decimal value.
func (p Price) Decimal() decimal.Decimal { return decimal.New(int64(p), -FixedDigits) }

// Float64 returns the nearest float, for indicators and statistics only.
func (p Price) Float64() float64 { return float64(p) / fixedUnit }

// String prints the price without trailing zeros.
func (p Price) String() string { return formatFixed(int64(p), FixedDigits) }

// MarshalText implements encoding.TextMarshaler.
func (p Price) MarshalText() ([]byte, error) { return appendFixed(nil, int64(p), FixedDigits), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Price) UnmarshalText(b []byte) (err error) { *p, err = ParsePrice(b); return err }

// MarshalJSON writes a JSON number.
func (p Price) MarshalJSON() ([]byte, error) { return p.MarshalText() }

// UnmarshalJSON reads a JSON number or string.
func (p *Price) UnmarshalJSON(b []byte) (err error) { *p, err = ParsePrice(unquote(b)); return err }

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

// Float64 returns the nearest float, for statistics only.
func (r Ratio) Float64() float64 { return float64(r) / fixedUnit }

// String prints the ratio without trailing zeros.
func (r Ratio) String() string { return formatFixed(int64(r), FixedDigits) }

// MarshalText implements encoding.TextMarshaler.
func (r Ratio) MarshalText() ([]byte, error) { return appendFixed(nil, int64(r), FixedDigits), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Ratio) UnmarshalText(b []byte) (err error) { *r, err = ParseRatio(b); return err }

// MarshalJSON writes a JSON number.
func (r Ratio) MarshalJSON() ([]byte, error) { return r.MarshalText() }

// UnmarshalJSON reads a JSON number or string.
func (r *Ratio) UnmarshalJSON(b []byte) (err error) { *r, err = ParseRatio(unquote(b)); return err }

// parseFixed reads [-]digits[.digits][e[±]digits] as an integer count of
// 10^-scale. A value that needs more places is rounded half away from zero and
// exact is false.
func parseFixed[T string | []byte](s T, scale int) (v int64, exact bool, err error) {
	neg := len(s) > 0 && s[0] == '-'
	if neg || len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	mant, places, rest, lost, err := parseMantissa(s)
	if err != nil {
		return 0, false, err
	}
	exp, err := parseExponent(s[rest:])
	if err != nil {
		return 0, false, err
	}
	mant, cut, err := shiftDecimal(mant, scale-places+exp)
	if err != nil || mant > math.MaxInt64 {
		return 0, false, ErrRange
	}
	v = int64(mant)
	if neg {
		v = -v
	}
	return v, !lost && !cut, nil
}

// parseMantissa reads digits and a point up to rest. Digits after the point
// that do not fit are below any scale; lost tells whether any was not zero.
func parseMantissa[T string | []byte](s T) (mant uint64, places, rest int, lost bool, err error) {
	dot, digits := false, 0
	i := 0
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && !dot {
			dot = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if mant > (math.MaxUint64-9)/10 {
			if !dot {
				return 0, 0, 0, false, ErrRange
			}
			lost = lost || c != '0'
			continue
		}
		mant = mant*10 + uint64(c-'0')
		if dot {
			places++
		}
	}
	if digits == 0 {
		return 0, 0, 0, false, ErrSyntax
	}
	return mant, places, i, lost, nil
}

func parseExponent[T string | []byte](s T) (int, error) {
	if len(s) == 0 {
		return 0, nil
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, ErrSyntax
	}
	exp, err := strconv.Atoi(string(s[1:]))
	if err != nil || exp > 64 || exp < -64 {
		return 0, ErrSyntax
	}
	return exp, nil
}

// shiftDecimal returns m·10^by, rounded half up; cut tells whether anything was
// rounded away.
func shiftDecimal(m uint64, by int) (shifted uint64, cut bool, err error) {
	for ; by > 0 && m != 0; by-- {
		if m > math.MaxInt64/10 {
			return 0, false, ErrRange
		}
		m *= 10
	}
	roundUp := false
	for ; by < 0 && m != 0; by++ {
		d := m % 10
		cut = cut || d != 0
		roundUp = d >= 5 // the last digit dropped decides
		m /= 10
	}
	if by < 0 {
		roundUp = false // more places were dropped than there were digits
	}
	if roundUp {
		m++
	}
	return m, cut, nil
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
	Floor   Rounding = iota // towards zero
	Ceil                    // away from zero
	Nearest                 // to the nearest, halves away from zero
)

// MulDiv returns a·b/c with a 128-bit intermediate, rounded on the magnitude.
// It panics when c is zero or the quotient does not fit an int64; the range
// checks of [Instrument.Validate] exclude both for every value that an order
// or a trade can take.
func MulDiv(a, b, c int64, r Rounding) int64 {
	neg := (a < 0) != (b < 0) != (c < 0)
	hi, lo := bits.Mul64(abs64(a), abs64(b))
	d := abs64(c)
	if d == 0 || hi >= d {
		panic(fmt.Sprintf("exchange: %d·%d/%d overflows", a, b, c))
	}
	q, rem := bits.Div64(hi, lo, d)
	switch r {
	case Ceil:
		if rem > 0 {
			q++
		}
	case Nearest:
		if rem >= d-rem {
			q++
		}
	}
	if q > math.MaxInt64 {
		panic(fmt.Sprintf("exchange: %d·%d/%d overflows", a, b, c))
	}
	if neg {
		return -int64(q)
	}
	return int64(q)
}

func abs64(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
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
