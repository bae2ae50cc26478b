package bitmex

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange/live"
)

// fed gives a store frames, and returns the error of the last.
func fed(t testing.TB, s *store, frames ...string) (c *Change, err error) {
	t.Helper()
	for n, f := range frames {
		require.NoError(t, err, "frame %d", n)
		var m tableFrame
		require.NoError(t, json.Unmarshal([]byte(f), &m), f)
		c, err = s.take(&m)
	}
	return c, err
}

// held is what a table holds, as JSON.
func held(t testing.TB, s *store, table string) string {
	t.Helper()
	b, err := json.Marshal(s.rows(table))
	require.NoError(t, err)
	return string(b)
}

const (
	bookPartial  = `{"table":"orderBookL2","action":"partial","keys":["symbol","id","side"],"types":{"id":"long"},"foreignKeys":{"side":"side"},"attributes":{"id":"sorted"},"filter":{"symbol":"XBTUSD"},"data":[{"symbol":"XBTUSD","id":1,"side":"Sell","size":10},{"symbol":"XBTUSD","id":2,"side":"Buy","size":20}]}`
	otherPartial = `{"table":"orderBookL2","action":"partial","keys":["symbol","id","side"],"filter":{"symbol":"ETHUSD"},"data":[{"symbol":"ETHUSD","id":1,"side":"Buy","size":5}]}`
	orderPartial = `{"table":"order","action":"partial","keys":["orderID"],"filter":{"account":1},"data":[{"orderID":"a","symbol":"XBTUSD","ordStatus":"New","leavesQty":100,"price":5}]}`
	tradePartial = `{"table":"trade","action":"partial","keys":[],"filter":{},"data":[{"symbol":"XBTUSD","size":1}]}`
)

// The protocol of tables, rule by rule.
func TestTableProtocol(t *testing.T) {
	change := func(table, action, rows string) string {
		return fmt.Sprintf(`{"table":%q,"action":%q,"data":[%s]}`, table, action, rows)
	}
	for name, c := range map[string]struct {
		frames []string
		table  string
		want   string // what is held
		lost   string // else
	}{
		"a partial fills": {[]string{bookPartial}, "orderBookL2", `[{"id":1,"side":"Sell","size":10,"symbol":"XBTUSD"},{"id":2,"side":"Buy","size":20,"symbol":"XBTUSD"}]`, ""},
		"changes before the partial are dropped": {[]string{change("orderBookL2", "update", `{"symbol":"XBTUSD","id":9,"side":"Buy","size":1}`),
			change("orderBookL2", "delete", `{"symbol":"XBTUSD","id":9,"side":"Buy"}`), change("orderBookL2", "insert", `{"symbol":"XBTUSD","id":9,"side":"Buy","size":1}`), otherPartial},
			"orderBookL2", `[{"id":1,"side":"Buy","size":5,"symbol":"ETHUSD"}]`, ""},
		"a partial of one symbol lets in no other": {[]string{otherPartial, change("orderBookL2", "insert", `{"symbol":"XBTUSD","id":9,"side":"Buy","size":1}`)},
			"orderBookL2", `[{"id":1,"side":"Buy","size":5,"symbol":"ETHUSD"}]`, ""},
		"an update has what changed": {[]string{otherPartial, change("orderBookL2", "update", `{"symbol":"ETHUSD","id":1,"side":"Buy","size":7,"price":3}`)},
			"orderBookL2", `[{"id":1,"price":3,"side":"Buy","size":7,"symbol":"ETHUSD"}]`, ""},
		"the key is all of the keys": {[]string{otherPartial, change("orderBookL2", "insert", `{"symbol":"ETHUSD","id":1,"side":"Sell","size":7}`)},
			"orderBookL2", `[{"id":1,"side":"Buy","size":5,"symbol":"ETHUSD"},{"id":1,"side":"Sell","size":7,"symbol":"ETHUSD"}]`, ""},
		"a delete deletes": {[]string{bookPartial, change("orderBookL2", "delete", `{"symbol":"XBTUSD","id":1,"side":"Sell"}`)},
			"orderBookL2", `[{"id":2,"side":"Buy","size":20,"symbol":"XBTUSD"}]`, ""},
		"a second partial replaces its symbol": {[]string{bookPartial, otherPartial,
			`{"table":"orderBookL2","action":"partial","keys":["symbol","id","side"],"filter":{"symbol":"XBTUSD"},"data":[]}`},
			"orderBookL2", `[{"id":1,"side":"Buy","size":5,"symbol":"ETHUSD"}]`, ""},
		"an update of an unknown row": {[]string{bookPartial, change("orderBookL2", "update", `{"symbol":"XBTUSD","id":7,"side":"Buy","size":1}`)}, "", "", "update of an unknown row"},
		"a delete of an unknown row":  {[]string{bookPartial, change("orderBookL2", "delete", `{"symbol":"XBTUSD","id":7,"side":"Buy"}`)}, "", "", "delete of an unknown row"},
		"a second insert":             {[]string{bookPartial, change("orderBookL2", "insert", `{"symbol":"XBTUSD","id":1,"side":"Sell","size":1}`)}, "", "", "second insert of"},
		"a row without its key":       {[]string{bookPartial, change("orderBookL2", "insert", `{"symbol":"XBTUSD","id":1,"size":1}`)}, "", "", "no side in a row"},
		"an unknown action":           {[]string{bookPartial, change("orderBookL2", "upsert", `{"symbol":"XBTUSD","id":1,"side":"Sell","size":1}`)}, "", "", "unknown action"},
		"rows without keys add up": {[]string{tradePartial, change("trade", "insert", `{"symbol":"XBTUSD","size":2},{"symbol":"ETHUSD","size":3}`)},
			"trade", `[{"size":1,"symbol":"XBTUSD"},{"size":2,"symbol":"XBTUSD"},{"size":3,"symbol":"ETHUSD"}]`, ""},
		"and the newest are kept": {[]string{tradePartial, change("trade", "insert", `{"size":2},{"size":3},{"size":4}`)}, "trade", `[{"size":2},{"size":3},{"size":4}]`, ""},
		"an order that ends is not held": {[]string{orderPartial, change("order", "insert", `{"orderID":"b","symbol":"XBTUSD","ordStatus":"Filled"}`),
			change("order", "update", `{"orderID":"a","ordStatus":"Canceled","leavesQty":0,"symbol":"XBTUSD"}`), change("order", "update", `{"orderID":"a","text":"late","symbol":"XBTUSD"}`)},
			"order", `null`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(3)
			_, err := fed(t, s, c.frames...)
			if c.lost != "" {
				require.ErrorContains(t, err, c.lost)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, held(t, s, c.table))
		})
	}
	s := newStore(3)
	_, err := fed(t, s, bookPartial)
	require.NoError(t, err)
	require.Equal(t, TableInfo{Keys: []string{"symbol", "id", "side"}, Types: map[string]string{"id": "long"}, ForeignKeys: map[string]string{"side": "side"},
		Attributes: map[string]string{"id": "sorted"}}, s.tables["orderBookL2"].info)
	s.drop("orderBookL2:XBTUSD")
	require.Equal(t, "null", held(t, s, "orderBookL2"))
	c, err := fed(t, s, change("orderBookL2", "insert", `{"symbol":"XBTUSD","id":1,"side":"Sell","size":1}`))
	require.NoError(t, err)
	require.Nil(t, c, "it is not listened to any more")
}

// The recording of the venue keeps to the protocol.
func TestRecordingKeepsTheProtocol(t *testing.T) {
	s := newStore(20)
	tables := map[string]int{}
	for n, frame := range recording(t) {
		var m tableFrame
		require.NoError(t, json.Unmarshal([]byte(frame), &m))
		if m.Table == "" {
			continue
		}
		c, err := s.take(&m)
		require.NoError(t, err, "frame %d", n)
		require.NotNil(t, c, "frame %d", n)
		tables[m.Table]++
	}
	require.Positive(t, tables["orderBookL2"])
	require.Greater(t, len(s.rows("orderBookL2")), 10_000)
	require.Len(t, s.rows("trade"), 20, "of 27")
}

// FuzzStore: whatever comes, a store keeps what it can read and says what it cannot.
func FuzzStore(f *testing.F) {
	for _, seed := range []string{bookPartial, orderPartial, tradePartial, `{"table":"order","action":"delete","data":[{"orderID":"a"}]}`,
		`{"table":"orderBookL2","action":"update","data":[{"symbol":"XBTUSD","id":1,"side":"Sell","size":null}]}`, `{"table":"x","action":"partial","keys":[""],"data":[{}]}`} {
		f.Add([]byte(bookPartial), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := newStore(3)
		for _, frame := range [][]byte{first, second, first} {
			var m tableFrame
			if json.Unmarshal(frame, &m) != nil {
				return
			}
			c, err := s.take(&m)
			if err == nil && c != nil && len(c.Rows) > len(m.Data) {
				t.Fatalf("%d changes of %d rows", len(c.Rows), len(m.Data))
			}
			if rows := s.rows(m.Table); len(m.Keys) == 0 && m.Action == "partial" && len(rows) > 3 {
				t.Fatalf("%d rows are kept, not 3", len(rows))
			}
		}
		_, _ = refusalIn(second)
	})
}

// A subscriber keeps as many rows and changes as it is told, or by default 1000 and 100 000.
// A change beyond them ends the connection, which makes a gap.
func TestSubscriberBounds(t *testing.T) {
	for _, c := range []struct{ keep, buffer, wantKeep, wantBuffer int }{
		{0, 0, 1000, 100_000}, {-1, -1, 1000, 100_000}, {1, 1, 1, 1}, {7, 3, 7, 3},
	} {
		s, err := NewSubscriber(t.Context(), SubscriberConfig{Config: Config{URL: "http://127.0.0.1:1",
			Policy: live.DefaultPolicy()}, Keep: c.keep, Buffer: c.buffer})
		require.NoError(t, err)
		require.Equal(t, []int{c.wantKeep, c.wantBuffer, c.wantKeep}, []int{s.cfg.Keep, s.cfg.Buffer, s.store.keep})
		if c.wantBuffer < 10 {
			frame := &tableFrame{Table: "trade", Action: "partial"}
			for range c.wantBuffer {
				require.NoError(t, s.table(frame))
			}
			require.NoError(t, s.table(&tableFrame{Table: "quote", Action: "insert"}), "before its partial")
			require.Len(t, s.changes, c.wantBuffer)
			require.ErrorContains(t, s.table(frame), "changes were dropped")
			require.Empty(t, s.changes)
		}
		require.NoError(t, s.Close())
	}
}
