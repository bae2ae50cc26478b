package bitmex

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
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
		"fits":     {change("update", `{"symbol":"XBTUSD","id":2,"side":"Buy","size":300}`), ""},
		"update":   {change("update", `{"symbol":"XBTUSD","id":3,"side":"Buy","size":300}`), "update before insert of level 3"},
		"delete":   {change("delete", `{"symbol":"XBTUSD","id":3,"side":"Buy"}`), "delete before insert of level 3"},
		"insert":   {change("insert", `{"symbol":"XBTUSD","id":2,"side":"Buy","size":1,"price":99}`), "second insert of level 2"},
		"crossed":  {change("insert", `{"symbol":"XBTUSD","id":4,"side":"Buy","size":1,"price":102}`), "the book is crossed"},
		"no side":  {change("insert", `{"symbol":"XBTUSD","id":4,"size":1,"price":99}`), "no id or side of level 4"},
		"no price": {change("insert", `{"symbol":"XBTUSD","id":4,"side":"Buy","size":1}`), "no price or size of level 4"},
		"negative price": {change("insert", `{"symbol":"XBTUSD","id":4,"side":"Buy","size":1,"price":-5}`),
			"no price or size of level 4"},
		"insert without a size": {change("insert", `{"symbol":"XBTUSD","id":4,"side":"Buy","price":99}`),
			"no price or size of level 4"},
		"update without a size": {change("update", `{"symbol":"XBTUSD","id":2,"side":"Buy"}`), "no price or size of level 2"},
		"update to nothing": {change("update", `{"symbol":"XBTUSD","id":2,"side":"Buy","size":0}`),
			"no price or size of level 2"},
		"update to less": {change("update", `{"symbol":"XBTUSD","id":2,"side":"Buy","size":-1}`),
			"no price or size of level 2"},
		"delete that fits":   {change("delete", `{"symbol":"XBTUSD","id":2,"side":"Buy"}`), ""},
		"delete with a size": {change("delete", `{"symbol":"XBTUSD","id":2,"side":"Buy","size":-7}`), ""},
		"another symbol":     {change("update", `{"symbol":"ETHUSD","id":3,"side":"Buy","size":300}`), ""},
		"empty":              {change("update", ``), ""},
		"strange number":     {change("update", `{"symbol":"XBTUSD","id":"x","side":"Buy","size":300}`), "id: "},
		"strange word":       {change("update", `{"symbol":"XBTUSD","id":2,"side":"Both","size":300}`), "Both"},
		"truncated":          {`{"table":"orderBookL2","action":"update","data":[{"symbol":"XBT`, "not a flat frame"},
		"not JSON":           {`hello`, "not a flat frame"},
		"not a table":        {`{"success":true,"subscribe":"trade"}`, ""},
		"trailing":           {`{"table":"trade","action":"insert","data":[]} x`, "not a flat frame"},
		"nested is fine":     {`{"info":{"a":[1,{"b":"}"}]},"limit":{"remaining":39}}`, ""},
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

// Of an instrument only what has changed is an event, with the fields that have changed. A
// funding rate is known with its time.
func TestInstrumentRows(t *testing.T) {
	_, list := instruments(t, "XBTUSD")
	tabs := newTables(list)
	none := []string{}
	for n, c := range []struct {
		action, fields string
		want           []string
	}{
		{"update", `"markPrice":100.5`, none}, // before the partial
		{"partial", `"markPrice":100.5,"indicativeSettlePrice":100.25,"fundingRate":0.0001,"settle":null`,
			[]string{"mark 100.5 index 100.25"}},
		{"update", `"fundingTimestamp":"2021-07-23T04:00:00.000Z"`, []string{"funding 0.0001 at 2021-07-23T04:00:00Z"}},
		{"update", `"markPrice":100.5,"lastPrice":7`, none},
		{"update", `"indicativeSettlePrice":100.25,"fundingRate":0.0001`, none},
		{"update", `"indicativeSettlePrice":100.5`, []string{"mark 0 index 100.5"}},
		{"update", `"markPrice":100.5`, none},
		{"update", `"markPrice":101`, []string{"mark 101 index 0"}},
		{"update", `"markPrice":101,"indicativeSettlePrice":100.5`, none},
		{"update", `"markPrice":101,"indicativeSettlePrice":100.75`, []string{"mark 0 index 100.75"}},
		{"update", `"markPrice":101.5,"indicativeSettlePrice":100.75`, []string{"mark 101.5 index 0"}},
		{"update", `"fundingTimestamp":"2021-07-23T12:00:00.000Z"`, []string{"funding 0.0001 at 2021-07-23T12:00:00Z"}},
		{"update", `"fundingRate":-0.0002,"fundingTimestamp":"2021-07-23T12:00:00.000Z"`,
			[]string{"funding -0.0002 at 2021-07-23T12:00:00Z"}},
		{"update", `"fundingRate":0`, []string{"funding 0 at 2021-07-23T12:00:00Z"}},
		{"update", `"fundingRate":0,"markPrice":102`, []string{"mark 102 index 0"}},
		{"update", `"fundingRate":0.0003,"markPrice":103`,
			[]string{"mark 103 index 0", "funding 0.0003 at 2021-07-23T12:00:00Z"}},
	} {
		events, err := tabs.take([]byte(`{"table":"instrument","action":"`+c.action+`","data":[{"symbol":"XBTUSD",`+
			c.fields+`}]}`), exchange.Time(1_626_993_400_000_000_000+n))
		require.NoError(t, err)
		got := none
		for k := range events {
			switch e := &events[k]; e.Kind {
			case exchange.KindMark:
				got = append(got, fmt.Sprintf("mark %s index %s", e.Mark().Mark, e.Mark().Index))
			case exchange.KindFunding:
				got = append(got, fmt.Sprintf("funding %s at %s", e.Funding().Rate, e.Funding().Due))
			}
		}
		require.Equal(t, c.want, got, "%d: %s", n, c.fields)
	}
}

// A row that cannot be right is an error that names the field, whatever table it is in, and
// makes no event.
func TestRefusedRows(t *testing.T) {
	const now = exchange.Time(1_700_000_000_000_000_000) // 2023-11-14T22:13:20Z
	const stamp = `"timestamp":"2023-11-14T22:13:19.000Z"`
	trade := func(fields string) string { return `{"symbol":"XBTUSD",` + stamp + `,` + fields + `}` }
	for name, c := range map[string]struct{ table, row, field string }{
		"trade":               {"trade", trade(`"side":"Buy","size":100,"price":30000.5`), ""},
		"trade price 0":       {"trade", trade(`"side":"Buy","size":100,"price":0`), "price"},
		"trade price null":    {"trade", trade(`"side":"Buy","size":100,"price":null`), "price"},
		"trade no price":      {"trade", trade(`"side":"Buy","size":100`), "price"},
		"trade negative":      {"trade", trade(`"side":"Buy","size":100,"price":-5`), "price"},
		"trade tiny":          {"trade", trade(`"side":"Buy","size":100,"price":1e-8`), "price"},
		"trade off tick":      {"trade", trade(`"side":"Buy","size":100,"price":30000.123`), "price"},
		"trade no side":       {"trade", trade(`"size":100,"price":30000`), "side"},
		"trade negative size": {"trade", trade(`"side":"Sell","size":-100,"price":30000`), "size"},
		"trade huge":          {"trade", trade(`"side":"Sell","size":9223372036854775807,"price":30000`), "size"},
		"trade of 1700": {"trade",
			`{"symbol":"XBTUSD","timestamp":"1700-01-01T00:00:00.000Z","side":"Buy","size":1,"price":30000}`, "timestamp"},
		"trade of 1970": {"trade",
			`{"symbol":"XBTUSD","timestamp":"1970-01-01T00:00:01.000Z","side":"Buy","size":1,"price":30000}`, "timestamp"},
		"trade of 2100": {"trade",
			`{"symbol":"XBTUSD","timestamp":"2100-01-01T00:00:00.000Z","side":"Buy","size":1,"price":30000}`, "timestamp"},
		"quote":               {"quote", trade(`"bidPrice":30000,"bidSize":1,"askPrice":30000.5,"askSize":1`), ""},
		"quote one side":      {"quote", trade(`"bidPrice":30000,"bidSize":1`), ""},
		"quote crossed":       {"quote", trade(`"bidPrice":30001,"bidSize":1,"askPrice":30000,"askSize":1`), "bidPrice"},
		"quote negative":      {"quote", trade(`"bidPrice":-1,"bidSize":1,"askPrice":30000,"askSize":1`), "bidPrice"},
		"quote negative size": {"quote", trade(`"bidPrice":30000,"bidSize":-1,"askPrice":30001,"askSize":1`), "bidSize"},
		"liquidation":         {"liquidation", trade(`"side":"Buy","leavesQty":100,"price":30000`), ""},
		"liquidation below 0": {"liquidation", trade(`"side":"Buy","leavesQty":-7,"price":-5`), "price"},
		"liquidation no qty":  {"liquidation", trade(`"side":"Buy","price":30000`), "size"},
		"mark":                {"instrument", trade(`"markPrice":30000.11`), ""},
		"mark tiny":           {"instrument", trade(`"markPrice":1e-8`), "markPrice"},
		"mark negative":       {"instrument", trade(`"markPrice":-5`), "markPrice"},
		"mark huge":           {"instrument", trade(`"markPrice":9e7`), "markPrice"},
		"index negative":      {"instrument", trade(`"indicativeSettlePrice":-5`), "indexPrice"},
		"funding 500 %": {"instrument", trade(`"fundingRate":5,"fundingTimestamp":"2023-11-15T04:00:00.000Z"`),
			"fundingRate"},
		"funding due in 1970": {"instrument", trade(`"fundingRate":0.0001,"fundingTimestamp":"1970-01-01T00:00:01.000Z"`),
			"fundingTimestamp"},
		"level tiny":     {"orderBookL2", trade(`"id":9,"side":"Buy","size":1,"price":1e-8`), "price"},
		"level off tick": {"orderBookL2", trade(`"id":9,"side":"Buy","size":1,"price":99.123`), "price"},
		"level huge":     {"orderBookL2", trade(`"id":9,"side":"Buy","size":9223372036854775807,"price":99`), "size"},
	} {
		t.Run(name, func(t *testing.T) {
			_, list := instruments(t, "XBTUSD")
			tabs := newTables(list)
			for _, table := range []string{"trade", "quote", "liquidation", "instrument"} {
				_, err := tabs.take([]byte(`{"table":"`+table+`","action":"partial","data":[]}`), now)
				require.NoError(t, err)
			}
			_, err := tabs.take([]byte(partial), now)
			require.NoError(t, err)
			events, err := tabs.take([]byte(`{"table":"`+c.table+`","action":"insert","data":[`+c.row+`]}`), now)
			if c.field == "" {
				require.NoError(t, err)
				require.Len(t, events, 1)
				return
			}
			var bad *exchange.ValidationError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.field, bad.Field)
			require.Equal(t, "bitmex:XBTUSD", bad.Symbol)
			require.Empty(t, events)
		})
	}
}

// A level of a partial may be days old, and changes nothing about the clock that the rows
// after it are checked against. A venue that replays the past is checked by its own clock.
func TestTimesOfRows(t *testing.T) {
	const now = exchange.Time(1_700_000_000_000_000_000) // 2023-11-14T22:13:20Z
	trade := func(at string) string {
		return `{"table":"trade","action":"insert","data":[{"symbol":"XBTUSD","side":"Buy","size":1,"price":100,` +
			`"timestamp":"` + at + `"}]}`
	}
	for name, c := range map[string]struct {
		trades []string
		bad    int // index of the refused one; -1: none
	}{
		"now": {[]string{"2023-11-14T22:13:19.000Z", "2023-11-14T22:13:20.000Z"}, -1},
		"the past": {[]string{"2021-07-22T00:00:00.000Z", "2021-07-22T12:00:00.000Z", "2021-07-23T11:00:00.000Z"},
			-1},
		"the past, then now": {[]string{"2021-07-22T00:00:00.000Z", "2023-11-14T22:13:19.000Z"}, 1},
		"now, then the past": {[]string{"2023-11-14T22:13:19.000Z", "2021-07-22T00:00:00.000Z"}, 1},
		"a day too early":    {[]string{"2023-11-14T22:13:19.000Z", "2023-11-13T22:13:19.000Z"}, 1},
		"a day ahead":        {[]string{"2023-11-15T22:13:21.000Z"}, 0},
		"an hour ahead":      {[]string{"2023-11-14T23:13:19.000Z"}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, list := instruments(t, "XBTUSD")
			tabs := newTables(list)
			for _, f := range []string{`{"table":"trade","action":"partial","data":[]}`,
				strings.ReplaceAll(partial, `"price"`, `"timestamp":"2023-11-01T00:00:00.000Z","price"`)} {
				_, err := tabs.take([]byte(f), now)
				require.NoError(t, err)
			}
			for n, at := range c.trades {
				events, err := tabs.take([]byte(trade(at)), now)
				if n == c.bad {
					var bad *exchange.ValidationError
					require.ErrorAs(t, err, &bad)
					require.Equal(t, "timestamp", bad.Field)
					return
				}
				require.NoError(t, err, at)
				require.LessOrEqual(t, events[0].Time, now)
			}
		})
	}
}

// What an error quotes of a number is bounded, however long the number is.
func TestLongNumber(t *testing.T) {
	_, list := instruments(t, "XBTUSD")
	tabs := newTables(list)
	_, err := tabs.take([]byte(partial), 1)
	require.NoError(t, err)
	for _, field := range []string{"price", "size", "timestamp"} {
		_, err = tabs.take([]byte(`{"table":"orderBookL2","action":"insert","data":[{"symbol":"XBTUSD","id":9,"side":"Buy","`+
			field+`":1`+strings.Repeat("0", 1<<20)+`}]}`), 2)
		require.ErrorContains(t, err, field)
		require.Less(t, len(err.Error()), 300)
	}
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
