package engine

import "github.com/dunamis-engine/dunamis/exchange"

// Strategy is what a user writes. Init runs once before the first event: it
// reads parameters, subscribes to bars and keeps what it needs. A strategy also
// implements whichever of the handler interfaces below it wants; the engine
// finds out at start and sends nothing else.
//
// All calls come from one goroutine and never overlap. Pointers and views
// passed to a handler are valid during the call only.
type Strategy interface {
	Init(ctx *Context) error
}

// BarHandler hears of completed bars: those subscribed to with [Context.Bars],
// or, if none were, the bars of the data.
type BarHandler interface {
	OnBar(ctx *Context, bar *Bar)
}

// TradeHandler hears of public trades.
type TradeHandler interface {
	OnTrade(ctx *Context, s exchange.SymbolID, t exchange.Trade)
}

// QuoteHandler hears of best bid and ask, from quotes or from the top of a book.
type QuoteHandler interface {
	OnQuote(ctx *Context, s exchange.SymbolID, q exchange.Quote)
}

// BookHandler hears of a changed book, once per venue message.
type BookHandler interface {
	OnBook(ctx *Context, s exchange.SymbolID, b exchange.BookView)
}

// MarkHandler hears of mark and index prices.
type MarkHandler interface {
	OnMark(ctx *Context, s exchange.SymbolID, m exchange.Mark)
}

// OrderHandler hears of every change of the strategy's orders, fills included.
type OrderHandler interface {
	OnOrder(ctx *Context, o *exchange.Order, what exchange.ExecType)
}

// FillHandler hears of fills, before OnOrder hears of the order's new state.
type FillHandler interface {
	OnFill(ctx *Context, f *exchange.Fill)
}

// PositionHandler hears of positions after fills, funding and liquidation.
type PositionHandler interface {
	OnPosition(ctx *Context, p *exchange.Position)
}

// FundingHandler hears of funding received and paid.
type FundingHandler interface {
	OnFunding(ctx *Context, p *exchange.FundingPayment)
}

// RejectHandler hears of commands that failed without changing an order.
type RejectHandler interface {
	OnReject(ctx *Context, r *exchange.Reject)
}

// TimerHandler hears of timers set with [Context.After] and [Context.Every].
type TimerHandler interface {
	OnTimer(ctx *Context, id TimerID)
}

// GapHandler hears that market data is missing.
type GapHandler interface {
	OnGap(ctx *Context, s exchange.SymbolID, from, to exchange.Time)
}

// StopHandler hears that the run ends; commands given here are not carried out
// in a backtest.
type StopHandler interface {
	OnStop(ctx *Context)
}

// handlers are the optional interfaces of one strategy, found once.
type handlers struct {
	bar      BarHandler
	trade    TradeHandler
	quote    QuoteHandler
	book     BookHandler
	mark     MarkHandler
	order    OrderHandler
	fill     FillHandler
	position PositionHandler
	funding  FundingHandler
	reject   RejectHandler
	timer    TimerHandler
	gap      GapHandler
	risk     RiskHandler
	stop     StopHandler
}

func handlersOf(s Strategy) handlers {
	var h handlers
	h.bar, _ = s.(BarHandler)
	h.trade, _ = s.(TradeHandler)
	h.quote, _ = s.(QuoteHandler)
	h.book, _ = s.(BookHandler)
	h.mark, _ = s.(MarkHandler)
	h.order, _ = s.(OrderHandler)
	h.fill, _ = s.(FillHandler)
	h.position, _ = s.(PositionHandler)
	h.funding, _ = s.(FundingHandler)
	h.reject, _ = s.(RejectHandler)
	h.timer, _ = s.(TimerHandler)
	h.gap, _ = s.(GapHandler)
	h.risk, _ = s.(RiskHandler)
	h.stop, _ = s.(StopHandler)
	return h
}

// Definition is a strategy that commands can list and run by name.
type Definition struct {
	Name    string // lower case with underscores
	Summary string // one line
	Source  string // where the idea comes from
	Params  []Param
	New     func(v Values) (Strategy, error)
}
