package bitmex

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// recording reads what the venue sent on 2021-07-22.
func recording(tb testing.TB) (frames []string) {
	tb.Helper()
	dir := os.Getenv("DUNAMIS_SHARED")
	if dir == "" {
		tb.Skip("set DUNAMIS_SHARED to a folder with data/bitmex/ to test against the recording")
	}
	f, err := os.Open(filepath.Join(dir, "data", "bitmex", "ws-recording-2021-07-22.log.gz"))
	if errors.Is(err, os.ErrNotExist) {
		tb.Skip("DUNAMIS_SHARED has no recording")
	}
	require.NoError(tb, err)
	defer func() { require.NoError(tb, f.Close()) }()
	z, err := gzip.NewReader(f)
	require.NoError(tb, err)
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if stamp, frame, ok := strings.Cut(lines.Text(), ": "); ok && !strings.HasPrefix(stamp, "wss") {
			frames = append(frames, frame)
		}
	}
	require.NoError(tb, lines.Err())
	return frames
}

var recordedSymbols = []string{"XRPU21", "UNIUSDT", "XBTUSD", "ADAUSDT", "SOLUSDT", "TRXU21", "EOSUSDT", "TRXUSDT", "BCHUSD", "MATICUSDT"}

func instruments(tb testing.TB, symbols ...string) (set *exchange.Instruments, list []*exchange.Instrument) {
	tb.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(tb, err)
	for _, s := range symbols {
		i, err := set.Lookup("bitmex", s)
		require.NoError(tb, err)
		list = append(list, i)
	}
	return set, list
}

// The recording is read whole: no frame is strange, no row unknown, no book crossed.
func TestRecording(t *testing.T) {
	frames := recording(t)
	_, list := instruments(t, recordedSymbols...)
	tabs := newTables(list)
	counts := map[exchange.EventKind]int{}
	rows, trades := 0, 0
	for n, frame := range frames {
		events, err := tabs.take([]byte(frame), exchange.Time(1_626_993_400_000_000_000+n))
		require.NoError(t, err, "frame %d", n)
		for k := range events {
			counts[events[k].Kind]++
		}
		var m struct {
			Table, Action string
			Data          []json.RawMessage
		}
		require.NoError(t, json.Unmarshal([]byte(frame), &m))
		switch {
		case m.Table == "trade" && m.Action == "insert":
			trades += len(m.Data)
		case m.Table != "trade":
			rows += len(m.Data)
		}
	}
	require.Len(t, frames, 2120)
	require.Equal(t, rows, counts[exchange.KindBook]+counts[exchange.KindQuote])
	require.Equal(t, trades, counts[exchange.KindTrade])
	for _, s := range tabs.symbols {
		bid, ask := s.book.Bid(), s.book.Ask()
		require.Positive(t, bid.Price, s.inst.Symbol)
		require.Greater(t, ask.Price, bid.Price, s.inst.Symbol)
		require.Equal(t, len(s.levels), s.book.Len(exchange.Buy)+s.book.Len(exchange.Sell))
	}
	x := tabs.symbols["XBTUSD"]
	t.Logf("%d events; XBTUSD has %d levels", len(frames), len(x.levels))
}

const partial = `{"table":"orderBookL2","action":"partial","keys":["symbol","id","side"],"filter":{"symbol":"XBTUSD"},"data":[` +
	`{"symbol":"XBTUSD","id":1,"side":"Sell","size":100,"price":101},{"symbol":"XBTUSD","id":2,"side":"Buy","size":200,"price":100}]}`

// What does not fit means that a message was lost.
func TestLostMessages(t *testing.T) {
	change := func(action, rows string) string {
		return `{"table":"orderBookL2","action":"` + action + `","data":[` + rows + `]}`
	}
	for name, c := range map[string]struct{ frame, want string }{
		"fits":           {change("update", `{"symbol":"XBTUSD","id":2,"side":"Buy","size":300}`), ""},
		"update":         {change("update", `{"symbol":"XBTUSD","id":3,"side":"Buy","size":300}`), "update before insert of level 3"},
		"delete":         {change("delete", `{"symbol":"XBTUSD","id":3,"side":"Buy"}`), "delete before insert of level 3"},
		"insert":         {change("insert", `{"symbol":"XBTUSD","id":2,"side":"Buy","size":1,"price":99}`), "second insert of level 2"},
		"crossed":        {change("insert", `{"symbol":"XBTUSD","id":4,"side":"Buy","size":1,"price":102}`), "the book is crossed"},
		"no side":        {change("insert", `{"symbol":"XBTUSD","id":4,"size":1,"price":99}`), "no id or side of level 4"},
		"no price":       {change("insert", `{"symbol":"XBTUSD","id":4,"side":"Buy","size":1}`), "no price or size of level 4"},
		"another symbol": {change("update", `{"symbol":"ETHUSD","id":3,"side":"Buy","size":300}`), ""},
		"empty":          {change("update", ``), ""},
		"strange number": {change("update", `{"symbol":"XBTUSD","id":"x","side":"Buy","size":300}`), "id: "},
		"strange word":   {change("update", `{"symbol":"XBTUSD","id":2,"side":"Both","size":300}`), "Both"},
		"truncated":      {`{"table":"orderBookL2","action":"update","data":[{"symbol":"XBT`, "not a flat frame"},
		"not JSON":       {`hello`, "not a flat frame"},
		"not a table":    {`{"success":true,"subscribe":"trade"}`, ""},
		"trailing":       {`{"table":"trade","action":"insert","data":[]} x`, "not a flat frame"},
		"nested is fine": {`{"info":{"a":[1,{"b":"}"}]},"limit":{"remaining":39}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, list := instruments(t, "XBTUSD")
			tabs := newTables(list)
			_, err := tabs.take([]byte(partial), 1)
			require.NoError(t, err)
			_, err = tabs.take([]byte(c.frame), 2)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

// Nothing counts before its partial; a second partial begins anew.
func TestPartials(t *testing.T) {
	_, list := instruments(t, "XBTUSD")
	tabs := newTables(list)
	early := []byte(`{"table":"orderBookL2","action":"insert","data":[{"symbol":"XBTUSD","id":9,"side":"Buy","size":5,"price":90}]}`)
	events, err := tabs.take(early, 1)
	require.NoError(t, err)
	require.Empty(t, events)
	for range 2 {
		events, err = tabs.take([]byte(partial), 2)
		require.NoError(t, err)
		require.Len(t, events, 2)
		require.Equal(t, exchange.FlagSnapshot|exchange.FlagClear, events[0].Flags)
		require.Equal(t, exchange.FlagSnapshot|exchange.FlagLast, events[1].Flags)
		_, err = tabs.take(early, 3)
		require.NoError(t, err)
	}
	require.Len(t, tabs.symbols["XBTUSD"].levels, 3)
}

// Of an instrument only what has changed is an event.
func TestInstrumentRows(t *testing.T) {
	_, list := instruments(t, "XBTUSD")
	tabs := newTables(list)
	take := func(action, row string) (kinds []exchange.EventKind) {
		events, err := tabs.take([]byte(`{"table":"instrument","action":"`+action+`","data":[`+row+`]}`), 5)
		require.NoError(t, err)
		for k := range events {
			kinds = append(kinds, events[k].Kind)
		}
		return kinds
	}
	require.Equal(t, []exchange.EventKind{exchange.KindMark, exchange.KindFunding},
		take("partial", `{"symbol":"XBTUSD","markPrice":100.5,"indicativeSettlePrice":100.25,"fundingRate":0.0001,"fundingTimestamp":"2021-07-23T04:00:00.000Z","settle":null}`))
	require.Empty(t, take("update", `{"symbol":"XBTUSD","markPrice":100.5,"lastPrice":7}`))
	require.Equal(t, []exchange.EventKind{exchange.KindMark}, take("update", `{"symbol":"XBTUSD","indicativeSettlePrice":100.5}`))
	require.Equal(t, []exchange.EventKind{exchange.KindFunding}, take("update", `{"symbol":"XBTUSD","fundingTimestamp":"2021-07-23T12:00:00.000Z"}`))
	require.Equal(t, exchange.MustRatio("0.0001"), tabs.symbols["XBTUSD"].funding.Rate)
}

// The fast reader reads what encoding/json reads, or says that it cannot.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{partial, `{"table":"trade","action":"insert","data":[{"symbol":"XBTUSD","side":"Buy","size":100,"price":32180.5,"timestamp":"2021-07-22T22:36:11.685Z"}]}`,
		`{}`, `{"a":[1,2,{"b":"c"}]}`, `[]`, `{"table":"quote","action":"insert","data":[{"symbol":"XBTUSD","bidPrice":1e3}]}`} {
		f.Add([]byte(seed))
	}
	_, list := instruments(f, "XBTUSD")
	f.Fuzz(func(t *testing.T, frame []byte) {
		tabs := newTables(list)
		_, _ = tabs.take([]byte(partial), 1)
		events, err := tabs.take(frame, 2)
		if err != nil || !json.Valid(frame) {
			return
		}
		var m struct {
			Table string            `json:"table"`
			Data  []json.RawMessage `json:"data"`
		}
		if json.Unmarshal(frame, &m) == nil && len(events) > 2*len(m.Data) {
			t.Fatalf("%d events of %d rows", len(events), len(m.Data))
		}
	})
}

func BenchmarkBookRows(b *testing.B) {
	_, list := instruments(b, "XBTUSD")
	tabs := newTables(list)
	_, err := tabs.take([]byte(partial), 1)
	require.NoError(b, err)
	frame := []byte(`{"table":"orderBookL2","action":"update","data":[{"symbol":"XBTUSD","id":1,"side":"Sell","size":300,"timestamp":"2022-03-01T00:00:00.000Z"},{"symbol":"XBTUSD","id":2,"side":"Buy","size":20500,"timestamp":"2022-03-01T00:00:00.000Z"}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tabs.take(frame, 1_700_000_000_000_000_000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(2*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
