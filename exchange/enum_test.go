package exchange

import (
	"encoding"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

type textEnum[E any] interface {
	*E
	encoding.TextUnmarshaler
}

// words checks that every value of an enumeration, from the first that has a
// word, survives being written and read, also in JSON and as the key of a map.
func words[E interface {
	~uint8
	fmt.Stringer
	encoding.TextMarshaler
}, P textEnum[E]](t *testing.T, what string, first E, want ...string) {
	t.Helper()
	t.Run(what, func(t *testing.T) {
		for n, word := range want {
			e := first + E(n)
			require.Equal(t, word, e.String())
			text, err := json.Marshal(map[E]E{e: e})
			require.NoError(t, err)
			require.JSONEq(t, fmt.Sprintf(`{%q: %q}`, word, word), string(text))
			var back map[E]E
			require.NoError(t, json.Unmarshal(text, &back))
			require.Equal(t, map[E]E{e: e}, back)
		}
		last := first + E(len(want))
		require.Equal(t, fmt.Sprintf("invalid(%d)", last), last.String(), "the list is complete")

		var e E
		require.Error(t, P(&e).UnmarshalText([]byte("nonsense")))
		err := P(&e).UnmarshalText([]byte("nonsense"))
		require.ErrorContains(t, err, what+` "nonsense": want one of `)
		require.ErrorContains(t, err, want[len(want)-1])
		require.NotContains(t, err.Error(), "want one of ,")
		require.Error(t, P(&e).UnmarshalText([]byte(" ")))
	})
}

func TestEnums(t *testing.T) {
	words[Side](t, "side", NoSide, "", "Buy", "Sell")
	words[OrderType](t, "ordType", NoOrderType, "", "Market", "Limit", "Stop", "StopLimit", "MarketIfTouched", "LimitIfTouched", "Pegged")
	words[TimeInForce](t, "timeInForce", NoTimeInForce, "", "GoodTillCancel", "ImmediateOrCancel", "FillOrKill", "Day")
	words[PegPriceType](t, "pegPriceType", NoPeg, "", "LastPeg", "MidPricePeg", "MarketPeg", "PrimaryPeg", "TrailingStopPeg")
	words[ContingencyType](t, "contingencyType", NoContingency, "", "OneCancelsTheOther", "OneTriggersTheOther")
	words[OrderStatus](t, "ordStatus", NoStatus, "", "PendingNew", "New", "PartiallyFilled", "Filled", "Canceled", "Rejected", "Expired")
	words[Triggered](t, "triggered", NoTrigger, "", "NotTriggered", "StopOrderTriggered", "Triggered")
	words[ExecType](t, "execType", NoExecType, "", "New", "Trade", "Canceled", "Replaced", "Rejected", "Restated",
		"TriggeredOrActivatedBySystem", "CancelReject", "AmendReject", "Funding", "Settlement", "Liquidation", "Bankruptcy")
	words[Liquidity](t, "lastLiquidityInd", NoLiquidity, "", "AddedLiquidity", "RemovedLiquidity")
	words[Cause](t, "cause", NoCause, "", "book", "touch", "trade-at", "trade-past", "book-crossed", "bar-open", "bar-path", "forced", "self")
	words[Kind](t, "kind", 0, "", "inverse", "quanto", "linear", "spot")
}

// The constants and the words are two lists that must stay in step.
func TestEnumConstants(t *testing.T) {
	require.Equal(t, "Sell", Sell.String())
	require.Equal(t, "Pegged", Pegged.String())
	require.Equal(t, "Day", Day.String())
	require.Equal(t, "TrailingStopPeg", TrailingStopPeg.String())
	require.Equal(t, "OneTriggersTheOther", OneTriggersTheOther.String())
	require.Equal(t, "Expired", Expired.String())
	require.Equal(t, "Triggered", ContingentTriggered.String())
	require.Equal(t, "Bankruptcy", ExecBankruptcy.String())
	require.Equal(t, "RemovedLiquidity", RemovedLiquidity.String())
	require.Equal(t, "forced", ForcedClose.String())
	require.Equal(t, "spot", Spot.String())
	require.Equal(t, "gap", KindGap.String())
	require.Equal(t, "invalid(12)", (KindOrder + 1).String())
}

func TestSide(t *testing.T) {
	require.Equal(t, []Side{NoSide, Sell, Buy}, []Side{NoSide.Opposite(), Buy.Opposite(), Sell.Opposite()})
	require.Equal(t, []int64{0, 1, -1}, []int64{NoSide.Sign(), Buy.Sign(), Sell.Sign()})
	require.Equal(t, []Qty{0, 7, -7}, []Qty{NoSide.Signed(7), Buy.Signed(7), Sell.Signed(7)})
	require.Equal(t, []Side{NoSide, Buy, Sell}, []Side{SideOf(0), SideOf(9), SideOf(-9)})
}

func TestOrderTypeAndStatus(t *testing.T) {
	for ot := NoOrderType; ot <= Pegged; ot++ {
		waits := ot == Stop || ot == StopLimit || ot == MarketIfTouched || ot == LimitIfTouched
		require.Equal(t, waits, ot.Triggered(), ot)
	}
	for s := NoStatus; s <= Expired; s++ {
		over := s == Filled || s == Canceled || s == Rejected || s == Expired
		require.Equal(t, over, s.Final(), s)
	}
}

func TestExecInst(t *testing.T) {
	all := []string{
		"ParticipateDoNotInitiate", "ReduceOnly", "Close", "MarkPrice", "IndexPrice", "LastPrice", "LastWithinMark", "Fixed", "AllOrNone",
	}
	for n, word := range all {
		e := ExecInst(1) << n
		require.Equal(t, word, e.String())
		var back ExecInst
		require.NoError(t, back.UnmarshalText([]byte(word)))
		require.Equal(t, e, back)
	}
	require.Equal(t, "AllOrNone", AllOrNone.String())
	require.Equal(t, "Fixed", Fixed.String())
	require.Equal(t, PostOnly, ParticipateDoNotInitiate)

	e := PostOnly | ReduceOnly
	require.True(t, e.Has(ReduceOnly))
	require.True(t, e.Has(PostOnly|ReduceOnly))
	require.False(t, e.Has(ReduceOnly|Close), "all of them")
	text, err := json.Marshal(e)
	require.NoError(t, err)
	require.Equal(t, `"ParticipateDoNotInitiate,ReduceOnly"`, string(text))
	var back ExecInst
	require.NoError(t, json.Unmarshal([]byte(`" ReduceOnly, ParticipateDoNotInitiate,"`), &back))
	require.Equal(t, e, back)
	require.NoError(t, json.Unmarshal([]byte(`""`), &back))
	require.Zero(t, back)
	require.ErrorContains(t, json.Unmarshal([]byte(`"PostOnly"`), &back), `execInst "PostOnly": want one of ParticipateDoNotInitiate, `)
}
