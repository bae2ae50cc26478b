package exchangetest

import (
	"fmt"
	"strings"
)

// capability is a row of the table of what an exchange does: something that works, and
// what must not happen, or is not taken.
type capability struct {
	area, name string
	does       check
	refuses    check
}

// check is a rule in words and in code.
type check struct {
	says string
	test func(c *client)
}

// capabilities is the table in docs/conformance.md.
func capabilities() []capability {
	return []capability{
		{"Types", "Market", check{"fills at the best price", marketFills}, check{"has no price", marketHasNoPrice}},
		{"", "Limit", check{"rests until trades reach it", limitRests}, check{"never fills beyond its limit", limitHolds}},
		{"", "Stop", check{"becomes a market order at its trigger", stop}, check{"waits while its trigger is not reached", stopHolds}},
		{"", "StopLimit", check{"rests after its trigger", stopLimit}, check{"needs a price", stopLimitNeedsPrice}},
		{"", "MarketIfTouched", check{"waits on the other side of the market", ifTouched}, check{"needs a trigger price", ifTouchedNeedsStop}},
		{"", "LimitIfTouched", check{"rests after its trigger", limitIfTouched}, check{"needs a price", ifTouchedNeedsPrice}},
		{"", "PrimaryPeg", check{"is priced from the near touch, once", peggedNear}, check{"needs Fixed", pegNeedsFixed}},
		{"", "MarketPeg", check{"is priced from the far touch", peggedFar}, check{"is of a Pegged order alone", pegIsPegged}},
		{"", "MidPricePeg, LastPeg", check{"are priced from the middle and the last trade", peggedElse}, check{"need an order that does not trail", pegDoesNotTrail}},
		{"", "TrailingStopPeg", check{"follows the market", trailingFollows}, check{"does not come back, or wait on the wrong side", trailing}},

		{"Combinations", "ordType × timeInForce × execInst", check{"those of the table below are taken", combinationsTaken},
			check{"the others are refused, and the field is named", combinationsRefused}},

		{"Time in force", "GoodTillCancel", check{"outlives the day", gtcStays}, check{"ends when it is cancelled", cancelAfterPart}},
		{"", "Day", check{"rests", dayRests}, check{"ends at 00:00 UTC", dayEnds}},
		{"", "ImmediateOrCancel", check{"takes what there is", iocTakes}, check{"never rests", immediateOrCancel}},
		{"", "FillOrKill", check{"takes all", fokTakes}, check{"takes nothing if not all is there", fillOrKill}},

		{"Instructions", "ParticipateDoNotInitiate", check{"rests", postOnlyRests}, check{"never takes, amended either", postOnly}},
		{"", "ReduceOnly", check{"closes a part", reduceOnlyCloses}, check{"never opens or turns a position", reduceOnly}},
		{"", "ReduceOnly, resting", check{"shrinks with the position", reduceOnlyShrinks}, check{"ends with it", reduceOnlyEnds}},
		{"", "Close", check{"is the whole position without a quantity", closeOrder}, check{"cancels what would close more", closeMakesRoom}},
		{"", "LastPrice", check{"triggers by trades", lastTriggers}, check{"not by the mark or the index", lastOnly}},
		{"", "MarkPrice", check{"triggers by the mark", markTriggers}, check{"not by trades or the index", markOnly}},
		{"", "IndexPrice", check{"triggers by the index", indexTriggers}, check{"not by trades or the mark", indexOnly}},
		{"", "LastWithinMark", check{"triggers by trades near the mark", withinTriggers}, check{"not by one more than 5 % beyond it", withinHolds}},

		{"Display", "Hidden", check{"fills, and pays the taker's fee", hiddenPays}, check{"is behind what is shown", hiddenIsBehind}},
		{"", "Iceberg", check{"is a maker with what it shows", icebergShows}, check{"shows no more than there is", icebergTooLarge}},

		{"Linked", "OneCancelsTheOther", check{"a part of one ends the other", oneCancelsTheOther}, check{"another group stays", otherGroupStays}},
		{"", "OneTriggersTheOther", check{"the child works once the parent has filled", oneTriggersTheOther}, check{"and ends with it otherwise", orphans}},

		{"Amend", "price, orderQty, leavesQty", check{"replaces", amends}, check{"not of a finished order", amendFinished}},
		{"", "price", check{"can take", amendTakes}, check{"a refused one changes nothing", amendRefused}},
		{"", "place in the queue", check{"a smaller order keeps it", keepsPlace}, check{"a larger one loses it", losesPlace}},
		{"", "leavesQty of a filled order", check{"makes it live again within a minute", revives}, check{"not one that was cancelled", revivesNothing}},
		{"", "stopPx, pegOffsetValue", check{"moves the trigger and the peg", amendTriggers}, check{"of an order that has none is refused", amendNoTrigger}},
		{"", "clOrdID", check{"renames", amendRenames}, check{"not to one in use", amendDuplicate}},

		{"Cancel", "one", check{"ends the order, with what it has filled", cancelEnds}, check{"of a finished order is refused", cancelFinished}},
		{"", "by id", check{"by either id", cancelByID}, check{"an unknown order is refused", cancelUnknown}},
		{"", "all", check{"those that the filter selects", cancelAll}, check{"not those that it does not", cancelAllOthers}},
		{"", "cancelAllAfter", check{"cancels unless renewed", cancelAllAfter}, check{"never when disarmed", cancelAllAfterDisarmed}},

		{"Ids", "clOrdID", check{"is assigned if it is absent", idsAssigned}, check{"twice places no second order", duplicates}},
		{"", "clOrdID, again", check{"is free after the order has ended", idsAgain}, check{"is at most 36 characters", idTooLong}},
		{"Requests", "fields", check{"whole lots and ticks are taken", exactFields}, check{"wrong ones are named", validation}},
		{"", "symbol", check{"the instrument is traded", marketFills}, check{"an unknown one is an error", unknownSymbol}},
		{"Account", "position and wallet", check{"add up", addsUp}, check{"nothing is left after closePosition", closePosition}},
		{"", "leverage", check{"is reported, or refused", leverage}, check{"not below zero", leverageNegative}},
		{"", "isolated margin", check{"moves to a position and back", transferMargin},
			check{"not with cross margin, nor from below the initial margin", transferRefused}},
		{"", "risk limit", check{"is raised by whole steps, and margin with it", riskLimit}, check{"an order beyond it is refused", riskLimitRefused}},
		{"", "Close of the exchange", check{"twice is harmless", closedTwice}, check{"nothing is taken after it", closed}},
	}
}

// table prints the capabilities for the document.
func table() string {
	var b strings.Builder
	b.WriteString("| | capability | works | and |\n|---|---|---|---|\n")
	for _, c := range capabilities() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.area, c.name, c.does.says, c.refuses.says)
	}
	return b.String()
}
