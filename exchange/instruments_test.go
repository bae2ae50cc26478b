package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBuiltinInstruments(t *testing.T) {
	set := builtin(t)
	require.GreaterOrEqual(t, set.Len(), 80)
	require.Len(t, set.All(), set.Len())
	for n, i := range set.All() {
		require.Equal(t, SymbolID(n), i.ID)
		require.Same(t, i, set.Get(i.ID))
		require.NoError(t, i.Validate())
		require.Equal(t, CanonicalVenue(i.Venue), i.Venue)
		require.NotEmpty(t, i.Underlying, i.Name())
		require.NotEmpty(t, i.Quote, i.Name())
		for _, terms := range i.Terms {
			require.Equal(t, i.Kind, terms.Kind)
			require.Equal(t, i.Multiplier, terms.Multiplier)
			require.Equal(t, i.Divisor, terms.Divisor)
			require.Positive(t, terms.InitMargin, i.Name())
			require.Zero(t, terms.MaxQty%terms.LotSize, i.Name())
		}
		if i.Venue == "binance-delivery" {
			require.Equal(t, Inverse, i.Kind)
			require.Equal(t, i.Underlying+"USD_PERP", i.Symbol)
			require.Equal(t, i.Underlying, i.Settle.Code, "settled in the coin")
			size := int64(10)
			if i.Underlying == "BTC" {
				size = 100
			}
			require.Equal(t, size*100_000_000, i.Multiplier, i.Name())
		}
	}
}

// Terms as they were on the day, one row per change that the venue made.
func TestDatedTerms(t *testing.T) {
	for _, c := range []struct {
		symbol, at  string
		tick        string
		lot         Qty
		maker       string
		taker       string
		init, maint string
	}{
		{"XBTUSD", "2016-06-01", "0.01", 1, "-0.00025", "0.00075", "0.01", "0.005"},
		{"XBTUSD", "2017-03-31T11:59:59Z", "0.01", 1, "-0.00025", "0.00075", "0.01", "0.005"},
		{"XBTUSD", "2017-03-31T12:00:00Z", "0.1", 1, "-0.00025", "0.00075", "0.01", "0.005"},
		{"XBTUSD", "2017-11-09T18:00:00Z", "0.5", 1, "-0.00025", "0.00075", "0.01", "0.005"},
		{"XBTUSD", "2019-01-01", "0.5", 1, "-0.00025", "0.00075", "0.01", "0.005"},
		{"XBTUSD", "2020-04-16T23:59:59Z", "0.5", 1, "-0.00025", "0.00075", "0.01", "0.005"},
		{"XBTUSD", "2020-04-17", "0.5", 1, "-0.00025", "0.00075", "0.01", "0.0045"},
		{"XBTUSD", "2020-05-05", "0.5", 1, "-0.00025", "0.00075", "0.01", "0.004"},
		{"XBTUSD", "2020-12-31T23:59:59Z", "0.5", 1, "-0.00025", "0.00075", "0.01", "0.004"},
		{"XBTUSD", "2021-06-08T04:30:00Z", "0.5", 100, "-0.00025", "0.00075", "0.01", "0.004"},
		{"XBTUSD", "2021-07-22", "0.5", 100, "-0.00025", "0.00075", "0.01", "0.0035"},
		{"XBTUSD", "2021-08-18", "0.5", 100, "-0.0001", "0.0005", "0.01", "0.0035"},
		{"XBTUSD", "2023-01-17", "0.5", 100, "0.0002", "0.00075", "0.01", "0.0035"},
		{"XBTUSD", "2024-03-19", "0.5", 100, "0.0002", "0.00075", "0.01", "0.005"},
		{"XBTUSD", "2024-07-31T04:00:00Z", "0.1", 100, "0.0002", "0.00075", "0.01", "0.005"},
		{"XBTUSD", "2024-11-24", "0.1", 100, "0.0005", "0.0005", "0.01", "0.005"},
		{"ETHUSD", "2019-01-01", "0.05", 1, "-0.00025", "0.00075", "0.02", "0.01"},
		{"ETHUSD", "2020-04-17", "0.05", 1, "-0.00025", "0.00075", "0.02", "0.009"},
		{"ETHUSD", "2020-05-05", "0.05", 1, "-0.00025", "0.00075", "0.02", "0.008"},
		{"ETHUSD", "2021-07-22", "0.05", 1, "-0.00025", "0.00075", "0.01", "0.005"},
		{"ETHUSD", "2024-07-31T04:00:00Z", "0.01", 1, "0.0002", "0.00075", "0.01", "0.005"},
		{"XBTUSDT", "2026-05-03", "0.1", 100, "0.0005", "0.0005", "0.01", "0.005"},
		{"ETHUSDT", "2026-05-03", "0.01", 1000, "0.0005", "0.0005", "0.01", "0.005"},
		{"XBT_USDT", "2026-05-03", "0.5", 1000, "0.0005", "0.0005", "1", "1"},
	} {
		terms := termsAt(t, c.symbol, c.at)
		name := c.symbol + " " + c.at
		require.Equal(t, c.tick, terms.TickSize.String(), name)
		require.Equal(t, c.lot, terms.LotSize, name)
		require.Equal(t, c.maker, terms.MakerFee.String(), name)
		require.Equal(t, c.taker, terms.TakerFee.String(), name)
		require.Equal(t, c.init, terms.InitMargin.String(), name)
		require.Equal(t, c.maint, terms.MaintMargin.String(), name)
	}
}

func TestTermsAtBoundaries(t *testing.T) {
	i := &Instrument{Terms: []Terms{{From: 100, LotSize: 1}, {From: 200, LotSize: 2}, {From: 300, LotSize: 3}}}
	for _, c := range []struct {
		at   Time
		lot  Qty
		next Time
	}{
		{math.MinInt64, 1, 200},
		{0, 1, 200}, // the first holds before its start
		{199, 1, 200},
		{200, 2, 300},
		{299, 2, 300},
		{300, 3, Never},
		{Never, 3, Never},
	} {
		require.Equal(t, c.lot, i.At(c.at).LotSize, "at %d", c.at)
		require.Equal(t, c.next, i.NextChange(c.at), "after %d", c.at)
	}
}

func TestNextFunding(t *testing.T) {
	at := func(s string) Time {
		v, err := ParseTime(s)
		require.NoError(t, err)
		return v
	}
	set := builtin(t)
	for _, c := range []struct{ venue, symbol, after, want string }{
		{"bitmex", "XBTUSD", "2020-01-01T00:00:00Z", "2020-01-01T04:00:00Z"},
		{"bitmex", "XBTUSD", "2020-01-01T03:59:59.999999999Z", "2020-01-01T04:00:00Z"},
		{"bitmex", "XBTUSD", "2020-01-01T04:00:00Z", "2020-01-01T12:00:00Z"},
		{"bitmex", "XBTUSD", "2020-01-01T20:00:00Z", "2020-01-02T04:00:00Z"},
		{"bitmex", "XBTUSD", "1969-12-31T23:00:00Z", "1970-01-01T04:00:00Z"},
		{"binance-delivery", "BTCUSD_PERP", "2020-01-01T00:00:00Z", "2020-01-01T08:00:00Z"},
		{"binance-delivery", "BTCUSD_PERP", "2020-01-01T23:59:59Z", "2020-01-02T00:00:00Z"},
	} {
		i, err := set.Lookup(c.venue, c.symbol)
		require.NoError(t, err)
		require.Equal(t, c.want, i.NextFunding(at(c.after)).String(), "%s after %s", c.symbol, c.after)
		require.Equal(t, Never, i.NextFunding(Never))
		require.Equal(t, Never, i.NextFunding(Never-1))
	}
	dated, err := set.Lookup("bitmex", "XBTU21")
	require.NoError(t, err)
	require.Equal(t, Never, dated.NextFunding(0), "a dated future has no funding")
}

func TestLookup(t *testing.T) {
	set := builtin(t)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	require.Equal(t, "bitmex:XBTUSD", i.Name())
	for _, venue := range []string{"Binance", "binance-delivery", "binance-coinm", "BINANCE-DAPI"} {
		i, err = set.Lookup(venue, "BTCUSD_PERP")
		require.NoError(t, err, venue)
		require.Equal(t, "binance-delivery:BTCUSD_PERP", i.Name())
	}
	for _, c := range []struct {
		venue, symbol string
		near          []string
	}{
		{"bitmex", "BTCUSD", []string{"bitmex:XBTUSD"}},
		{"bitmex", "xbtusd", []string{"bitmex:XBTUSD"}},
		{"kraken", "XBTUSD", []string{"bitmex:XBTUSD"}},
		{"binance", "XBTUSD_PERP", []string{"binance-delivery:BTCUSD_PERP"}},
		{"bitmex", "XBTM22", []string{"bitmex:XBTEUR", "bitmex:XBTEURU21", "bitmex:XBTU21", "bitmex:XBTUSD", "bitmex:XBTUSDT"}},
		{"bitmex", "ZZZ", nil},
		{"bitmex", "", nil},
	} {
		_, err := set.Lookup(c.venue, c.symbol)
		require.ErrorIs(t, err, ErrUnknownSymbol)
		var unknown *UnknownSymbolError
		require.ErrorAs(t, err, &unknown)
		require.Subset(t, unknown.Near, c.near, "%s:%s", c.venue, c.symbol)
		require.LessOrEqual(t, len(unknown.Near), 5)
		require.True(t, slices.IsSorted(unknown.Near))
		require.ErrorContains(t, err, c.symbol)
		require.ErrorContains(t, err, "--instruments FILE")
		if len(c.near) == 0 {
			require.NotContains(t, err.Error(), "did you mean")
		}
	}
	_, err = new(Instruments).Lookup("bitmex", "XBTUSD")
	require.ErrorIs(t, err, ErrUnknownSymbol)
}

func TestInstrumentsRoundTrip(t *testing.T) {
	set := builtin(t)
	text, err := json.Marshal(set.All())
	require.NoError(t, err)
	back := new(Instruments)
	require.NoError(t, back.Load(bytes.NewReader(text)))
	require.Equal(t, set.All(), back.All())
	again, err := json.Marshal(back.All())
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
	for _, i := range set.All() {
		require.NotContains(t, string(text), "0001-01-01")
		one, err := json.Marshal(i)
		require.NoError(t, err)
		require.Contains(t, string(text), string(one))
	}
}

// Loading over the built-in set replaces what it names and keeps the id.
func TestLoadOverrides(t *testing.T) {
	set := builtin(t)
	n := set.Len()
	old, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	id := old.ID
	require.NoError(t, set.Load(strings.NewReader("["+document(nil)+","+document(map[string]string{"symbol": `"NEWUSD"`})+"]")))
	require.Equal(t, n+1, set.Len())
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	require.Equal(t, id, i.ID)
	require.Same(t, i, set.Get(id))
	require.Equal(t, Qty(10), i.At(0).LotSize)
	require.Equal(t, int64(1), i.Divisor, "by default")
	require.Equal(t, int64(1), i.ContractsPerUnit, "by default")
	added, err := set.Lookup("bitmex", "NEWUSD")
	require.NoError(t, err)
	require.Equal(t, SymbolID(n), added.ID)
	// A later entry of the terms keeps what it does not change.
	require.Len(t, i.Terms, 2)
	require.Equal(t, MustPrice("0.1"), i.Terms[1].TickSize)
	require.Equal(t, i.Terms[0].TakerFee, i.Terms[1].TakerFee)
}

// document returns an instrument file's object with some fields replaced, or
// left out when they are empty. A field of the first terms starts with "terms.".
func document(change map[string]string) string {
	fields := map[string]string{
		"venue": `"bitmex"`, "symbol": `"XBTUSD"`, "kind": `"inverse"`, "underlying": `"XBT"`, "quote": `"USD"`,
		"settle": `{"code": "XBt", "major": "XBT", "scale": 8}`, "multiplier": "100000000",
		"fundingInterval": `"8h"`, "fundingOffset": `"4h"`,
	}
	terms := map[string]string{
		"tickSize": "0.5", "lotSize": "10", "makerFee": "0", "takerFee": "0.00075", "initMargin": "0.01", "maintMargin": "0.005",
		"maxQty": "10000000", "maxPrice": "1000000",
	}
	later := `{"from": "2020-01-01", "tickSize": 0.1}`
	for name, value := range change {
		if term, ok := strings.CutPrefix(name, "terms."); ok {
			terms[term] = value
		} else if name == "later" {
			later = value
		} else {
			fields[name] = value
		}
	}
	if _, ok := change["terms"]; !ok {
		fields["terms"] = "[" + object(terms) + "," + later + "]"
	}
	return object(fields)
}

func object(fields map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if fields[name] != "" {
			out = append(out, fmt.Sprintf("%q: %s", name, fields[name]))
		}
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func TestLoadNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		change map[string]string
		field  string
		reason string
	}{
		{map[string]string{"venue": ""}, "venue", "must not be empty"},
		{map[string]string{"symbol": `""`}, "symbol", "must not be empty"},
		{map[string]string{"symbol": `7`}, "symbol", "want a string, not a number"},
		{map[string]string{"kind": ""}, "kind", "want inverse, quanto, linear or spot"},
		{map[string]string{"kind": `"perpetual"`}, "kind", "want one of inverse"},
		{map[string]string{"settle": ""}, "settle.code", "must not be empty"},
		{map[string]string{"settle": `"XBt"`}, "settle", "want an object"},
		{map[string]string{"settle": `{"code": "XBt", "scale": 13}`}, "settle.scale", "want 0 to 12"},
		{map[string]string{"settle": `{"code": "XBt", "scale": "8"}`}, "settle.scale", "want a"},
		{map[string]string{"settle": `{"code": "XBt", "scales": 8}`}, "settle.scales", "unknown field"},
		{map[string]string{"multiplier": ""}, "multiplier", "must be positive"},
		{map[string]string{"multiplier": "-5"}, "multiplier", "must be positive"},
		{map[string]string{"multiplier": "1.5"}, "multiplier", "want a whole number"},
		{map[string]string{"multiplier": `"5"`}, "multiplier", "want a whole number"},
		{map[string]string{"multiplier": "9223372036854775807"}, "multiplier", "overflows"},
		{map[string]string{"divisor": "-1"}, "divisor", "want 1 to"},
		{map[string]string{"divisor": "1000000000"}, "divisor", "want 1 to"},
		{map[string]string{"divisor": "100000"}, "divisor", "overflows times maxPrice"},
		{map[string]string{"contractsPerUnit": "-1"}, "contractsPerUnit", "must be positive"},
		{map[string]string{"listing": `"2020-01-01"`, "expiry": `"2019-01-01"`}, "expiry", "must be after listing"},
		{map[string]string{"expiry": `"someday"`}, "expiry", "want RFC 3339"},
		{map[string]string{"fundingInterval": `"8 hours"`}, "fundingInterval", "want a duration, such as 8h"},
		{map[string]string{"fundingInterval": `"-8h"`}, "fundingInterval", "want 1m to 24h"},
		{map[string]string{"fundingInterval": `"1ns"`}, "fundingInterval", "want 1m to 24h"},
		{map[string]string{"fundingInterval": `"1us"`}, "fundingInterval", "want 1m to 24h"},
		{map[string]string{"fundingInterval": `"59.999999999s"`}, "fundingInterval", "want 1m to 24h"},
		{map[string]string{"fundingInterval": `"25h"`}, "fundingInterval", "want 1m to 24h"},
		{map[string]string{"fundingOffset": `"25h"`}, "fundingOffset", "want 0 to 24h"},
		{map[string]string{"tick": "1"}, "tick", "unknown field"},
		{map[string]string{"terms": "[]"}, "terms", "want at least one entry"},
		{map[string]string{"terms": "5"}, "terms", "want a list of objects"},
		{map[string]string{"terms": "[5]"}, "terms[0]", "want an object"},
		{map[string]string{"terms.tickSize": ""}, "terms[0].tickSize", "must be positive"},
		{map[string]string{"terms.tickSize": `"half"`}, "terms[0].tickSize", "not a decimal number"},
		{map[string]string{"terms.tickSize": "0.00000000001"}, "terms[0].tickSize", "more decimal places"},
		{map[string]string{"terms.lotSize": "0"}, "terms[0].lotSize", "must be positive"},
		{map[string]string{"terms.lotSize": "0.5"}, "terms[0].lotSize", "want a whole number"},
		{map[string]string{"terms.lot": "5"}, "terms[0].lot", "unknown field"},
		{map[string]string{"terms.makerFee": "-0.2"}, "terms[0].makerFee", "within 10 %"},
		{map[string]string{"terms.takerFee": "0.2"}, "terms[0].takerFee", "within 10 %"},
		{map[string]string{"terms.settleFee": "0.2"}, "terms[0].settleFee", "within 10 %"},
		{map[string]string{"terms.initMargin": "1.1"}, "terms[0].initMargin", "want 0 to 1"},
		{map[string]string{"terms.initMargin": "-0.1"}, "terms[0].initMargin", "want 0 to 1"},
		{map[string]string{"terms.maintMargin": "0.02"}, "terms[0].maintMargin", "want 0 to initMargin"},
		{map[string]string{"terms.maintMargin": "-0.02"}, "terms[0].maintMargin", "want 0 to initMargin"},
		{map[string]string{"terms.riskLimit": "-1"}, "terms[0].riskLimit", "must not be negative"},
		{map[string]string{"terms.riskStep": "-1"}, "terms[0].riskStep", "must not be negative"},
		{map[string]string{"terms.maxQty": ""}, "terms[0].maxQty", "must be at least a lot"},
		{map[string]string{"terms.maxQty": "15000000000", "later": `{"from": "2020-01-01", "lotSize": 5}`}, "terms[0].maxQty", "at price 0.5 overflows"},
		{map[string]string{"terms.maxPrice": ""}, "terms[0].maxPrice", "want between a tick and 99999999"},
		{map[string]string{"terms.maxPrice": "1e9"}, "terms[0].maxPrice", "out of range"},
		{map[string]string{"terms.minPrice": "-1"}, "terms[0].minPrice", "want between 0 and maxPrice"},
		{map[string]string{"terms.minPrice": "2000000"}, "terms[0].minPrice", "want between 0 and maxPrice"},
		{map[string]string{"later": `{"tickSize": 0.1}`}, "terms[1].from", "must be after that of the entry before"},
		{map[string]string{"later": `{"from": "2020-01-01", "tickSize": -1}`}, "terms[1].tickSize", "must be positive"},
		{map[string]string{"later": `{"from": "2020-01-01", "tickSize": "?"}`}, "terms[1].tickSize", "not a decimal number"},
		{map[string]string{"kind": `"linear"`, "terms.maxQty": "1000000000000"}, "terms[0].maxQty", "at price 1000000 overflows"},
	} {
		t.Run(fmt.Sprint(c.change), func(t *testing.T) {
			set := new(Instruments)
			good := document(map[string]string{"symbol": `"GOOD"`})
			err := set.Load(strings.NewReader("[" + good + ",\n" + document(c.change) + "]"))
			requireField(t, c.field, err)
			require.ErrorContains(t, err, c.reason)
			require.ErrorContains(t, err, "instruments: entry 1: ")
			if c.field != "venue" && c.field != "symbol" {
				require.ErrorContains(t, err, "bitmex:XBTUSD: ")
			}
			require.Zero(t, set.Len(), "all or nothing")
		})
	}
}

func TestLoadRefusesOtherDocuments(t *testing.T) {
	for text, want := range map[string]string{
		"":       "byte 0: want a list of objects: EOF",
		"{}":     "want a list of objects",
		"[":      "want a list of objects: unexpected EOF",
		"[{]":    "want a list of objects: invalid character ']'",
		"[] []":  "data after the list",
		"[5]":    `entry 0: "5": want an object`,
		"[null]": "venue",
		"[" + document(nil) + "," + document(nil) + "]": `entry 1: bitmex:XBTUSD: symbol "XBTUSD": appears twice`,
	} {
		err := new(Instruments).Load(strings.NewReader(text))
		require.ErrorContains(t, err, "instruments: ", text)
		require.ErrorContains(t, err, want, text)
	}
	long := document(map[string]string{"kind": `"` + strings.Repeat("é", 1000) + `"`})
	err := new(Instruments).Load(strings.NewReader("[" + long + "]"))
	var bad *ValidationError
	require.ErrorAs(t, err, &bad)
	require.Less(t, len(bad.Value), 100, "a value is quoted in part when it is long")
	require.ErrorContains(t, new(Instruments).Load(errorReader{}), "disk on fire")
	require.NoError(t, new(Instruments).Load(strings.NewReader("[]")))
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestAddRefusesTooMany(t *testing.T) {
	set := new(Instruments)
	base := *builtin(t).Get(0)
	for n := range math.MaxUint16 + 1 {
		i := base
		i.Symbol = fmt.Sprint("S", n)
		require.NoError(t, set.Add(&i))
	}
	last := base
	require.Error(t, set.Add(&last))
	again := base
	again.Symbol = "S7"
	require.NoError(t, set.Add(&again), "replacing needs no room")
	require.Equal(t, SymbolID(7), again.ID)
}

func TestCanonicalVenue(t *testing.T) {
	for name, want := range map[string]string{
		"BitMEX": "bitmex", "binance": "binance-delivery", "Binance-Delivery": "binance-delivery", "deribit": "deribit", "": "",
	} {
		require.Equal(t, want, CanonicalVenue(name))
	}
}

// The instruments that were active on 2021-07-22, as the venue itself described
// them.
func TestInstrumentsOf2021(t *testing.T) {
	var rows []struct {
		Symbol          string      `json:"symbol"`
		Typ             string      `json:"typ"`
		Listing         Time        `json:"listing"`
		Expiry          Time        `json:"expiry"`
		Underlying      string      `json:"underlying"`
		Quote           string      `json:"quoteCurrency"`
		Settle          string      `json:"settlCurrency"`
		Inverse         bool        `json:"isInverse"`
		Quanto          bool        `json:"isQuanto"`
		Multiplier      int64       `json:"multiplier"`
		Tick            Price       `json:"tickSize"`
		Lot             Qty         `json:"lotSize"`
		MaxQty          Qty         `json:"maxOrderQty"`
		MaxPrice        Price       `json:"maxPrice"`
		MakerFee        Ratio       `json:"makerFee"`
		TakerFee        Ratio       `json:"takerFee"`
		SettleFee       Ratio       `json:"settlementFee"`
		InitMargin      Ratio       `json:"initMargin"`
		MaintMargin     Ratio       `json:"maintMargin"`
		RiskLimit       Money       `json:"riskLimit"`
		RiskStep        Money       `json:"riskStep"`
		FundingTime     Time        `json:"fundingTimestamp"`
		FundingInterval *time.Time  `json:"fundingInterval"`
		MarkPrice       json.Number `json:"markPrice"`
		OpenInterest    Qty         `json:"openInterest"`
		OpenValue       Money       `json:"openValue"`
	}
	require.NoError(t, json.NewDecoder(openShared(t, "bitmex/instrument-active-2021-07-22.json")).Decode(&rows))
	require.Len(t, rows, 34)
	set := builtin(t)
	day, err := ParseTime("2021-07-22T22:36:00Z")
	require.NoError(t, err)
	for _, row := range rows {
		t.Run(row.Symbol, func(t *testing.T) {
			i, err := set.Lookup("bitmex", row.Symbol)
			require.NoError(t, err)
			kind := Linear
			switch {
			case row.Inverse:
				kind = Inverse
			case row.Quanto:
				kind = Quanto
			}
			require.Equal(t, []any{kind, row.Typ, row.Underlying, row.Quote, row.Settle, row.Listing, row.Expiry},
				[]any{i.Kind, i.Typ, i.Underlying, i.Quote, i.Settle.Code, i.Listing, i.Expiry})
			require.Equal(t, max(row.Multiplier, -row.Multiplier), i.Multiplier, "multiplier")

			got := i.At(day)
			want := Terms{
				From: got.From, TickSize: row.Tick, LotSize: row.Lot, MakerFee: row.MakerFee, TakerFee: row.TakerFee, SettleFee: row.SettleFee,
				InitMargin: row.InitMargin, MaintMargin: row.MaintMargin, RiskLimit: row.RiskLimit, RiskStep: row.RiskStep,
				MaxQty: row.MaxQty, MaxPrice: row.MaxPrice, Kind: kind, Multiplier: i.Multiplier, Divisor: 1,
			}
			require.Equal(t, want, *got)

			if row.FundingInterval != nil {
				require.Equal(t, time.Duration(row.FundingInterval.Hour())*time.Hour, i.FundingInterval)
				require.Equal(t, row.FundingTime, i.NextFunding(day))
			} else {
				require.Equal(t, Never, i.NextFunding(day))
			}

			mark, err := RoundPrice(row.MarkPrice.String())
			require.NoError(t, err)
			require.Equal(t, row.OpenValue, got.Value(row.OpenInterest, mark), "openValue of %d at %s", row.OpenInterest, mark)
		})
	}
}

// The example of the documentation is a file that loads.
func TestDocumentedExample(t *testing.T) {
	page, err := os.ReadFile("../docs/instruments.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(page), "```json\n")
	require.True(t, ok)
	example, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	set := new(Instruments)
	require.NoError(t, set.Load(strings.NewReader(example)))
	require.Equal(t, 1, set.Len())
	require.Equal(t, Qty(100), set.Get(0).At(Never).LotSize)
}
