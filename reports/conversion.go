package reports

import "github.com/dunamis-engine/dunamis/exchange"

// Conversion tells how the account's currency turns into the other one of the
// primary contract: an inverse contract settles in the coin, a linear one in the
// quote currency. A quanto contract settles in neither.
type Conversion struct {
	Own, Other string
	Inverse    bool
	OK         bool
}

// ConversionOf looks at the first instrument of a run.
func ConversionOf(r *Result) Conversion {
	c := Conversion{Own: r.Account.CurrencyMajor}
	if len(r.Instruments) == 0 {
		return c
	}
	i := &r.Instruments[0]
	switch {
	case i.Kind == exchange.Inverse && sameCoin(i.Underlying, c.Own):
		c.Other, c.Inverse, c.OK = i.Quote, true, true
	case (i.Kind == exchange.Linear || i.Kind == exchange.Spot) && i.Quote == c.Own:
		c.Other, c.OK = i.Underlying, true
	}
	return c
}

// sameCoin compares currency codes; XBT and BTC are the same.
func sameCoin(a, b string) bool {
	name := func(s string) string {
		if s == "XBT" {
			return "BTC"
		}
		return s
	}
	return name(a) == name(b)
}

// Convert turns an amount of the account's currency into the other one.
func (c *Conversion) Convert(v, price float64) float64 {
	if c.Inverse {
		return v * price
	}
	return v / price
}
