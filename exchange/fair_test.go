package exchange

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func at(tb testing.TB, text string) Time {
	tb.Helper()
	v, err := ParseTime(text)
	require.NoError(tb, err)
	return v
}

// Fair prices that the venue showed.
func TestFairPrice(t *testing.T) {
	for _, c := range []struct {
		now, due    string
		index, rate string
		place, want string
	}{
		{"2021-07-22T22:36:05Z", "2021-07-23T04:00:00Z", "32182.72", "0.0001", "0.01", "32184.89"},
		{"2021-07-22T22:36:05Z", "2021-07-23T04:00:00Z", "2003.18", "0.000551", "0.01", "2003.93"},
		{"2021-07-22T22:36:05Z", "2021-07-23T04:00:00Z", "272.95", "0.000812", "0.01", "273.1"},
		{"2021-07-22T22:36:00Z", "2021-07-23T04:00:00Z", "0.05455", "0.0001", "0.00001", "0.05455"}, // less than half a place
		{"2026-05-03T05:01:00Z", "2026-05-03T12:00:00Z", "78176.66", "-0.000024", "0.01", "78175.02"},
		// At the time of funding nothing is left, before the interval everything.
		{"2021-07-23T04:00:00Z", "2021-07-23T04:00:00Z", "32182.72", "0.0001", "0.01", "32182.72"},
		{"2021-07-22T01:00:00Z", "2021-07-23T04:00:00Z", "32182.72", "0.0001", "0.01", "32185.94"},
		{"2021-07-23T05:00:00Z", "2021-07-23T04:00:00Z", "32182.72", "0.0001", "0.01", "32182.72"},
		// From second to second nothing moves, from minute to minute it does.
		{"2021-07-22T22:36:59Z", "2021-07-23T04:00:00Z", "32182720", "0.0001", "0.01", "32184892.33"},
		{"2021-07-22T22:37:00Z", "2021-07-23T04:00:00Z", "32182720", "0.0001", "0.01", "32184885.63"},
	} {
		got := FairPrice(MustPrice(c.index), MustRatio(c.rate), at(t, c.now), at(t, c.due), 8*time.Hour, MustPrice(c.place))
		require.Equal(t, c.want, got.String(), "%s at %s", c.index, c.now)
	}
	require.Equal(t, MaxPrice, FairPrice(MaxPrice, math.MaxInt64/1000, 0, Time(8*time.Hour), 8*time.Hour, 1), "beyond the numbers there is the index")
	require.Equal(t, PriceUnit, FairPrice(PriceUnit, RatioUnit, 0, 0, 0, 1))
	require.Equal(t, MustPrice("0.01"), termsAt(t, "XBTUSD", "2021-07-22").FairPlace())
	require.Equal(t, Price(1), (&Terms{TickSize: 1}).FairPlace())
}

func TestFairFuture(t *testing.T) {
	now := at(t, "2021-07-22T22:36:05Z")
	for _, c := range []struct{ symbol, index, mid, expiry, want string }{
		{"XBTU21", "32182.72", "32337", "2021-09-24T12:00:00Z", "32350.84"},
		{"XBTZ21", "32182.72", "32645", "2021-12-31T12:00:00Z", "32610.07"},
		{"XBTEURU21", "27462.63", "27415.25", "2021-09-24T12:00:00Z", "27414.81"},
		{"ETHUSDU21", "2003.18", "2232.825", "2021-09-24T12:00:00Z", "2233.4"},
	} {
		require.Equal(t, c.want, FairFuture(MustPrice(c.index), MustPrice(c.mid), now, at(t, c.expiry), MustPrice("0.01")).String(), c.symbol)
	}
	require.Equal(t, PriceUnit, FairFuture(PriceUnit, 2*PriceUnit, now, now, 1), "it has expired")
	require.Zero(t, FairFuture(0, PriceUnit, now, now+1, 1))
	require.Equal(t, PriceUnit, FairFuture(PriceUnit, MaxPrice, now, now.Add(time.Second), 1), "beyond the numbers there is the index")
}

// Every contract that was open on 2021-07-22 is marked as the venue marked it.
func TestFairPricesOf2021(t *testing.T) {
	var rows []struct {
		Symbol, FairMethod string
		TickSize           json.Number
		Fair               json.Number `json:"fairPrice"`
		Mark               json.Number `json:"markPrice"`
		Mid                json.Number `json:"impactMidPrice"`
		Settle             json.Number `json:"indicativeSettlePrice"`
		Rate               json.Number `json:"fundingRate"`
		Due                Time        `json:"fundingTimestamp"`
		Expiry             Time        `json:"expiry"`
		Now                Time        `json:"timestamp"`
	}
	require.NoError(t, json.NewDecoder(openShared(t, "bitmex/instrument-active-2021-07-22.json")).Decode(&rows))
	require.Len(t, rows, 34)
	number := func(n json.Number) Price {
		v, err := RoundPrice(n.String())
		require.NoError(t, err)
		return v
	}
	for _, row := range rows {
		t.Run(row.Symbol, func(t *testing.T) {
			require.Equal(t, row.Fair, row.Mark)
			// The venue's minTick of that day is not in the rows: it is the place of the
			// tick, and finer for those of the currencies that others are quoted in.
			place := leadingPlace(number(row.TickSize))
			if strings.HasPrefix(row.Symbol, "XBT") || row.Symbol == "XRPUSD" {
				place = leadingPlace(number(row.TickSize)) / 10
			}
			var got Price
			if row.FairMethod == "FundingRate" {
				rate, err := RoundRatio(row.Rate.String())
				require.NoError(t, err)
				now := row.Now
				if row.Symbol == "XRPUSD" {
					now = now.Add(-time.Minute) // it still has what was added in the minute before
				}
				got = FairPrice(number(row.Settle), rate, now, row.Due, 8*time.Hour, place)
			} else {
				got = FairFuture(number(row.Settle), number(row.Mid), row.Now, row.Expiry, place)
			}
			require.Equal(t, number(row.Fair).String(), got.String())
		})
	}
}
