package strategies

import (
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

type bh struct {
	qty  exchange.Qty
	done bool
}

func (b *bh) Init(*engine.Context) error { return nil }
func (b *bh) OnBar(c *engine.Context, bar *engine.Bar) {
	if !b.done {
		b.done = true
		c.Market(bar.Symbol, b.qty)
	}
}

type sma struct {
	f, s     int
	qty, tgt exchange.Qty
	c        []exchange.Price
	fs, ss   exchange.Price
}

func (b *sma) Init(*engine.Context) error { return nil }
func (b *sma) OnBar(c *engine.Context, bar *engine.Bar) {
	b.c = append(b.c, bar.Close)
	n := len(b.c)
	b.fs += bar.Close
	b.ss += bar.Close
	if n > b.f {
		b.fs -= b.c[n-1-b.f]
	}
	if n > b.s {
		b.ss -= b.c[n-1-b.s]
	}
	if n < b.s {
		return
	}
	t := b.tgt
	x, y := b.fs/1e6*exchange.Price(b.s), b.ss/1e6*exchange.Price(b.f)
	if x > y {
		t = b.qty
	}
	if x < y {
		t = -b.qty
	}
	if t != b.tgt {
		c.Market(bar.Symbol, t-b.tgt)
		b.tgt = t
	}
}
func All() []engine.Definition {
	return []engine.Definition{
		{Name: "buy_and_hold", Params: []engine.Param{engine.QtyParam("qty", 10000, "")}, New: func(v engine.Values) (engine.Strategy, error) { return &bh{qty: v.Qty("qty")}, nil }},
		{Name: "sma_cross", Params: []engine.Param{engine.IntParam("fast", 20, 1, 10000, ""), engine.IntParam("slow", 100, 1, 10000, ""), engine.QtyParam("qty", 10000, "")}, New: func(v engine.Values) (engine.Strategy, error) {
			return &sma{f: v.Int("fast"), s: v.Int("slow"), qty: v.Qty("qty")}, nil
		}},
	}
}
