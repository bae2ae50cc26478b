package importer

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	bars    = "timestamp,symbol,open,high,low,close,volume,trades,turnover\n"
	deals   = "timestamp,symbol,side,size,price,grossValue\n"
	tardisA = "exchange,symbol,timestamp,local_timestamp,"
	levels  = tardisA + "is_snapshot,side,price,amount\n"
	tops    = tardisA + "ask_amount,ask_price,bid_price,bid_amount\n"
	prints  = tardisA + "id,side,price,amount\n"
	tickers = tardisA + "funding_timestamp,funding_rate,index_price,mark_price\n"
	who     = "bitmex,XBTUSD,1584000000000000,1584000000010000,"
)

// TestBadCells has a row for every way in which a cell can be wrong.
func TestBadCells(t *testing.T) {
	for _, c := range []struct{ header, row, want string }{
		{bars, "2020-01-01T00:01:00Z,,1,1,1,1,1,1,1", `column symbol "": empty`},
		{bars, "2020-01-01T00:01:00Z,X\tY,1,1,1,1,1,1,1", `column symbol "X\tY": not a name`},
		{bars, "2020-01-01T00:01:00Z,X\xff,1,1,1,1,1,1,1", `column symbol "X\xff": not a name`},
		{bars, "yesterday,XBTUSD,1,1,1,1,1,1,1", `column timestamp "yesterday": not a UTC time such as 2024-01-15T00:00:00.000Z`},
		{bars, "2020-01-01T00:01:00.5Z,XBTUSD,1,1,1,1,1,1,1", `column timestamp "2020-01-01T00:01:00.5Z": not the end of a bar of 1m0s`},
		{bars, "1970-01-01T00:00:00Z,XBTUSD,1,1,1,1,1,1,1", `column timestamp "1970-01-01T00:00:00Z": not the end of a bar of 1m0s`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,,1,1,1,1", `column low "": empty`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,-1,1,1,1,1,1", `column high "-1": must be greater than 0`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1e30,1,1,1,1,1", `column high "1e30": number out of range`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1e-11,1,1,1,1,1,1", `column open "1e-11": must be greater than 0`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,,1,1", `column volume "": empty`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,1,1.5,1", `column trades "1.5": more decimal places than can be represented`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,1,-1,1", `column trades "-1": must not be negative`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,1,1,x", `column turnover "x": not a decimal number`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,1,1", `8 columns, want 9`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,1,1,1,1", `10 columns, want 9`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,1,1," + strings.Repeat("9", 100), `column turnover "` + strings.Repeat("9", 64) + `": number out of range`},
		{deals, "2020-01-01D00:01:00,XBTUSD,,1,1,1", `column side "": empty`},

		// What the terms of the instrument cannot value.
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,0.0000001,1,1,1,1",
			`column low "0.0000001": want a price from 0.01 to 1000000`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,0.00000001,1,1,1,1,1,1",
			`column open "0.00000001": want a price from 0.01 to 1000000`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1000001,1,1,1,1,1", `column high "1000001": want a price from 0.01 to 1000000`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,9223372036854775807,1,1",
			`column volume "9223372036854775807": too many contracts: their value at 1 is beyond what can be counted`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,1,9223372036854775807,1",
			`column trades "9223372036854775807": want 0 to 9007199254740992`},
		{bars, "2020-01-01T00:01:00Z,XBTUSD,1,1,1,1,1,1,9223372036854775807",
			`column turnover "9223372036854775807": want 0 to 1152921504606846975`},
		{bars, "2020-01-01T00:01:00Z,NOBODY,1,1,1,1,9223372036854775807,1,1",
			`column volume "9223372036854775807": too many contracts: their value at 1 is beyond what can be counted`},
		{deals, "2020-01-01D00:01:00,XBTUSD,Buy,1,0.001,1", `column price "0.001": want a price from 0.01 to 1000000`},
		{deals, "2020-01-01D00:01:00,XBTUSD,Buy,9223372036854775807,7000,1",
			`column size "9223372036854775807": too many contracts: their value at 7000 is beyond what can be counted`},
		{deals, "2020-01-01D00:01:00,XBTUSD,Buy,9007199254740992,7000,1",
			`column size "9007199254740992": too many contracts: their value at 7000 is beyond what can be counted`},
		{quoteHeader, "2020-01-01D00:01:00,XBTUSD,1,0.00000001,1,1",
			`column bidPrice "0.00000001": want a price from 0.01 to 1000000`},
		{quoteHeader, "2020-01-01D00:01:00,XBTUSD,1,1,1,9223372036854775807",
			`column askSize "9223372036854775807": too many contracts: their value at 1 is beyond what can be counted`},
		{levels, who + "true,bid,0.0000001,1", `column price "0.0000001": want a price from 0.01 to 1000000`},
		{levels, who + "true,ask,1,9223372036854775807",
			`column amount "9223372036854775807": too many contracts: their value at 1 is beyond what can be counted`},
		{tops, who + "1,99999999,1,1", `column ask_price "99999999": want a price from 0.01 to 1000000`},
		{tops, who + "1,1,1,9223372036854775807",
			`column bid_amount "9223372036854775807": too many contracts: their value at 1 is beyond what can be counted`},
		{prints, who + "1,buy,0.001,1", `column price "0.001": want a price from 0.01 to 1000000`},
		{prints, who + "1,buy,1,9223372036854775807",
			`column amount "9223372036854775807": too many contracts: their value at 1 is beyond what can be counted`},
		{prints, "bitmex,XBTUSD,1584000000000000,1684000000010000,1,buy,1,1",
			`column local_timestamp "1684000000010000": want a time within 366 days of 2020-03-12T08:00:00Z`},
		{tickers, who + "1584014400000000,0.0001,1,0.00000001",
			`column mark_price "0.00000001": want a price from 0.01 to 1000000`},
		{tickers, who + "1584014400000000,0.0001,99999999,1",
			`column index_price "99999999": want a price from 0.01 to 1000000`},
		{tickers, who + "1584014400000000,0.5,1,1", `column funding_rate "0.5": want -0.1 to 0.1`},
		{tickers, who + "1784014400000000,0.01,1,1",
			`column funding_timestamp "1784014400000000": want a time within 32 days of 2020-03-12T08:00:00Z`},
		{quoteHeader, "2020-01-01D00:01:00,XBTUSD,1,-1,1,1", `column bidPrice "-1": must not be negative`},
		{quoteHeader, "2020-01-01D00:01:00,XBTUSD,1,x,1,1", `column bidPrice "x": not a decimal number`},
		{quoteHeader, "2020-01-01D00:01:00,XBTUSD,1,1,1,", `column askSize "": empty`},
		{quoteHeader, "2020-01-01,XBTUSD,1,1,1,1", `column timestamp "2020-01-01": not a UTC time such as 2024-01-15T00:00:00.000Z`},
		{levels, who + "maybe,bid,1,1", `column is_snapshot "maybe": want true or false`},
		{levels, who + "true,buy,1,1", `column side "buy": want bid or ask`},
		{levels, who + "true,bid,0,1", `column price "0": must be greater than 0`},
		{levels, who + "true,bid,1,-1", `column amount "-1": must not be negative`},
		{levels, "bitmex,XBTUSD,1584000000000000,,true,bid,1,1", `column local_timestamp "": empty`},
		{levels, ",XBTUSD,1584000000000000,1584000000010000,true,bid,1,1", `column exchange "": empty`},
		{tops, who + "1,x,1,1", `column ask_price "x": not a decimal number`},
		{tops, who + "1,1,1,x", `column bid_amount "x": not a decimal number`},
		{tops, "bitmex,XBTUSD,1584000000,1584000000,1,1,1,1", `column timestamp "1584000000": not a time in microseconds since 1970`},
		{prints, who + "1,buy,x,1", `column price "x": not a decimal number`},
		{prints, who + "1,buy,1,1e10000", `column amount "1e10000": number out of range`},
		{tickers, who + ",x,1,1", `column funding_rate "x": not a decimal number`},
		{tickers, who + ",2,1,1", `column funding_rate "2": want a rate between -1 and 1`},
		{tickers, who + "1584014400,0.0001,1,1", `column funding_timestamp "1584014400": not a time in microseconds since 1970`},
		{tickers, who + ",,0,1", `column index_price "0": must be greater than 0`},
		{tickers, who + ",,1,x", `column mark_price "x": not a decimal number`},
	} {
		t.Run(c.want, func(t *testing.T) {
			_, report, err := read(t, "file-1m.csv", c.header+c.row+"\n", Options{Instruments: instruments(t)})
			var bad *RowError
			require.ErrorAs(t, err, &bad)
			require.EqualError(t, err, "file-1m.csv: row 2: "+c.want)
			require.EqualValues(t, 2, bad.Row)
			require.Equal(t, "file-1m.csv", bad.File)
			require.EqualValues(t, 1, report.Rows)

			_, report, err = read(t, "file-1m.csv", c.header+c.row+"\n", Options{Instruments: instruments(t), SkipBad: true})
			require.ErrorIs(t, err, ErrNoRows)
			require.EqualError(t, err, "file-1m.csv: no rows to import: 1 bad row")
			require.Equal(t, []Skipped{{Reason: reasonBad, Rows: 1, Examples: []Example{{Row: 2, Text: bad.Error()}}}}, report.Skipped)
			_, err = json.Marshal(report)
			require.NoError(t, err)
		})
	}
}

// A level that is out of bounds does not take the beginning of a snapshot with it.
func TestBadLevelBeginsNoMessage(t *testing.T) {
	m, _, err := read(
		t,
		"levels.csv",
		levels+who+"true,bid,0.0000001,1\n"+who+"true,bid,7000,1\n",
		Options{Instruments: instruments(t), SkipBad: true},
	)
	require.NoError(t, err)
	require.Equal(t, "bitmex/book/XBTUSD\n  2020-03-12T08:00:00Z +10000 us: Buy 1 @ 7000 clear snapshot last\n", m.text())
}

// The first bad time of bars that have no interval is what is told.
func TestBadTimeWithoutInterval(t *testing.T) {
	for _, at := range []string{"1969-12-31T23:59:00Z", "2262-01-01T00:00:00Z", "2020-01-01T23:59:60Z", "2020-02-30T00:00:00Z"} {
		_, _, err := read(t, "bars.csv", bars+at+",XBTUSD,1,1,1,1,1,1,1\n", Options{Instruments: instruments(t)})
		require.EqualError(
			t,
			err,
			"bars.csv: row 2: column timestamp \""+at+"\": not a UTC time such as 2024-01-15T00:00:00.000Z",
		)
	}
}

// TestGrossValueOutOfRange keeps the check away from numbers that the contract
// maths is not made for.
func TestGrossValueOutOfRange(t *testing.T) {
	m, report, err := read(t, "trades.csv", deals+
		"2020-01-01D00:01:00,XBTUSD,Buy,9223372036854775807,0.5,1\n"+
		"2020-01-01D00:01:01,XBTUSD,Buy,1,99999999,1\n"+
		"2020-01-01D00:01:02,XBTUSD,Buy,1,0.0000000001,1\n"+
		"2020-01-01D00:01:03,XBTUSD,Buy,1,7000,x\n"+
		"2020-01-01D00:01:04,XBTUSD,Buy,1,7000,\n"+
		"2020-01-01D00:01:05,XBTUSD,Buy,1,7000,14286\n", Options{Instruments: instruments(t), SkipBad: true})
	require.NoError(t, err)
	require.EqualValues(t, 3, report.skipped(reasonBad))
	require.Len(t, m.streams, 1)
	require.EqualValues(t, 2, report.Gross.Checked)
	require.EqualValues(t, 1, report.Gross.Mismatched)
	require.Contains(t, report.Gross.Examples[0].Text, "grossValue x, want 14286")
}

func TestNamedInterval(t *testing.T) {
	for name, want := range map[string]string{
		"XBTUSD-1m-2019.csv.gz": "1m0s", "xbtusd_5M.csv": "5m0s", "1h.json": "1h0m0s", "bars.1d.zst": "24h0m0s",
		"21m.csv": "0s", "1min.csv": "0s", "XBTUSD.csv": "0s",
	} {
		require.Equal(t, want, namedInterval(name).String(), name)
	}
}
