package exchange

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2020-01-01T00:00:00Z":           time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		"2020-01-01T00:00:00.123456789Z": time.Date(2020, 1, 1, 0, 0, 0, 123_456_789, time.UTC),
		"2020-01-01T02:00:00+02:00":      time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		"2020-01-01":                     time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		"2020-01-01T10:11:12":            time.Date(2020, 1, 1, 10, 11, 12, 0, time.UTC),
		"2020-01-01 10:11:12.5":          time.Date(2020, 1, 1, 10, 11, 12, 500_000_000, time.UTC),
		"1969-12-31T23:59:59Z":           time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		got, err := ParseTime(text)
		require.NoError(t, err, text)
		require.Equal(t, TimeOf(want), got, text)
		require.Equal(t, want, got.Std(), text)
	}
	for _, text := range []string{"", "yesterday", "01.02.2020", "2020-13-01", "1577836800"} {
		_, err := ParseTime(text)
		require.ErrorContains(t, err, "want RFC 3339", text)
		require.ErrorContains(t, err, text)
	}
	for _, text := range []string{"1500-01-01", "3000-01-01T00:00:00Z"} {
		_, err := ParseTime(text)
		require.ErrorIs(t, err, ErrRange, "nanoseconds do not reach so far")
	}
}

func TestTimeArithmetic(t *testing.T) {
	at, err := ParseTime("2020-02-29T12:34:56.5Z")
	require.NoError(t, err)
	require.Equal(t, "2020-02-29T12:34:56.5Z", at.String())
	require.Equal(t, "2020-02-29T00:00:00Z", at.Date().String())
	require.Equal(t, "2020-02-29T12:34:00Z", at.Truncate(time.Minute).String())
	require.Equal(t, at.Truncate(time.Minute), at.Truncate(time.Minute).Truncate(time.Minute))
	require.Equal(t, 90*time.Minute, at.Add(90*time.Minute).Sub(at))
	require.Equal(t, Never, Never.Add(time.Hour))
	require.Equal(t, Never, Never.Add(-time.Hour))
	require.Equal(t, "never", Never.String())
	before, err := ParseTime("1969-12-31T23:00:00Z")
	require.NoError(t, err)
	require.Equal(t, "1969-12-31T00:00:00Z", before.Date().String(), "down, also before 1970")
}

func TestTimeText(t *testing.T) {
	type row struct {
		At   Time  `json:"at"`
		None Time  `json:"none,omitzero"`
		End  Time  `json:"end"`
		Ptr  *Time `json:"ptr"`
	}
	var got row
	require.NoError(t, json.Unmarshal([]byte(`{"at": "2020-01-01", "end": "never", "ptr": null}`), &got))
	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, `{"at": "2020-01-01T00:00:00Z", "end": "never", "ptr": null}`, string(text))
	require.NoError(t, json.Unmarshal([]byte(`{"at": ""}`), &got))
	require.Zero(t, got.At)
	require.Error(t, json.Unmarshal([]byte(`{"at": "soon"}`), &got))
	require.Error(t, json.Unmarshal([]byte(`{"at": 5}`), &got))
}

func TestTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := Time(rapid.Int64().Draw(t, "ns"))
		text, err := at.MarshalText()
		require.NoError(t, err)
		var back Time
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, at, back)
		require.Equal(t, at, TimeOf(at.Std()))
	})
}
