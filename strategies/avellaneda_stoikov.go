package strategies

import (
	"math"
	"time"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/indicator"
	"github.com/dunamis-engine/dunamis/exchange"
)

// avellanedaStoikov quotes one post-only order on each side, from a model of a
// dealer who dislikes inventory. With middle price s, inventory q in units of one
// order, volatility σ of the price per √second, risk aversion γ, decay κ of the
// order flow with distance, and a horizon T that always lies as far ahead,
//
//	reservation price  r = s - q·γ·σ²·T
//	half spread        δ = γ·σ²·T/2 + ln(1 + γ/κ)/γ + maker fee of s, if it is paid
//	bid r-δ, ask r+δ, rounded outwards to the tick and never beyond the touch
//
// γ and κ are per unit of the quote currency. The model is in floats; the prices
// that come of it are exact.
//
// Source: M. Avellaneda and S. Stoikov, "High-frequency trading in a limit order
// book", Quantitative Finance 8 (2008), equations 29 and 30, with a rolling horizon.
type avellanedaStoikov struct {
	gamma   float64
	kappa   float64
	horizon float64 // seconds
	memory  time.Duration
	sigma   *indicator.Volatility
	size    makerSize
	requote exchange.Price // in ticks
	symbol  exchange.SymbolID
	heard   exchange.Time
	sides   [2]quoted
}

// quoted is the order of one side, as it was last asked for.
type quoted struct {
	id      exchange.ClientID
	price   exchange.Price
	leaving bool // a cancel is on its way
}

func avellanedaStoikovDefinition() engine.Definition {
	return engine.Definition{
		Name:    "avellaneda_stoikov",
		Summary: "Quotes both sides from a model of inventory risk",
		Source:  "Avellaneda and Stoikov (2008)",
		Params: append([]engine.Param{
			engine.FloatParam("gamma", 0.001, 1e-9, 1000, "risk aversion, per unit of the quote currency"),
			engine.FloatParam("kappa", 0.3, 1e-9, 1e6, "decay of the order flow, per unit of the quote currency"),
			engine.DurationParam("horizon", time.Minute, time.Second, 24*time.Hour, "how far ahead inventory is a risk"),
			engine.DurationParam("half_life", time.Minute, time.Second, 24*time.Hour, "memory of the volatility"),
			engine.IntParam("requote", 2, 1, 1_000_000, "ticks by which a quote may be off before it is moved"),
		}, makerParams(exchange.RatioUnit/20)...),
		New: newAvellanedaStoikov,
	}
}

func newAvellanedaStoikov(v engine.Values) (engine.Strategy, error) {
	a := &avellanedaStoikov{gamma: v.Float("gamma"), kappa: v.Float("kappa"), horizon: v.Duration("horizon").Seconds(),
		sigma:   indicator.NewVolatility(v.Duration("half_life").Seconds()),
		memory:  v.Duration("half_life"),
		requote: exchange.Price(v.Int("requote"))}
	var err error
	if a.size, err = readMakerSize("avellaneda_stoikov", v); err != nil {
		return nil, err
	}
	return a, nil
}

// Warmup implements engine.Warmer: the volatility forgets what is five half-lives old.
func (a *avellanedaStoikov) Warmup() time.Duration { return 5 * a.memory }

// Init implements engine.Strategy.
func (a *avellanedaStoikov) Init(ctx *engine.Context) error {
	a.symbol = ctx.Symbol()
	return a.size.check(ctx, a.symbol, "avellaneda_stoikov")
}

// OnQuote implements engine.QuoteHandler.
func (a *avellanedaStoikov) OnQuote(ctx *engine.Context, s exchange.SymbolID, q exchange.Quote) {
	if s == a.symbol && q.BidPrice != 0 && q.AskPrice != 0 {
		a.hear(ctx, q.Mid())
	}
}

// OnTrade implements engine.TradeHandler.
func (a *avellanedaStoikov) OnTrade(ctx *engine.Context, s exchange.SymbolID, t exchange.Trade) {
	if s == a.symbol && ctx.Quote(s) == (exchange.Quote{}) {
		a.hear(ctx, t.Price)
	}
}

// OnBar implements engine.BarHandler.
func (a *avellanedaStoikov) OnBar(ctx *engine.Context, bar *engine.Bar) {
	if bar.Symbol == a.symbol && ctx.Quote(a.symbol) == (exchange.Quote{}) {
		a.hear(ctx, bar.Close)
	}
}

// OnOrder implements engine.OrderHandler.
func (a *avellanedaStoikov) OnOrder(_ *engine.Context, o *exchange.Order, _ exchange.ExecType) {
	if side := &a.sides[o.Side-exchange.Buy]; o.ClientID == side.id && o.Status.Final() {
		*side = quoted{}
	}
}

// OnReject implements engine.RejectHandler: what was asked for did not happen, so
// the quote is asked for again.
func (a *avellanedaStoikov) OnReject(_ *engine.Context, r *exchange.Reject) {
	for i := range a.sides {
		if a.sides[i].id == r.ClientID {
			a.sides[i].price, a.sides[i].leaving = 0, false
		}
	}
}

func (a *avellanedaStoikov) hear(ctx *engine.Context, middle exchange.Price) {
	seconds := 0.0
	if a.heard != 0 {
		seconds = ctx.Now().Sub(a.heard).Seconds()
	}
	if a.heard == 0 || seconds > 0 {
		a.heard = ctx.Now()
	}
	a.sigma.Add(middle.Float64(), seconds)
	if !a.sigma.Ready() || ctx.WarmingUp() {
		return
	}
	if quotes, _ := a.size.refresh(ctx, a.symbol); !quotes {
		a.quote(ctx, exchange.Buy, 0, false)
		a.quote(ctx, exchange.Sell, 0, false)
		return
	}
	bid, ask := a.quotes(ctx, middle)
	held := ctx.PositionQty(a.symbol)
	a.quote(ctx, exchange.Buy, bid, held+a.size.qty <= a.size.limit)
	a.quote(ctx, exchange.Sell, ask, held-a.size.qty >= -a.size.limit)
}

// quotes returns the bid and the ask that the model wants.
func (a *avellanedaStoikov) quotes(ctx *engine.Context, middle exchange.Price) (bid, ask exchange.Price) {
	terms := ctx.Terms(a.symbol)
	tick := terms.TickSize
	inventory := float64(ctx.PositionQty(a.symbol)) / float64(a.size.qty)
	reservation, half := a.model(middle.Float64(), inventory)
	half += float64(middle.Float64() * max(terms.MakerFee, 0).Float64())
	bid = toPrice(reservation - half).FloorTick(tick)
	ask = toPrice(reservation + half).CeilTick(tick)
	if q := ctx.Quote(a.symbol); q.BidPrice != 0 && q.AskPrice != 0 {
		bid, ask = min(bid, q.AskPrice-tick), max(ask, q.BidPrice+tick)
	}
	return max(bid, tick), max(ask, 2*tick)
}

// model returns the reservation price and half the spread. The conversions forbid
// fused multiplication, so that every processor gets the same bits.
func (a *avellanedaStoikov) model(middle, inventory float64) (reservation, half float64) {
	sigma := a.sigma.Value()
	risk := float64(float64(a.gamma*float64(sigma*sigma)) * a.horizon)
	return middle - float64(inventory*risk), float64(risk/2) + math.Log1p(a.gamma/a.kappa)/a.gamma
}

// toPrice rounds a float to a price within the range of prices.
func toPrice(f float64) exchange.Price {
	return exchange.Price(min(max(math.Round(f*float64(exchange.PriceUnit)), 0), float64(exchange.MaxPrice/2)))
}

// quote brings one side to a price, or withdraws it. What was refused before it was
// sent changes nothing, and is asked for again at the next price.
func (a *avellanedaStoikov) quote(ctx *engine.Context, side exchange.Side, price exchange.Price, wanted bool) {
	s := &a.sides[side-exchange.Buy]
	next := *s
	off := max(price-s.price, s.price-price) >= a.requote*ctx.Terms(a.symbol).TickSize
	var err error
	switch {
	case s.leaving:
	case !wanted && s.id != "":
		next.leaving = true
		err = ctx.Cancel(a.symbol, s.id)
	case !wanted:
	case s.id == "":
		next.price = price
		next.id, err = ctx.Limit(a.symbol, side.Signed(a.size.qty), price, exchange.PostOnly)
	case off:
		next.price = price
		err = ctx.Amend(exchange.AmendOrder{Symbol: a.symbol, OrigClientID: s.id, Price: &price})
	}
	if err != nil {
		ctx.Log().Warn("quote refused", "side", side.String(), "error", err)
		return
	}
	*s = next
}
