package exchange

// Portfolio is what wallets in several currencies, of one account or of several, come to
// in one currency. It is for looking at: on BitMEX the margin of one wallet does not stand
// behind positions that settle in another.
type Portfolio struct {
	Currency    string // Currency.Code
	Wallet      Money
	Unrealised  Money
	Balance     Money // Wallet + Unrealised
	InitMargin  Money
	MaintMargin Money
	Available   Money
	Unvalued    []string // currencies without a price, which count for nothing here
}

// PortfolioOf adds up margins in a currency, at the prices of instruments: that of the
// first one that is the currency's price in the other, or the other way round. Where there
// is none a price in USD counts as one in USDT. A price of 0 is none. Amounts are rounded
// to the nearest smallest unit.
func PortfolioOf(in Currency, margins []Margin, instruments []*Instrument, price func(SymbolID) Price) Portfolio {
	p := Portfolio{Currency: in.Code}
	for n := range margins {
		m := &margins[n]
		worth, ok := valuer(in, m.Currency, instruments, price)
		if !ok {
			p.Unvalued = append(p.Unvalued, m.Currency)
			continue
		}
		p.Wallet += worth(m.Wallet)
		p.Unrealised += worth(m.Unrealised)
		p.InitMargin += worth(m.InitMargin)
		p.MaintMargin += worth(m.MaintMargin)
		p.Available += worth(m.Available)
	}
	p.Balance = p.Wallet + p.Unrealised
	return p
}

// valuer finds out what amounts of a currency are worth in another.
func valuer(in Currency, code string, instruments []*Instrument, price func(SymbolID) Price) (worth func(Money) Money, ok bool) {
	if code == in.Code {
		return func(m Money) Money { return m }, true
	}
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, sameDollar} {
		for _, i := range instruments {
			p := price(i.ID)
			from, known := currencyOf(code, instruments)
			if p <= 0 || !known {
				continue
			}
			switch {
			case i.Underlying == from.Major && same(i.Quote, in.Major):
				return func(m Money) Money { return convert(m, from, in, int64(p), fixedUnit) }, true
			case i.Underlying == in.Major && same(i.Quote, from.Major):
				return func(m Money) Money { return convert(m, from, in, fixedUnit, int64(p)) }, true
			}
		}
	}
	return nil, false
}

func sameDollar(a, b string) bool {
	return a == b || a == "USD" && b == "USDT" || a == "USDT" && b == "USD"
}

// currencyOf finds a currency among those that instruments settle in.
func currencyOf(code string, instruments []*Instrument) (c Currency, ok bool) {
	for _, i := range instruments {
		if i.Settle.Code == code {
			return i.Settle, true
		}
	}
	return c, false
}

// convert returns m × num/den in the smallest unit of another currency. What does not fit
// is as much as fits.
func convert(m Money, from, to Currency, num, den int64) Money {
	for n := from.Scale; n < to.Scale && num <= maxSafe; n++ {
		num *= 10
	}
	for n := to.Scale; n < from.Scale && den <= maxSafe; n++ {
		den *= 10
	}
	v, ok := mulDivOK(int64(m), num, den, Nearest)
	if !ok {
		v = 1<<63 - 1
		if m < 0 {
			v = -v
		}
	}
	return Money(v)
}

const maxSafe = (1<<63 - 1) / 10
