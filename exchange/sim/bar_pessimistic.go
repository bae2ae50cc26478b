package sim

import (
	"iter"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// worsePath returns whether visiting the high first leaves the account with less at the
// close of a bar than visiting the low first. decides is false if that makes no
// difference, or if it cannot be told.
//
// It plays the bar both ways on a copy of the symbol: its position in an account of its
// own, and the orders at the exchange. What a strategy will answer is not known, and
// neither are positions of other symbols in the same wallet.
func (x *Exchange) worsePath(s *symbol) (highFirst, decides bool) {
	if s.swapped || !s.reachesBothSides() {
		return false, false
	}
	high, ok := x.outcome(s, HighFirst)
	if !ok {
		return false, false
	}
	low, ok := x.outcome(s, LowFirst)
	return high < low, ok && high != low
}

// reachesBothSides reports whether a bar reaches something of ours above its open and
// below it.
func (s *symbol) reachesBothSides() bool {
	b := &s.bar
	above := s.asks.n > 0 && b.high >= s.asks.first.Price
	below := s.bids.n > 0 && b.low <= s.bids.first.Price
	for _, o := range s.stops {
		if o.state != waiting {
			continue
		}
		above = above || o.StopPrice >= b.open && o.StopPrice <= b.high || o.trails()
		below = below || o.StopPrice <= b.open && o.StopPrice >= b.low || o.trails()
	}
	if s.pos != 0 && !s.marked && s.nearLiquidation() {
		above = above || s.pos < 0
		below = below || s.pos > 0
	}
	return above && below
}

// outcome returns what an account has at the close of a bar on a path.
func (x *Exchange) outcome(s *symbol, path BarPath) (exchange.Money, bool) {
	y, t := x.copyOf(s, path)
	if y == nil {
		return 0, false
	}
	t.touch(y.at)
	for y.due() <= y.at {
		y.instant(y.at)
	}
	if t.pos != 0 {
		y.account.SetMark(t.id, t.markPrice(), y.at)
	}
	return y.account.Equity(), true
}

// copyOf returns an exchange that has only a symbol, as it is at the start of the replay
// of a bar; nil if there can be none.
func (x *Exchange) copyOf(s *symbol, path BarPath) (*Exchange, *symbol) {
	wallet, _ := x.account.MarginIn(s.inst.Settle.Code, x.at)
	pos := x.account.Position(s.id)
	y, err := New(Config{
		Instruments: x.cfg.Instruments, Symbols: []exchange.SymbolID{s.id}, Currency: s.inst.Settle,
		Balance:  max(wallet.Wallet, 0),
		Leverage: pos.Leverage, Queue: x.cfg.Queue, Bars: x.cfg.Bars, Depth: x.cfg.Depth, SlippageTicks: x.cfg.SlippageTicks,
		NoConsumption: x.cfg.NoConsumption, SelfTrade: x.cfg.SelfTrade,
	})
	if err != nil {
		return nil, nil
	}
	y.cfg.Bars.Path = path
	y.now, y.at, y.begun, y.onBars, y.seq = x.at, x.at, true, true, x.seq
	y.account.SetTerms(x.at)
	t := y.symbols[0]
	t.terms, t.fidelity, t.last, t.bar = s.terms, fromBars, s.last, s.bar
	t.mark, t.marked, t.given, t.index = s.mark, s.marked, s.given, s.index
	t.bar.decided, t.bar.replaying = false, false
	if pos.Qty != 0 {
		f := exchange.Fill{Symbol: s.id, Side: exchange.SideOf(pos.Qty), Qty: pos.Qty.Abs(), Price: pos.EntryPrice,
			Type: exchange.ExecTrade, Liquidity: exchange.AddedLiquidity, Time: x.at}
		y.account.SetMark(s.id, s.markPrice(), x.at)
		y.account.Fill(&f)
		t.pos, t.liquidation = pos.Qty, pos.LiquidationPrice
	}
	for _, list := range [3]iter.Seq[*order]{s.bids.all(), s.asks.all(), slices.Values(s.stops)} {
		for o := range list {
			y.adopt(t, o)
		}
	}
	return y, t
}

// adopt adds a copy of an order of another exchange.
func (x *Exchange) adopt(s *symbol, of *order) {
	o := new(order)
	*o = *of
	o.s, o.links, o.open, o.valued = s, links{}, ledger.Open{}, valuation{}
	o.daily = false
	o.name = x.names.again(o.ClientID)
	o.name.order = o
	x.byNumber.put(o.number, o)
	if o.LinkID != "" {
		x.groups[o.LinkID] = append(x.groups[o.LinkID], o)
	}
	s.busy++
	if o.uncertain {
		s.uncertain++
	}
	switch o.state {
	case resting:
		s.side(o.Side).insert(o)
		if o.reduces() {
			s.reducing++
		}
		x.reopen(o)
	case held:
		s.held++
		s.stops = append(s.stops, o)
	default:
		s.stops = append(s.stops, o)
	}
}
