package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/session"
)

// limitFlags are the limits of the risk guard as text.
type limitFlags struct {
	orderQty, positionQty     int64
	orderValue, positionValue string
	collar, spread, drawdown  string
	dailyLoss                 string
	perMinute, open           int
	rejections                int
	stale                     time.Duration
}

func (f *limitFlags) register(fs *pflag.FlagSet) {
	fs.Int64Var(&f.orderQty, "max-order", 0, "risk guard: largest order, in contracts (0: no limit, as for all of these)")
	fs.StringVar(&f.orderValue, "max-order-value", "", "risk guard: largest value of an order, such as \"0.5 XBT\"")
	fs.Int64Var(&f.positionQty, "max-position", 0, "risk guard: largest position, in contracts, with open orders filled")
	fs.StringVar(&f.positionValue, "max-position-value", "", "risk guard: largest value of a position, with open orders filled")
	fs.StringVar(&f.collar, "price-collar", "0", "risk guard: how far a price may be from the market, such as 0.05")
	fs.StringVar(&f.spread, "max-spread", "0", "risk guard: widest spread to trade in, such as 0.002")
	fs.DurationVar(&f.stale, "max-staleness", 0, "risk guard: oldest market data to trade on")
	fs.IntVar(&f.perMinute, "max-orders-per-minute", 0, "risk guard: most orders and amendments in a minute")
	fs.IntVar(&f.open, "max-open-orders", 0, "risk guard: most open orders of a symbol")
	fs.StringVar(&f.dailyLoss, "max-daily-loss", "", "risk guard: loss since midnight UTC that stops trading, such as \"0.1 XBT\"")
	fs.StringVar(&f.drawdown, "max-drawdown", "0", "risk guard: share of the highest equity whose loss stops trading, such as 0.2")
	fs.IntVar(&f.rejections, "max-rejections", 0, "risk guard: rejections in a row that stop trading")
}

func (f *limitFlags) settings() map[string]any {
	return map[string]any{
		"max-order": f.orderQty, "max-order-value": f.orderValue, "max-position": f.positionQty, "max-position-value": f.positionValue,
		"price-collar": f.collar, "max-spread": f.spread, "max-staleness": f.stale.String(), "max-orders-per-minute": f.perMinute,
		"max-open-orders": f.open, "max-daily-loss": f.dailyLoss, "max-drawdown": f.drawdown, "max-rejections": f.rejections,
	}
}

// limits checks the texts.
func (f *limitFlags) limits(c exchange.Currency) (l engine.Limits, err error) {
	for _, n := range []struct {
		flag  string
		value int64
	}{{"max-order", f.orderQty}, {"max-position", f.positionQty}, {"max-orders-per-minute", int64(f.perMinute)},
		{"max-open-orders", int64(f.open)}, {"max-rejections", int64(f.rejections)}, {"max-staleness", int64(f.stale)}} {
		if n.value < 0 {
			return l, usage(fmt.Errorf("--%s must not be negative; 0 is no limit", n.flag))
		}
	}
	if f.perMinute > 1_000_000 {
		return l, usage(fmt.Errorf("--max-orders-per-minute %d: want up to 1000000", f.perMinute))
	}
	l = engine.Limits{OrderQty: exchange.Qty(f.orderQty), PositionQty: exchange.Qty(f.positionQty), OrdersPerMinute: f.perMinute,
		OpenOrders: f.open, Stale: f.stale, Rejections: f.rejections}
	for _, m := range []struct {
		flag, text string
		into       *exchange.Money
	}{{"max-order-value", f.orderValue, &l.OrderValue}, {"max-position-value", f.positionValue, &l.PositionValue},
		{"max-daily-loss", f.dailyLoss, &l.DailyLoss}} {
		if m.text == "" {
			continue
		}
		if *m.into, err = parseAmount(m.flag, m.text, c); err != nil {
			return l, usage(err)
		}
	}
	for _, r := range []struct {
		flag, text string
		into       *exchange.Ratio
	}{{"price-collar", f.collar, &l.PriceCollar}, {"max-spread", f.spread, &l.Spread}, {"max-drawdown", f.drawdown, &l.Drawdown}} {
		if *r.into, err = exchange.ParseRatio(r.text); err != nil || *r.into < 0 || *r.into > exchange.RatioUnit {
			return l, usage(fmt.Errorf("--%s %q: want a fraction from 0 to 1, such as 0.05", r.flag, r.text))
		}
	}
	return l, nil
}

// limitNames are the flags of the limits, in the order in which they are printed.
var limitNames = map[engine.Limit]string{
	engine.LimitOrderQty: "max-order", engine.LimitOrderValue: "max-order-value",
	engine.LimitPositionQty: "max-position", engine.LimitPositionValue: "max-position-value",
	engine.LimitPriceCollar: "price-collar", engine.LimitOrdersPerMinute: "max-orders-per-minute",
	engine.LimitOpenOrders: "max-open-orders", engine.LimitSpread: "max-spread", engine.LimitStale: "max-staleness",
	engine.LimitDailyLoss: "max-daily-loss", engine.LimitDrawdown: "max-drawdown",
	engine.LimitRejections: "max-rejections",
}

// limitValue is a limit in the words of its flag.
func limitValue(l *engine.Limits, n engine.Limit, c exchange.Currency) string {
	switch n {
	case engine.LimitOrderValue, engine.LimitPositionValue, engine.LimitDailyLoss:
		return c.Text(exchange.Money(l.Get(n)))
	case engine.LimitPriceCollar, engine.LimitSpread, engine.LimitDrawdown:
		return exchange.Ratio(l.Get(n)).String()
	case engine.LimitStale:
		return l.Stale.String()
	}
	return strconv.FormatInt(l.Get(n), 10)
}

// limitTexts are the limits that are set, by their flags.
func limitTexts(l *engine.Limits, c exchange.Currency) map[string]string {
	texts := map[string]string{}
	for _, n := range engine.AllLimits {
		if l.Get(n) != 0 {
			texts[limitNames[n]] = limitValue(l, n, c)
		}
	}
	return texts
}

// limitList prints texts of limits in one order.
func limitList(texts map[string]string) string {
	var list []string
	for _, n := range engine.AllLimits {
		if text, set := texts[limitNames[n]]; set {
			list = append(list, limitNames[n]+" "+text)
		}
	}
	return strings.Join(list, ", ")
}

// limitsOf reads texts of limits again.
func limitsOf(texts map[string]string, c exchange.Currency) (engine.Limits, error) {
	f, err := limitFlagsOf(texts)
	if err != nil {
		return engine.Limits{}, dataError(err)
	}
	return f.limits(c)
}

func limitFlagsOf(texts map[string]string) (*limitFlags, error) {
	f, flags := new(limitFlags), pflag.NewFlagSet("limits", pflag.ContinueOnError)
	f.register(flags)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if err := flags.Set(name, texts[name]); err != nil {
			return nil, fmt.Errorf("limit %s %q: %w", name, texts[name], err)
		}
	}
	return f, nil
}

// givenLimits are the limits whose flags were given.
func givenLimits(flags *pflag.FlagSet) (list []engine.Limit) {
	for _, n := range engine.AllLimits {
		if flags.Changed(limitNames[n]) {
			list = append(list, n)
		}
	}
	return list
}

// limitChange is what a session's limits are to become.
type limitChange struct {
	begun, now, wanted engine.Limits // with which it was begun, in force, and as they were given
	given              []engine.Limit
	raise              bool // limits may become looser
}

// changes returns the settings that differ from the limits in force. It also returns those
// that repeat the limits of the session's beginning: a configuration file may still have them.
func (c *limitChange) changes(cur exchange.Currency) (list []session.Setting, stay []string, err error) {
	for _, n := range c.given {
		now, wanted := c.now.Get(n), c.wanted.Get(n)
		switch looser := engine.Looser(wanted, now); {
		case wanted == now:
			continue
		case looser && !c.raise && wanted == c.begun.Get(n):
			stay = append(stay, limitNames[n]+" "+limitValue(&c.now, n, cur))
			continue
		case looser && !c.raise:
			return nil, nil,
				usage(fmt.Errorf("--%s %s is looser than the %s in force: --raise-limits lets it through", limitNames[n],
					limitValue(&c.wanted, n, cur), limitValue(&c.now, n, cur)))
		}
		list = append(list, session.Setting{Number: int(n), Value: wanted})
	}
	return list, stay, nil
}

// after are the limits once settings are in force.
func (c *limitChange) after(list []session.Setting) engine.Limits {
	l := c.now
	for _, s := range list {
		l.Set(engine.Limit(s.Number), s.Value)
	}
	return l
}

// limitsInForce are those of a session: with which it was begun, unless they were changed.
func limitsInForce(state *session.State, begun engine.Limits, c exchange.Currency) (engine.Limits, error) {
	if state.Limits == nil {
		return begun, nil
	}
	return limitsOf(state.Limits, c)
}

// riskOutcome tells what the guard did.
func riskOutcome(s *engine.Summary, o *reports.Outcome) {
	for _, rule := range slices.Sorted(maps.Keys(s.RiskRefused)) {
		n := s.RiskRefused[rule]
		o.Counts["risk_"+rule] = n
		o.Warnings = append(o.Warnings, fmt.Sprintf("the risk guard refused %d orders: %s", n, rule))
	}
	if t := s.Tripped; t != nil {
		o.Warnings = append(o.Warnings, fmt.Sprintf("the risk guard stopped trading at %s: %s: %s", t.At, t.Rule, t.Reason))
	}
}
