// Command play is the backtest command with two strategies more, for the comparison with
// other engines (docs/crosscheck.md).
//
//	play ORDERS.csv run --strategy play ...   sends the orders of a file
//	play - run --strategy cross ...           trades when two averages of closes cross
//
// A file of orders has the columns id, send and cancel (nanoseconds since 1970), side (buy or
// sell), price and qty. The orders are post-only limit orders.
package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: play ORDERS.csv run --strategy play ... (or - for no orders)")
		os.Exit(2)
	}
	var actions []action
	if name := os.Args[1]; name != "-" {
		var err error
		if actions, err = readOrders(name); err != nil {
			fmt.Fprintln(os.Stderr, "play:", err)
			os.Exit(1)
		}
	}
	os.Args = slices.Delete(os.Args, 1, 2)
	os.Exit(cli.Main([]engine.Definition{playing(actions), crossing()}))
}

// action is an order that is sent or cancelled.
type action struct {
	at    exchange.Time
	id    exchange.ClientID
	order exchange.NewOrder // Qty is 0 for a cancel
}

var columns = []string{"id", "send", "cancel", "side", "price", "qty"}

// readOrders returns the actions of a file in the order of their times.
func readOrders(name string) (list []action, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := csv.NewReader(f)
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !slices.Equal(head, columns) {
		return nil, fmt.Errorf("%s: columns %q, want %q", name, head, columns)
	}
	for line := 2; ; line++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			list, err = appendOrder(list, row)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, line, err)
		}
	}
	slices.SortStableFunc(list, func(a, b action) int { return int(a.at.Sub(b.at)) })
	return list, nil
}

func appendOrder(list []action, row []string) ([]action, error) {
	o := exchange.NewOrder{ClientID: exchange.ClientID(row[0]), Type: exchange.Limit, ExecInst: exchange.PostOnly}
	send, err := strconv.ParseInt(row[1], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	end, err := strconv.ParseInt(row[2], 10, 64)
	if err != nil || end <= send {
		return nil, fmt.Errorf("cancel %q: want a time after send", row[2])
	}
	switch row[3] {
	case "buy":
		o.Side = exchange.Buy
	case "sell":
		o.Side = exchange.Sell
	default:
		return nil, fmt.Errorf("side %q: want buy or sell", row[3])
	}
	if o.Price, err = exchange.ParsePrice(row[4]); err != nil {
		return nil, err
	}
	if o.Qty, err = exchange.ParseQty(row[5]); err != nil {
		return nil, err
	}
	return append(
		list,
		action{exchange.Time(send), o.ClientID, o},
		action{exchange.Time(end), o.ClientID, exchange.NewOrder{}},
	), nil
}

// play sends orders and cancels at their times.
type play struct{ next []action }

func playing(list []action) engine.Definition {
	return engine.Definition{
		Name: "play", Summary: "Sends the orders of a file",
		New: func(engine.Values) (engine.Strategy, error) { return &play{list}, nil },
	}
}

func (p *play) Init(ctx *engine.Context) error {
	p.wait(ctx)
	return nil
}

func (p *play) wait(ctx *engine.Context) {
	if len(p.next) > 0 {
		ctx.After(p.next[0].at.Sub(ctx.Now()))
	}
}

func (p *play) OnTimer(ctx *engine.Context, _ engine.TimerID) {
	for len(p.next) > 0 && p.next[0].at <= ctx.Now() {
		a := p.next[0]
		p.next = p.next[1:]
		if a.order.Qty == 0 {
			if slices.ContainsFunc(
				ctx.Orders(ctx.Symbol()),
				func(o exchange.Order) bool { return o.ClientID == a.id },
			) {
				if err := ctx.Cancel(ctx.Symbol(), a.id); err != nil {
					ctx.Halt(err.Error())
				}
			}
			continue
		}
		a.order.Symbol = ctx.Symbol()
		if _, err := ctx.Submit(a.order); err != nil {
			ctx.Halt(err.Error())
		}
	}
	p.wait(ctx)
}

// cross holds a quantity long while the average of the last closes of one number is above that
// of another, and short while it is below.
type cross struct {
	qty        exchange.Qty
	fast, slow int
	closes     []exchange.Price
}

func crossing() engine.Definition {
	return engine.Definition{
		Name: "cross", Summary: "Trades when two averages of closes cross",
		Params: []engine.Param{
			engine.IntParam("fast", 10, 1, 10_000, "closes of the fast average"),
			engine.IntParam("slow", 30, 2, 10_000, "closes of the slow average"),
			engine.QtyParam("qty", 1000, "contracts of the position"),
		},
		New: func(v engine.Values) (engine.Strategy, error) {
			return &cross{qty: v.Qty("qty"), fast: v.Int("fast"), slow: v.Int("slow")}, nil
		},
	}
}

func (c *cross) Init(ctx *engine.Context) error {
	return ctx.Bars(ctx.Symbol(), engine.BarSpec{Interval: 60e9})
}

func (c *cross) OnBar(ctx *engine.Context, bar *engine.Bar) {
	if c.closes = append(c.closes, bar.Close); len(c.closes) < c.slow {
		return
	}
	c.closes = c.closes[len(c.closes)-c.slow:]
	// Sums of the fixed point prices: the averages compare as their cross products do.
	fast, slow := sum(c.closes[c.slow-c.fast:])*int64(c.slow), sum(c.closes)*int64(c.fast)
	target := ctx.PositionQty(bar.Symbol)
	switch {
	case fast > slow:
		target = c.qty
	case fast < slow:
		target = -c.qty
	}
	if d := target - ctx.PositionQty(bar.Symbol); d != 0 {
		if _, err := ctx.Market(bar.Symbol, d); err != nil {
			ctx.Halt(err.Error())
		}
	}
}

// sum adds prices in cents, so that no product of a sum overflows.
func sum(prices []exchange.Price) (s int64) {
	for _, p := range prices {
		s += int64(p / (exchange.PriceUnit / 100))
	}
	return s
}
