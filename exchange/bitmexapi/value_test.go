package bitmexapi_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

func TestNumber(t *testing.T) {
	for text, want := range map[string]string{"null": "null", "1": "1", "0.1": "0.1", `"32180.5"`: "32180.5", "1e-7": "1e-7"} {
		var n bitmexapi.Number
		require.NoError(t, json.Unmarshal([]byte(text), &n), text)
		b, err := json.Marshal(n)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
	for _, text := range []string{`"x"`, `""`, `{}`, "true"} {
		var n bitmexapi.Number
		require.Error(t, json.Unmarshal([]byte(text), &n), text)
	}
	p, err := bitmexapi.Number("0.029509999999999998").Price()
	require.NoError(t, err)
	require.Equal(t, exchange.MustPrice("0.02951"), p)
}

func TestTime(t *testing.T) {
	at, err := exchange.ParseTime("2021-07-22T22:36:11.685Z")
	require.NoError(t, err)
	b, err := json.Marshal(bitmexapi.Time(at))
	require.NoError(t, err)
	require.Equal(t, `"2021-07-22T22:36:11.685Z"`, string(b))
	var back bitmexapi.Time
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, bitmexapi.Time(at), back)
	require.NoError(t, json.Unmarshal([]byte("null"), &back))
	require.Zero(t, back)
	require.Error(t, json.Unmarshal([]byte("5"), &back))
	require.Equal(t, "2000-01-01T08:00:00.000Z", bitmexapi.IntervalTime(8*time.Hour).String())
}

// The vectors of the venue's documentation, and two more made with another
// implementation of HMAC.
func TestSign(t *testing.T) {
	const secret = "chNOOS4KvNXR_Xq4k4c9qsfoKWvnDecLATCRlcBwyKDYnWgO"
	for _, c := range []struct {
		verb, path string
		expires    int64
		body, want string
	}{
		{"GET", "/api/v1/instrument", 1518064236, "", "c7682d435d0cfe87c16098df34ef2eb5a549d4c5a3c2b1f0f77b8af73423bf00"},
		{"GET", "/api/v1/instrument?filter=%7B%22symbol%22%3A+%22XBTM15%22%7D", 1518064237, "", "e2f422547eecb5b3cb29ade2127e21b858b235b386bfa45e1c1756eb3383919f"},
		{"POST", "/api/v1/order", 1518064238, `{"symbol":"XBTM15","price":219.0,"clOrdID":"mm_bitmex_1a/oemUeQ4CAJZgP3fjHsA","orderQty":98}`, "1749cd2ccae4aa49048ae09f0b95110cee706e0944e6a14ad0b3a8cb45bd336b"},
		{"GET", "/realtime", 1518064236, "", "6d459dc02866d35a2b965edeecc68063d488e296b77982235fc6eca24b934945"},
		{"DELETE", "/api/v1/order?orderID=abc", 1518064239, "", "85ac86681db4946f34c1c2feed9984e5c88fd80d104d1c8acdf110c606a3737a"},
	} {
		require.Equal(t, c.want, bitmexapi.Sign(secret, c.verb, c.path, c.expires, []byte(c.body)))
		require.True(t, bitmexapi.Verify(c.want, secret, c.verb, c.path, c.expires, []byte(c.body)))
		require.False(t, bitmexapi.Verify(c.want, secret, c.verb, c.path, c.expires+1, []byte(c.body)))
	}
}

func TestOrderRoundTrip(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	o := exchange.Order{
		OrderID: "a", ClientID: "b", LinkID: "c", Symbol: i.ID, Side: exchange.Sell, Qty: 300, Price: exchange.MustPrice("32180.5"),
		DisplayQty: exchange.Hidden, StopPrice: exchange.MustPrice("32000"), PegOffset: exchange.MustPrice("-10"),
		PegType: exchange.TrailingStopPeg, Type: exchange.StopLimit, TimeInForce: exchange.GoodTillCancel,
		ExecInst: exchange.LastPrice | exchange.ReduceOnly, Contingency: exchange.OneCancelsTheOther, Status: exchange.PartiallyFilled,
		Triggered: exchange.StopOrderTriggered, Working: true, RejectReason: "r", Leaves: 200, Filled: 100,
		AvgPrice: exchange.MustPrice("32180.6234"), Text: "t", TransactTime: 1_600_000_000_000_000_000, Time: 1_600_000_001_000_000_000,
	}
	row := bitmexapi.RowOfOrder(&o, i, 7)
	b, err := json.Marshal(row)
	require.NoError(t, err)
	var read bitmexapi.Order
	require.NoError(t, json.Unmarshal(b, &read))
	back, err := read.Order(i)
	require.NoError(t, err)
	require.Equal(t, o, back)

	read.OrdStatus = "Lost"
	_, err = read.Order(i)
	require.ErrorContains(t, err, "ordStatus: ")
}
