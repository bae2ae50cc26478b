package importer

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

func TestParseStamp(t *testing.T) {
	for _, text := range []string{
		"2018-12-05D00:00:25.948313000", "2018-12-05T00:00:25.948313Z", "2018-12-05 00:00:25.948313+00:00", "2018-12-05T00:00:25.948313",
	} {
		got, ok := parseStamp([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, "2018-12-05T00:00:25.948313Z", got.String())
	}
	for _, text := range []string{
		"", "2018-12-05", "2018-12-05T00:00", "2018-12-05x00:00:25", "2018-00-05T00:00:25", "2018-02-29T00:00:25", "2018-04-31T00:00:25",
		"2018-12-05T24:00:25", "2018-12-05T00:60:25", "2018-12-05T00:00:60", "2018-12-05T00:00:25.", "2018-12-05T00:00:25.0123456789",
		"2018-12-05T00:00:25+01:00", "2018-12-05T00:00:25 UTC", "1969-12-31T23:59:59", "2262-01-01T00:00:00", "2o18-12-05T00:00:25",
		"2018-12-05T00:00:-5", "1900-02-29T00:00:25",
	} {
		_, ok := parseStamp([]byte(text))
		require.False(t, ok, text)
	}
}

func TestParseStampIsTimeParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 9_214_646_399).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		text := at.Format(rapid.SampledFrom([]string{time.RFC3339Nano, "2006-01-02D15:04:05.000000000"}).Draw(t, "layout"))
		got, ok := parseStamp([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, exchange.TimeOf(at), got)
	})
}

func TestParseMicros(t *testing.T) {
	got, ok := parseMicros([]byte("1723161257679001"))
	require.True(t, ok)
	require.Equal(t, "2024-08-08T23:54:17.679001Z", got.String())
	for _, text := range []string{"", "0", "1723161257", "1723161257679", "1723161257679001000", "172316125767900x", "-723161257679001", "0723161257679001", "9999999999999999"} {
		_, ok := parseMicros([]byte(text))
		require.False(t, ok, text)
	}
}

// TestContracts compares with exact decimals.
func TestContracts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perUnit := rapid.SampledFrom([]int64{1, 10, 1000, 3, 1 << 20, 100_000_000, math.MaxInt64}).Draw(t, "per unit")
		amount := decimal.New(rapid.Int64().Draw(t, "mantissa"), rapid.Int32Range(-12, 4).Draw(t, "exponent"))
		got, err := contracts([]byte(amount.String()), perUnit)
		want := amount.Mul(decimal.NewFromInt(perUnit))
		if err == nil {
			require.True(t, want.Equal(decimal.NewFromInt(int64(got))), "%s × %d = %d", amount, perUnit, got)
			return
		}
		// What is refused is no whole number, or near the limits.
		tooLarge := want.Abs().GreaterThan(decimal.New(1, 17)) || amount.Abs().GreaterThan(decimal.New(9, 8))
		tooFine := amount.Exponent() < -exchange.FixedDigits
		require.True(t, !want.IsInteger() || tooLarge || tooFine, "%s × %d: %v", amount, perUnit, err)
	})
	_, err := contracts([]byte("0.5"), 1)
	require.ErrorIs(t, err, errWhole)
	_, err = contracts([]byte("10"), math.MaxInt64)
	require.ErrorIs(t, err, errContracts)
	_, err = contracts([]byte("1.5"), math.MaxInt64-1)
	require.ErrorIs(t, err, errContracts)
	_, err = contracts([]byte("1,5"), 10)
	require.ErrorIs(t, err, exchange.ErrSyntax)
}

func TestTooManySymbols(t *testing.T) {
	var b strings.Builder
	b.WriteString(quoteHeader)
	for i := range maxMarkets + 1 {
		b.WriteString("2019-04-19T00:00:00.000Z,X" + decimal.NewFromInt(int64(i)).String() + ",1,1,2,2\n")
	}
	_, _, err := read(t, "quotes.csv", b.String(), Options{})
	require.ErrorContains(t, err, "more than 65536 symbols")
}
