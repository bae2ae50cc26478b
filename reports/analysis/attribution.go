package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
)

const (
	long  = "long"
	short = "short"
)

func sideName(position int64) string {
	if position < 0 {
		return short
	}
	return long
}

// parts gathers what symbols and sides brought.
type parts struct {
	symbols, sides map[string]*Part
}

func part(m *map[string]*Part, name string) *Part {
	if *m == nil {
		*m = make(map[string]*Part)
	}
	p := (*m)[name]
	if p == nil {
		p = &Part{Name: name}
		(*m)[name] = p
	}
	return p
}

// each applies a change to a symbol and to a side.
func (p *parts) each(symbol, side string, change func(*Part)) {
	change(part(&p.symbols, symbol))
	change(part(&p.sides, side))
}

func (p *parts) fill(f *fill) {
	closing, opening := f.split()
	if closing.qty > 0 {
		p.each(f.symbol, sideName(f.before()), closing.brought)
	}
	if opening.qty > 0 {
		p.each(f.symbol, sideName(f.position), opening.brought)
	}
}

func (f *fill) brought(p *Part) {
	p.Realised += exchange.Money(f.realised)
	p.Turnover += exchange.Money(f.value)
	if f.fee < 0 {
		p.Rebates -= exchange.Money(f.fee)
	} else {
		p.Fees -= exchange.Money(f.fee)
	}
}

func (p *parts) funding(row *reports.FundingRow) {
	p.each(row.Symbol, sideName(row.Qty), func(x *Part) { x.Funding += exchange.Money(row.Amount) })
}

// list sums up and sorts by name.
func list(m map[string]*Part) []Part {
	out := make([]Part, 0, len(m))
	for _, p := range m {
		p.Total = p.Realised + p.Unrealised + p.Fees + p.Rebates + p.Funding
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Part) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// slots gathers what hours and weekdays brought, from one sample to the next.
type slots struct {
	equity, fees, funding int64
	hours                 [24]Slot
	days                  [7]Slot
}

func newSlots(start exchange.Money) slots {
	s := slots{equity: int64(start)}
	for i := range s.hours {
		s.hours[i].Name = fmt.Sprintf("%02d", i)
	}
	for i := range s.days {
		s.days[i].Name = time.Weekday((i + 1) % 7).String()
	}
	return s
}

func (s *slots) add(row *reports.EquityRow) {
	total, fees, funding := row.Equity-s.equity, s.fees-row.Fees, row.Funding-s.funding
	s.equity, s.fees, s.funding = row.Equity, row.Fees, row.Funding
	if total|fees|funding == 0 {
		return
	}
	hour, day := slotOf(row.Time)
	for _, x := range []*Slot{&s.hours[hour], &s.days[day]} {
		x.Total += exchange.Money(total)
		x.Fees += exchange.Money(fees)
		x.Funding += exchange.Money(funding)
		x.Price += exchange.Money(total - fees - funding)
	}
}

// slotOf is the hour of the day and the day of the week, from Monday, that a time
// ends: a whole hour belongs to the one before it.
func slotOf(at int64) (hour, weekday int64) {
	const thursday = 3 // 1970-01-01
	before := at - 1
	return before / int64(time.Hour) % 24, (before/int64(day) + thursday) % 7
}

// attribution puts the parts together and checks that they are the whole.
func (a *analyst) attribution() (Attribution, error) {
	acc := &a.result.Account
	for i := range a.result.Positions {
		p := &a.result.Positions[i]
		a.parts.each(p.Symbol, sideName(int64(p.Qty)), func(x *Part) { x.Unrealised += p.Unrealised })
	}
	out := Attribution{Total: acc.EndEquity - acc.StartBalance, Insurance: acc.Insurance, BySymbol: list(a.parts.symbols),
		BySide: list(a.parts.sides), ByHour: a.slots.hours[:], ByWeekday: a.slots.days[:]}
	a.attributeSlippage(&out)
	sumParts := func(list []Part) (sum exchange.Money) {
		for i := range list {
			sum += list[i].Total
		}
		return sum
	}
	sumSlots := func(list []Slot) (sum exchange.Money) {
		for i := range list {
			sum += list[i].Total
		}
		return sum
	}
	for _, c := range []struct {
		of  string
		sum exchange.Money
	}{
		{"symbols", sumParts(out.BySymbol) + acc.Insurance}, {"sides", sumParts(out.BySide) + acc.Insurance},
		{"hours", sumSlots(out.ByHour)}, {"weekdays", sumSlots(out.ByWeekday)},
	} {
		if c.sum != out.Total {
			return out, &reports.IdentityError{Identity: "end equity - start balance and the sum over " + c.of, Left: out.Total, Right: c.sum}
		}
	}
	return out, nil
}

// attributeSlippage tells where the slippage was, if it is known. It is contained in
// the price PnL, not added to it.
func (a *analyst) attributeSlippage(out *Attribution) {
	s := &a.quality.slipped
	if a.execution.Slippage == nil {
		return
	}
	for i := range out.BySymbol {
		if out.BySymbol[i].Name == a.primary {
			out.BySymbol[i].Slippage = &s.total
		}
	}
	for i := range out.BySide {
		out.BySide[i].Slippage = &s.long
		if out.BySide[i].Name == short {
			out.BySide[i].Slippage = &s.short
		}
	}
	for i := range out.ByHour {
		out.ByHour[i].Slippage = &s.hours[i]
	}
	for i := range out.ByWeekday {
		out.ByWeekday[i].Slippage = &s.days[i]
	}
}
