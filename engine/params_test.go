package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

var definition = engine.Definition{Name: "demo", Params: []engine.Param{
	engine.IntParam("fast", 10, 1, 100, "bars"),
	engine.QtyParam("qty", 100, "contracts"),
	engine.FloatParam("skew", 0.5, -1, 1, "share"),
	engine.PriceParam("stop", exchange.MustPrice("0.5"), 0, exchange.MustPrice("1000"), "price"),
	engine.DurationParam("wait", time.Minute, time.Second, time.Hour, "time"),
	engine.BoolParam("short", true, "both ways"),
	engine.ChoiceParam("on", []string{"close", "open"}, "when"),
	engine.BarsParam("bars", "series"),
}}

func TestParamDefaults(t *testing.T) {
	v, err := definition.Values(nil)
	require.NoError(t, err)
	require.Equal(t, 10, v.Int("fast"))
	require.Equal(t, exchange.Qty(100), v.Qty("qty"))
	require.InDelta(t, 0.5, v.Float("skew"), 0)
	require.Equal(t, exchange.MustPrice("0.5"), v.Price("stop"))
	require.Equal(t, time.Minute, v.Duration("wait"))
	require.True(t, v.Bool("short"))
	require.Equal(t, "close", v.Choice("on"))
	require.Equal(t, engine.BarSpec{}, v.Bars("bars"))
	require.Equal(t, map[string]string{"fast": "10", "qty": "100", "skew": "0.5", "stop": "0.5", "wait": "1m0s", "short": "true",
		"on": "close", "bars": ""}, v.Text())
}

func TestParamValues(t *testing.T) {
	v, err := definition.Values(map[string]string{"fast": "100", "qty": "1", "skew": "-1", "stop": "1e3", "wait": "90s", "short": "0",
		"on": "open", "bars": "500t"})
	require.NoError(t, err)
	require.Equal(t, 100, v.Int("fast"))
	require.Equal(t, exchange.Qty(1), v.Qty("qty"))
	require.InDelta(t, -1, v.Float("skew"), 0)
	require.Equal(t, exchange.MustPrice("1000"), v.Price("stop"))
	require.Equal(t, 90*time.Second, v.Duration("wait"))
	require.False(t, v.Bool("short"))
	require.Equal(t, "open", v.Choice("on"))
	require.Equal(t, engine.BarSpec{Kind: engine.TickBars, Count: 500}, v.Bars("bars"))
	require.Panics(t, func() { v.Int("qty") }, "it is another type")
	require.PanicsWithValue(t, `engine: parameter "slow" is not declared as a int64`, func() { v.Int("slow") })
}

func TestParamErrors(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"fast", "0", "strategy demo: parameter fast=0: want a whole number from 1 to 100"},
		{"fast", "101", "strategy demo: parameter fast=101: want a whole number from 1 to 100"},
		{"fast", "1.5", "strategy demo: parameter fast=1.5: want a whole number from 1 to 100"},
		{"qty", "0", "strategy demo: parameter qty=0: want a whole number of contracts from 1 to 9223372036854775807"},
		{"skew", "NaN", "strategy demo: parameter skew=NaN: want a number from -1 to 1"},
		{"skew", "-1.01", "strategy demo: parameter skew=-1.01: want a number from -1 to 1"},
		{"skew", "inf", "strategy demo: parameter skew=inf: want a number from -1 to 1"},
		{"stop", "-0.5", "strategy demo: parameter stop=-0.5: want a price from 0 to 1000"},
		{"stop", "1000.5", "strategy demo: parameter stop=1000.5: want a price from 0 to 1000"},
		{"wait", "5", "strategy demo: parameter wait=5: want a duration such as 90s from 1s to 1h0m0s"},
		{"wait", "2h", "strategy demo: parameter wait=2h: want a duration such as 90s from 1s to 1h0m0s"},
		{"short", "maybe", "strategy demo: parameter short=maybe: want true or false"},
		{"on", "noon", "strategy demo: parameter on=noon: want one of close, open"},
		{"bars", "1x", `strategy demo: parameter bars=1x: bars "1x": want a time such as 1m, 4h or 1d, trades such as 500t, or contracts such as 1000000v`},
		{"slow", "5", "strategy demo: parameter slow: unknown; want one of fast, qty, skew, stop, wait, short, on, bars"},
	} {
		_, err := definition.Values(map[string]string{c.name: c.value})
		var param *engine.ParamError
		require.ErrorAs(t, err, &param)
		require.Equal(t, c.name, param.Name)
		require.EqualError(t, err, c.want)
	}
	none := engine.Definition{Name: "plain"}
	_, err := none.Values(map[string]string{"qty": "1"})
	require.EqualError(t, err, "strategy plain: parameter qty: unknown; want one of (it has none)")
}
