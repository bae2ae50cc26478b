package exchangetest

import (
	"fmt"
	"slices"
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
	says  string
	test  func(c *client)
	needs need
}

// rule is a check that every market allows.
func rule(says string, test func(c *client)) check { return check{says: says, test: test} }

// on says what of the market a check cannot do without.
func (r check) on(n need) check {
	r.needs = n
	return r
}

// need is something of a market that not every kind of data shows.
type need uint8

const (
	anything   need = iota
	quantities      // how much there is at a price
	touch           // a best bid and a best ask
	stillness       // that a market which moves has not traded
	jumps           // that a price can move past others without being at them
)

// needs are what the kinds of data do not show, and what that means.
var needs = map[need]struct {
	lacking []Sight
	because string
}{
	quantities: {[]Sight{Trades}, "how much there is at a price is not known"},
	touch:      {[]Sight{Trades, Bars}, "there is no best bid and ask: the last price stands in"},
	stillness:  {[]Sight{Trades, Bars}, "the market moves by trades alone"},
	jumps:      {[]Sight{Bars}, "a bar passes every price between its extremes"},
}

// blind says why a check cannot be made with what is seen of a market; "": it can.
func (r check) blind(s Sight) string {
	if n := needs[r.needs]; slices.Contains(n.lacking, s) {
		return n.because
	}
	return ""
}

// capabilities is the table in docs/conformance.md.
func capabilities() []capability {
	return []capability{
		{"Types", "Market", rule("fills at the best price", marketFills), rule("has no price", marketHasNoPrice)},
		{"", "Limit", rule("rests until trades reach it", limitRests), rule("never fills beyond its limit", limitHolds).on(quantities)},
		{"", "Stop", rule("becomes a market order at its trigger", stop), rule("waits while its trigger is not reached", stopHolds).on(stillness)},
		{"", "StopLimit", rule("rests after its trigger", stopLimit), rule("needs a price", stopLimitNeedsPrice)},
		{"", "MarketIfTouched", rule("waits on the other side of the market", ifTouched), rule("needs a trigger price", ifTouchedNeedsStop)},
		{"", "LimitIfTouched", rule("rests after its trigger", limitIfTouched), rule("needs a price", ifTouchedNeedsPrice)},
		{"", "PrimaryPeg", rule("is priced from the near touch, once", peggedNear).on(touch), rule("needs Fixed", pegNeedsFixed)},
		{"", "MarketPeg", rule("is priced from the far touch", peggedFar).on(touch), rule("is of a Pegged order alone", pegIsPegged)},
		{"", "MidPricePeg, LastPeg", rule("are priced from the middle and the last trade", peggedElse).on(touch), rule("need an order that does not trail", pegDoesNotTrail)},
		{"", "TrailingStopPeg", rule("follows the market", trailingFollows), rule("does not come back, or wait on the wrong side", trailing)},

		{"Combinations", "ordType × timeInForce × execInst", rule("those of the table below are taken", combinationsTaken),
			rule("the others are refused, and the field is named", combinationsRefused)},

		{"Time in force", "GoodTillCancel", rule("outlives the day", gtcStays), rule("ends when it is cancelled", cancelAfterPart).on(quantities)},
		{"", "Day", rule("rests", dayRests), rule("ends at 00:00 UTC", dayEnds)},
		{"", "ImmediateOrCancel", rule("takes what there is", iocTakes), rule("never rests", immediateOrCancel).on(quantities)},
		{"", "FillOrKill", rule("takes all", fokTakes), rule("takes nothing if not all is there", fillOrKill).on(quantities)},

		{"Instructions", "ParticipateDoNotInitiate", rule("rests", postOnlyRests), rule("never takes, amended either", postOnly)},
		{"", "ReduceOnly", rule("closes a part", reduceOnlyCloses), rule("never opens or turns a position", reduceOnly)},
		{"", "ReduceOnly, resting", rule("shrinks with the position", reduceOnlyShrinks), rule("ends with it", reduceOnlyEnds)},
		{"", "Close", rule("is the whole position without a quantity", closeOrder), rule("cancels what would close more", closeMakesRoom)},
		{"", "LastPrice", rule("triggers by trades", lastTriggers), rule("not by the mark or the index", lastOnly)},
		{"", "MarkPrice", rule("triggers by the mark", markTriggers), rule("not by trades or the index", markOnly)},
		{"", "IndexPrice", rule("triggers by the index", indexTriggers), rule("not by trades or the mark", indexOnly)},
		{"", "LastWithinMark", rule("triggers by trades near the mark", withinTriggers), rule("not by one more than 5 % beyond it", withinHolds).on(jumps)},

		{"Display", "Hidden", rule("fills, and pays the taker's fee", hiddenPays), rule("is behind what is shown", hiddenIsBehind)},
		{"", "Iceberg", rule("is a maker with what it shows", icebergShows), rule("shows no more than there is", icebergTooLarge)},

		{"Linked", "OneCancelsTheOther", rule("a part of one ends the other", oneCancelsTheOther), rule("another group stays", otherGroupStays)},
		{"", "OneTriggersTheOther", rule("the child works once the parent has filled", oneTriggersTheOther), rule("and ends with it otherwise", orphans)},

		{"Amend", "price, orderQty, leavesQty", rule("replaces", amends), rule("not of a finished order", amendFinished)},
		{"", "price", rule("can take", amendTakes), rule("a refused one changes nothing", amendRefused)},
		{"", "place in the queue", rule("a smaller order keeps it", keepsPlace), rule("a larger one loses it", losesPlace)},
		{"", "leavesQty of a filled order", rule("makes it live again within a minute", revives), rule("not one that was cancelled", revivesNothing)},
		{"", "stopPx, pegOffsetValue", rule("moves the trigger and the peg", amendTriggers), rule("of an order that has none is refused", amendNoTrigger)},
		{"", "clOrdID", rule("renames", amendRenames), rule("not to one in use", amendDuplicate)},

		{"Cancel", "one", rule("ends the order, with what it has filled", cancelEnds), rule("of a finished order is refused", cancelFinished)},
		{"", "by id", rule("by either id", cancelByID), rule("an unknown order is refused", cancelUnknown)},
		{"", "all", rule("those that the filter selects", cancelAll), rule("not those that it does not", cancelAllOthers)},
		{"", "cancelAllAfter", rule("cancels unless renewed", cancelAllAfter), rule("never when disarmed", cancelAllAfterDisarmed)},

		{"Ids", "clOrdID", rule("is assigned if it is absent", idsAssigned), rule("twice places no second order", duplicates)},
		{"", "clOrdID, again", rule("is free after the order has ended", idsAgain), rule("is at most 36 characters", idTooLong)},
		{"Requests", "fields", rule("whole lots and ticks are taken", exactFields), rule("wrong ones are named", validation)},
		{"", "symbol", rule("the instrument is traded", marketFills), rule("an unknown one is an error", unknownSymbol)},
		{"Account", "position and wallet", rule("add up", addsUp), rule("nothing is left after closePosition", closePosition)},
		{"", "leverage", rule("is reported, or refused", leverage), rule("not below zero", leverageNegative)},
		{"", "isolated margin", rule("moves to a position and back", transferMargin),
			rule("not with cross margin, nor from below the initial margin", transferRefused)},
		{"", "risk limit", rule("is raised by whole steps, and margin with it", riskLimit), rule("an order beyond it is refused", riskLimitRefused)},
		{"", "liquidation", rule("takes over what its margin does not bear any more", liquidates), rule("ends its orders, and nothing else", liquidationEnds)},
		{"", "Close of the exchange", rule("twice is harmless", closedTwice), rule("nothing is taken after it", closed)},
	}
}

// skipped prints the rules that a kind of data is too poor for.
func skipped() string {
	var b strings.Builder
	b.WriteString("| capability | rule | skipped on | because |\n|---|---|---|---|\n")
	for _, c := range capabilities() {
		for _, r := range [2]check{c.does, c.refuses} {
			if r.needs == anything {
				continue
			}
			n := needs[r.needs]
			names := make([]string, len(n.lacking))
			for i, s := range n.lacking {
				names[i] = s.String()
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.name, r.says, strings.Join(names, ", "), n.because)
		}
	}
	return b.String()
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
