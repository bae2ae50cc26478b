package exchangetest

import (
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Combination is a type of order with a time in force and an execution instruction,
// and what the venue says to it.
type Combination struct {
	Type        exchange.OrderType
	Peg         exchange.PegPriceType // of a pegged order, or a trailing stop
	TimeInForce exchange.TimeInForce
	ExecInst    exchange.ExecInst
	// Refusal is the venue's text; empty if it takes the order. Field is what it is
	// about.
	Refusal, Field string
}

// The venue's texts.
const (
	badOrderType   = "Invalid ordType for execInst"
	badTimeInForce = "Invalid ordType or timeInForce for execInst"
	badExecInst    = "Invalid execInst"
	badMarketDay   = "Unsupported timeInForce"
)

// kindOfOrder is a row of the table of combinations.
type kindOfOrder struct {
	name  string
	order exchange.NewOrder // without prices
	limit bool              // has a limit price
	stop  bool              // waits for a trigger
}

func kindsOfOrders() []kindOfOrder {
	trail := exchange.TrailingStopPeg
	return []kindOfOrder{
		{"Limit", exchange.NewOrder{Type: exchange.Limit}, true, false},
		{"Market", exchange.NewOrder{Type: exchange.Market}, false, false},
		{"Stop", exchange.NewOrder{Type: exchange.Stop}, false, true},
		{"StopLimit", exchange.NewOrder{Type: exchange.StopLimit}, true, true},
		{"MarketIfTouched", exchange.NewOrder{Type: exchange.MarketIfTouched}, false, true},
		{"LimitIfTouched", exchange.NewOrder{Type: exchange.LimitIfTouched}, true, true},
		{"Pegged", exchange.NewOrder{Type: exchange.Pegged, PegType: exchange.PrimaryPeg, ExecInst: exchange.Fixed}, true, false},
		{"Stop that trails", exchange.NewOrder{Type: exchange.Stop, PegType: trail}, false, true},
		{"StopLimit that trails", exchange.NewOrder{Type: exchange.StopLimit, PegType: trail}, true, true},
	}
}

var timesInForce = []exchange.TimeInForce{exchange.GoodTillCancel, exchange.ImmediateOrCancel, exchange.FillOrKill, exchange.Day}

var instructions = []exchange.ExecInst{
	0, exchange.ParticipateDoNotInitiate, exchange.ReduceOnly, exchange.Close, exchange.MarkPrice, exchange.IndexPrice, exchange.LastPrice,
	exchange.LastPrice | exchange.LastWithinMark, exchange.LastWithinMark, exchange.MarkPrice | exchange.LastPrice, exchange.Fixed,
	exchange.AllOrNone,
}

// Combinations lists every type of order with every time in force and every
// instruction.
func Combinations() (all []Combination) {
	for _, k := range kindsOfOrders() {
		for _, tif := range timesInForce {
			for _, inst := range instructions {
				c := Combination{Type: k.order.Type, Peg: k.order.PegType, TimeInForce: tif, ExecInst: inst | k.order.ExecInst}
				c.Refusal, c.Field = refusal(k, tif, inst)
				all = append(all, c)
			}
		}
	}
	return all
}

// refusal is the venue's rule, from its documentation of orders.
func refusal(k kindOfOrder, tif exchange.TimeInForce, inst exchange.ExecInst) (text, field string) {
	rests := k.limit && (tif == exchange.GoodTillCancel || tif == exchange.Day)
	switch triggers := inst & (exchange.MarkPrice | exchange.IndexPrice | exchange.LastPrice); {
	case inst == exchange.AllOrNone, triggers == exchange.MarkPrice|exchange.LastPrice:
		return badExecInst, "execInst"
	case inst == exchange.ParticipateDoNotInitiate && !rests:
		return badTimeInForce, "execInst"
	case triggers != 0 && !k.stop:
		return badOrderType, "execInst"
	case inst.Has(exchange.LastWithinMark) && (triggers != exchange.LastPrice || k.order.Type != exchange.Stop && k.order.Type != exchange.StopLimit):
		return badOrderType, "execInst"
	case inst == exchange.Fixed && k.order.PegType == exchange.NoPeg:
		return badOrderType, "execInst"
	case k.order.Type == exchange.Market && tif == exchange.Day:
		return badMarketDay, "timeInForce"
	}
	return "", ""
}

// order makes an order of a combination that waits or rests away from the market, if
// its type allows that.
func (c *Combination) order(x *client) exchange.NewOrder {
	o := exchange.NewOrder{Symbol: x.h.Instrument.ID, Side: exchange.Sell, Qty: x.lots(1), Type: c.Type, TimeInForce: c.TimeInForce, ExecInst: c.ExecInst,
		PegType: c.Peg}
	below := c.Type == exchange.Stop || c.Type == exchange.StopLimit
	switch {
	case c.Type == exchange.Pegged:
		o.PegOffset = x.ticks(2) - x.ticks(0)
	case c.Peg == exchange.TrailingStopPeg:
		o.PegOffset = x.ticks(0) - x.ticks(300)
	case below:
		o.StopPrice = x.ticks(-300)
	case c.Type.Triggered():
		o.StopPrice = x.ticks(300)
	}
	if c.Type == exchange.Limit || c.Type == exchange.StopLimit || c.Type == exchange.LimitIfTouched {
		o.Price = x.ticks(4)
	}
	return o
}

// combinationsTaken places every order that the venue takes.
func combinationsTaken(c *client) {
	for _, k := range Combinations() {
		if k.Refusal != "" {
			continue
		}
		c.quoteAgain()
		id := c.submit(k.order(c))
		c.until("an answer", func() bool { return c.orders[id].OrderID != "" })
		c.settleShortly()
		require.NotEqual(c.t, exchange.Rejected, c.orders[id].Status, "%+v: %s", k, c.orders[id].RejectReason)
		if !c.orders[id].Status.Final() {
			c.cancel(id)
			c.ends(id, exchange.Canceled)
		}
	}
}

// combinationsRefused tries every order that the venue does not take.
func combinationsRefused(c *client) {
	for _, k := range Combinations() {
		if k.Refusal == "" {
			continue
		}
		_, err := c.h.Exchange.Submit(c.t.Context(), k.order(c))
		var wrong *exchange.ValidationError
		require.ErrorAs(c.t, err, &wrong, "%+v", k)
		require.Equal(c.t, k.Field, wrong.Field, "%+v", k)
	}
	c.settle()
	require.Empty(c.t, c.orders, "a wrong order was sent")
}

// combinationTables prints the combinations for the document.
func combinationTables() string {
	var b strings.Builder
	b.WriteString("| execInst |")
	for _, k := range kindsOfOrders() {
		b.WriteString(" " + k.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(kindsOfOrders())) + "\n")
	for _, inst := range instructions {
		name := inst.String()
		if inst == 0 {
			name = "none"
		}
		b.WriteString("| " + strings.ReplaceAll(name, ",", ", ") + " |")
		for _, k := range kindsOfOrders() {
			b.WriteString(" " + cell(k, inst) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// cell says with which times in force an instruction goes with a type of order.
func cell(k kindOfOrder, inst exchange.ExecInst) string {
	var taken []string
	for _, tif := range timesInForce {
		if text, _ := refusal(k, tif, inst); text == "" {
			taken = append(taken, map[exchange.TimeInForce]string{exchange.GoodTillCancel: "GTC", exchange.ImmediateOrCancel: "IOC",
				exchange.FillOrKill: "FOK", exchange.Day: "Day"}[tif])
		}
	}
	switch {
	case len(taken) == 0:
		return "no"
	case len(taken) == len(timesInForce):
		return "all"
	}
	return strings.Join(slices.Clip(taken), " ")
}
