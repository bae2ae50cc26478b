package engine

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sort"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// QtyWorth returns the largest number of contracts, in whole lots, that is worth at most an
// amount at a price. The amount is in the smallest unit of the settlement currency, and the
// value is rounded as the venue rounds it. The result is 0 where one lot is worth more, and
// never more than [exchange.Terms.MaxQty], the largest order. It is 0 for an amount or a
// price of 0 or less.
func QtyWorth(t *exchange.Terms, amount exchange.Money, p exchange.Price) exchange.Qty {
	if amount <= 0 || p <= 0 {
		return 0
	}
	lots := sort.Search(int(t.MaxQty/t.LotSize), func(n int) bool {
		return t.ValueAtMost(exchange.Qty(n+1)*t.LotSize, p) > amount
	})
	return exchange.Qty(lots) * t.LotSize
}

// QtyWorth is [QtyWorth] at the newest price of a symbol (mark price, else last price, else
// the middle of bid and ask) and the terms in force. It is 0 before the first price.
func (c *Context) QtyWorth(s exchange.SymbolID, amount exchange.Money) exchange.Qty {
	v := &c.view.symbols[s]
	return QtyWorth(v.terms, amount, v.priceNow())
}

// Equity is the wallet that a symbol settles in, with unrealised PnL at the newest prices, in
// the smallest unit of that currency. It is 0 while the exchange has not reported the wallet.
func (c *Context) Equity(s exchange.SymbolID) exchange.Money {
	m, _ := c.MarginIn(c.Instrument(s).Settle.Code)
	return m.Balance
}

// QtyOfEquity returns the number of contracts that are worth a share of the equity, rounded
// down to whole lots: with the share 0.5, half of it; with 2, twice as much, which needs
// margin trading. It is 0 when the equity is not positive or no price is known.
func (c *Context) QtyOfEquity(s exchange.SymbolID, share exchange.Ratio) exchange.Qty {
	return c.QtyWorth(s, partOf(c.Equity(s), share))
}

// partOf returns m·share, rounded down; what a Money cannot hold is the greatest Money, and
// it is 0 unless both are positive.
func partOf(m exchange.Money, share exchange.Ratio) exchange.Money {
	if m <= 0 || share <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(m), uint64(share))
	if hi >= uint64(exchange.RatioUnit) {
		return math.MaxInt64
	}
	amount, _ := bits.Div64(hi, lo, uint64(exchange.RatioUnit))
	return exchange.Money(min(amount, math.MaxInt64))
}

// Size says how large a position or an order is: a number of contracts, or a share of the
// equity at the time of the decision. Qty applies unless it is 0.
type Size struct {
	Qty   exchange.Qty
	Share exchange.Ratio
}

// Sized returns the contracts of a size, now. A number of contracts is returned as it is; a
// share of the equity is rounded down to whole lots and may be 0.
func (c *Context) Sized(s exchange.SymbolID, z Size) exchange.Qty {
	if z.Qty != 0 {
		return z.Qty
	}
	return c.QtyOfEquity(s, z.Share)
}

// MaxShare is the largest share of the equity that a parameter can ask for.
const MaxShare = 100 * exchange.RatioUnit

// SizeParams describes two parameters, read together by [Values.Size]: qty, a number of
// contracts, and size, a share of the equity such as 0.5 or 50%, which applies where qty is not
// given. what is what they measure, such as "position, either way".
func SizeParams(share exchange.Ratio, what string) []Param {
	return []Param{
		OptionalQtyParam("qty", what+", in contracts, instead of size; 0: size"),
		ShareParam("size", share, what+", as a share of the equity, such as 0.5 or 50%"),
	}
}

// Size returns the parameters of [SizeParams].
func (v Values) Size() Size { return Size{Qty: v.Qty("qty"), Share: v.Share("size")} }

// ShareParam describes a share of the equity, above 0 and up to [MaxShare]: a decimal number
// or a percentage, exact to ten decimal places.
func ShareParam(name string, def exchange.Ratio, help string) Param {
	return Param{
		Name:    name,
		Type:    ParamShare,
		Default: def.String(),
		Min:     exchange.Ratio(1).String(),
		Max:     MaxShare.String(),
		Help:    help,
	}
}

// OptionalQtyParam describes a number of contracts that is 0 unless it is given.
func OptionalQtyParam(name, help string) Param {
	p := QtyParam(name, 0, help)
	p.Min = "0"
	return p
}

// parseShare reads 0.5 or 50%.
func parseShare(s string) (exchange.Ratio, error) {
	number, percent := strings.CutSuffix(s, "%")
	if !percent {
		return exchange.ParseRatio(s)
	}
	if strings.ContainsAny(number, "eE") {
		return 0, fmt.Errorf("share %q: %w", s, exchange.ErrSyntax)
	}
	return exchange.ParseRatio(strings.TrimSpace(number) + "e-2")
}

// errNoShare says what a share is.
var errNoShare = errors.New("want a share above 0 and up to " + MaxShare.String() + ", such as 0.5 or 50%")
