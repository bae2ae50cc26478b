package bitmex

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/secret"
)

const (
	orderRow     = `{"orderID":"9c69e54a-2337-5619-8704-fa8c9b5a96bd","clOrdID":"a","account":1,"symbol":"XBTUSD","side":"Buy","orderQty":100,"price":39356,"displayQty":null,"ordType":"Limit","timeInForce":"GoodTillCancel","execInst":"ParticipateDoNotInitiate,ReduceOnly","ordStatus":"New","triggered":"","workingIndicator":true,"leavesQty":100,"cumQty":0,"avgPx":null,"text":"Submitted via API.","transactTime":"2026-11-24T09:15:25.775Z","timestamp":"2026-11-24T09:15:25.775Z"`
	fillFields   = `,"execID":"e1","execType":"Trade","lastQty":100,"lastPx":39356.5,"lastLiquidityInd":"RemovedLiquidity","commission":0.00075,"execCost":-254000,"execComm":190}`
	fundingRow   = `{"execID":"e2","orderID":"00000000-0000-0000-0000-000000000000","symbol":"XBTUSD","execType":"Funding","side":"","lastQty":169,"lastPx":9268.18,"ordType":"Limit","timeInForce":"AtTheClose","ordStatus":"Filled","text":"Funding","commission":-0.0001,"execCost":1823510,"execComm":-182,"homeNotional":-0.0182351,"foreignNotional":169,"timestamp":"2020-07-14T20:00:00.000Z"}`
	cancelReject = `{"execID":"e3","orderID":"9c69e54a-2337-5619-8704-fa8c9b5a96bd","account":1,"execType":"CancelReject","ordStatus":"Rejected","ordRejReason":"Invalid orderID","text":"x","timestamp":"2026-11-24T09:15:25.775Z"}`
	positionRow  = `{"account":1,"symbol":"XBTUSD","currency":"XBt","crossMargin":false,"leverage":10.5,"currentQty":-1438000,"avgEntryPrice":73701.7438,"markPrice":78173.24,"markValue":1839503980,"liquidationPrice":1000000,"bankruptPrice":null,"timestamp":"2026-11-24T09:15:25.775Z"}`
	marginRow    = `{"account":1,"currency":"XBt","walletBalance":3034754369,"unrealisedPnl":-111616099,"marginBalance":2923138270,"availableMargin":2905927119}`
)

// FuzzRows: rows that requests answer with are read, or an error names what is wrong;
// what is read is within the range of the exchange's numbers.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{orderRow + "}", orderRow + fillFields, fundingRow, cancelReject, positionRow, marginRow, `{"lastQty":-9223372036854775808,"execType":"Trade"}`,
		`{"price":79139.90000000001,"avgPx":1e-9,"execType":"Restated"}`, `{"timestamp":"0001-01-01T00:00:00Z"}`} {
		f.Add([]byte(seed))
	}
	set, err := exchange.BuiltinInstruments()
	require.NoError(f, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, row []byte) {
		var o api.Order
		if json.Unmarshal(row, &o) == nil {
			if order, err := o.Order(i); err == nil {
				_ = order.Status.Final()
			}
			_ = o.Refusal()
		}
		var e api.Execution
		if json.Unmarshal(row, &e) == nil {
			if r, err := reportOf(&e, &state{inst: i}); err == nil && r.Kind == 0 {
				t.Fatal("a report of nothing")
			}
		}
		var p api.Position
		if json.Unmarshal(row, &p) == nil {
			_, _ = positionOf(&p, i)
		}
		var m api.Margin
		if json.Unmarshal(row, &m) == nil {
			_ = marginOf(&m)
		}
	})
}

// FuzzPrivateFrames: the account's stream is read, or ends the connection; it never
// reports a fill twice, nor an order without its id.
func FuzzPrivateFrames(f *testing.F) {
	insert := func(table, action, rows string) string {
		return `{"table":"` + table + `","action":"` + action + `","data":[` + rows + `]}`
	}
	for _, seed := range []string{insert("execution", "insert", orderRow+fillFields), insert("execution", "insert", fundingRow), insert("execution", "insert", cancelReject),
		insert("position", "partial", positionRow), insert("margin", "update", marginRow), insert("position", "delete", positionRow), "pong",
		`{"status":429,"error":"Rate limit exceeded","meta":{"retryAfter":1},"request":{}}`, `{"success":true,"subscribe":"order"}`} {
		f.Add([]byte(seed), []byte(seed))
	}
	set, err := exchange.BuiltinInstruments()
	require.NoError(f, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c := Config{URL: "http://venue", Key: "k", Secret: secret.New("s")}
		if err := c.complete(); err != nil {
			t.Fatal(err)
		}
		s := &state{inst: i}
		x := &Exchange{cfg: ExchangeConfig{Config: c, Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Now: func() exchange.Time { return 1 }, Notice: func(live.Notice) {}},
			symbols: map[string]*state{i.Symbol: s}, byID: map[exchange.SymbolID]*state{i.ID: s}, open: map[exchange.ClientID]*openOrder{},
			denied: map[exchange.ClientID]bool{}, lane: newLane(), ready: make(chan struct{}, 1), pongs: make(chan struct{}), breaks: make(chan struct{}), sync: newSyncing()}
		x.sync.again = true
		for _, frame := range [][]byte{first, second, first} {
			if strings.Contains(string(frame), "authKeyExpires") {
				return // would ask the venue
			}
			_ = x.frame(frame)
		}
		fills := map[string]bool{}
		for n := range x.reports {
			r := &x.reports[n]
			if r.Kind == exchange.ReportFill && fills[r.Fill.ExecID] {
				t.Fatalf("fill %q came twice", r.Fill.ExecID)
			}
			fills[r.Fill.ExecID] = r.Kind == exchange.ReportFill
		}
	})
}

// FuzzPages: a page of CSV is copied as it is, or refused; what is copied is CSV again
// with as many rows.
func FuzzPages(f *testing.F) {
	for _, seed := range []string{"timestamp,symbol,size\n2021-07-22T22:36:11.685Z,XBTUSD,100\n", "", "timestamp\n\"2021-07-22\"\n", "a,timestamp\n\"x\ny\",2021-07-22T00:00:00Z\n",
		"timestamp,symbol\n2021-07-22\n", "size\n1\n", "\"", "timestamp\nyesterday\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		var out bytes.Buffer
		seen := 0
		rows, err := copyPage(&out, page, true, func(exchange.Time) { seen++ })
		if rows != seen {
			t.Fatalf("%d rows and %d times", rows, seen)
		}
		if err != nil || rows == 0 {
			return
		}
		again, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(again) != rows+1 {
			t.Fatalf("%d rows are %d: %v", rows, len(again)-1, err)
		}
	})
}

// FuzzErrors: whatever a venue or a proxy answers, the error says its status.
func FuzzErrors(f *testing.F) {
	f.Add(400, []byte(`{"error":{"message":"Duplicate clOrdID","name":"HTTPError"}}`), "1")
	f.Add(502, []byte("<html>Bad Gateway</html>"), "")
	f.Add(429, []byte(`{"error":{"message":5}}`), "Wed, 21 Oct 2015 07:28:00 GMT")
	f.Add(0, []byte(`{"error":null}`), "-1e400")
	f.Fuzz(func(t *testing.T, status int, body []byte, retry string) {
		err := errorOf(&live.Answer{Status: status, Header: http.Header{"Retry-After": {retry}}, Body: body})
		var e *api.Error
		if !errors.As(err, &e) || e.Status != status || e.RetryAfter < 0 {
			t.Fatalf("%v", err)
		}
		_ = errors.Is(err, api.ErrInsufficient)
		_ = unknown(err)
	})
}
