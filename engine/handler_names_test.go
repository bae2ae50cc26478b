package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

type plain struct{}

func (plain) Init(*engine.Context) error { return nil }

type misspelt struct{ plain }

func (misspelt) OnBars(*engine.Context, *engine.Bar) {}

type byValue struct{ plain }

func (byValue) OnBar(*engine.Context, engine.Bar) {}

type answering struct{ plain }

func (*answering) OnQuote(*engine.Context, exchange.SymbolID, exchange.Quote) error { return nil }

type onlyNames struct{ plain }

func (onlyNames) Once()                                   {}
func (onlyNames) On()                                     {}
func (onlyNames) Onward(int)                              {}
func (onlyNames) OnTimer(*engine.Context, engine.TimerID) {}

// embedded has its handler from a part.
type embedded struct{ onlyNames }

// A method that looks like a handler and would never be called is an error at the start.
func TestHandlersThatAreNeverCalled(t *testing.T) {
	for _, c := range []struct {
		strategy engine.Strategy
		want     string
	}{
		{plain{}, ""},
		{onlyNames{}, ""},
		{&embedded{}, ""},
		{misspelt{}, "method OnBars is no handler and is never called; handlers are OnBar, OnBook, OnFill, OnFunding, " +
			"OnGap, " +
			"OnMark, OnOrder, OnPosition, OnQuote, OnReject, OnRisk, OnStop, OnTimer, OnTrade " +
			"(do not begin the names of other methods with On)"},
		{byValue{}, "handler OnBar has the form func(*engine.Context, engine.Bar) and is never called; " +
			"want func(*engine.Context, *engine.Bar)"},
		{&answering{}, "handler OnQuote has the form func(*engine.Context, exchange.SymbolID, exchange.Quote) error and is " +
			"never called; want func(*engine.Context, exchange.SymbolID, exchange.Quote)"},
	} {
		config := newRun(t, trade(0, 1, 1)).config
		config.Strategy = c.strategy
		_, err := engine.New(config)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		var wrong *engine.HandlerError
		require.ErrorAs(t, err, &wrong)
		require.EqualError(t, err, c.want)
	}
}

// What a strategy logs has the time of the run, in groups and with attributes too.
func TestLogHasTheTimeOfTheRun(t *testing.T) {
	var out bytes.Buffer
	r := newRun(t, trade(0, 1, 1), trade(time.Second, 1, 1))
	r.config.Log = slog.New(slog.NewJSONHandler(&out, nil))
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		ctx.Log().Info("plain")
		ctx.Log().With("n", 1).Info("with")
		ctx.Log().WithGroup("g").Info("grouped")
	}
	r.lines(t)
	var got []string
	for d := json.NewDecoder(&out); d.More(); {
		var line struct {
			Msg string
			At  time.Time
			N   int
			G   struct{ At time.Time }
		}
		require.NoError(t, d.Decode(&line))
		at := line.At
		if line.Msg == "grouped" {
			at = line.G.At
		}
		require.Equal(t, line.Msg == "with", line.N == 1)
		got = append(got, at.Sub(time.Unix(0, int64(t0))).String()+" "+line.Msg)
	}
	require.Equal(t, []string{"0s plain", "0s with", "0s grouped", "1s plain", "1s with", "1s grouped"}, got)
}

// refusing is a venue that refuses every command at once.
type refusing struct{ *venue }

var errRefused = errors.New("qty: want more than 0")

func (refusing) Submit(context.Context, exchange.NewOrder) (exchange.ClientID, error) {
	return "", errRefused
}
func (refusing) Amend(context.Context, exchange.AmendOrder) error       { return errRefused }
func (refusing) Cancel(context.Context, exchange.CancelOrder) error     { return errRefused }
func (refusing) CancelAll(context.Context, exchange.CancelFilter) error { return errRefused }
func (refusing) ClosePosition(context.Context, exchange.SymbolID) (exchange.ClientID, error) {
	return "", errRefused
}
func (refusing) SetLeverage(context.Context, exchange.SymbolID, exchange.Ratio) error {
	return errRefused
}

// Each command that is refused at once is counted, whatever its kind.
func TestRefusedCommandsAreCounted(t *testing.T) {
	r := newRun(t, trade(0, 1, 1))
	r.listener.init = func(ctx *engine.Context) error {
		require.ErrorIs(t, ctx.Cancel(xbt, "a"), engine.ErrNotStarted)
		return nil
	}
	r.config.Exchange = refusing{&r.venue}
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		_, err := ctx.Market(xbt, 1)
		require.Error(t, err)
		_, err = ctx.ClosePosition(xbt)
		require.Error(t, err)
		for _, err := range []error{ctx.Amend(exchange.AmendOrder{Symbol: xbt, OrigClientID: "a"}), ctx.Cancel(xbt, "a"),
			ctx.CancelAll(xbt), ctx.SetLeverage(xbt, 1), ctx.TransferMargin(xbt, 1), ctx.SetRiskLimit(xbt, 1)} {
			require.Error(t, err)
		}
	}
	e, err := engine.New(r.config)
	require.NoError(t, err)
	s, err := e.Run(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 9, s.Refused)
	require.ErrorIs(t, s.FirstRefusal, engine.ErrNotStarted)
}
