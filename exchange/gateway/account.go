package gateway

import (
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// Rows that are kept of each account.
const (
	keptOrders     = 10_000
	keptExecutions = 20_000
	// The venue answers with 10 000 transactions at most.
	keptTransactions = 10_000
)

// noOrder is the id of executions that no order caused.
const noOrder = "00000000-0000-0000-0000-000000000000"

// account is an account as its owner sees it: rows made of reports.
type account struct {
	at     exchange.Time // to which it was brought
	id     int64
	key    Key
	x      exchange.Exchange
	now    Statement
	market marketTaker // nil: it hears of the market elsewhere
	g      *Gateway

	orders     []*api.Order    // in the order of arrival
	open       []*api.Order    // of those the open ones
	symbols    map[string]bool // that have had an order
	byID       map[string]*api.Order
	byClient   map[string]*api.Order        // the newest order with a clOrdID
	ids        map[string]exchange.OrderID  // of the exchange, by guid
	clients    map[string]exchange.ClientID // of the exchange, by guid
	own        map[exchange.ClientID]bool   // client ids that the gateway chose
	executions []api.Execution
	positions  map[exchange.SymbolID]*api.Position
	purses     []*purse // the main one first
	ledger     []api.Transaction
	sums       map[summary]exchange.Money
	summaries  []summary // keys of sums, in the order of their first transaction

	waiters []*waiter
	numbers uint64
}

// purse is a wallet of an account.
type purse struct {
	code    string // Currency.Code
	deposit exchange.Money
	balance exchange.Money // deposit and transactions
	margin  api.Margin     // as last shown
	wallet  api.Wallet
}

// waiter is a request that waits for what its command came to.
type waiter struct {
	see   func(r *exchange.Report)
	ready func() bool
	done  chan struct{}
}

func newAccount(k Key, x exchange.Exchange, now Statement, g *Gateway) *account {
	a := &account{
		id: k.Account, key: k, x: x, now: now, g: g, symbols: map[string]bool{}, byID: map[string]*api.Order{}, byClient: map[string]*api.Order{},
		ids: map[string]exchange.OrderID{}, clients: map[string]exchange.ClientID{}, own: map[exchange.ClientID]bool{},
		positions: map[exchange.SymbolID]*api.Position{},
	}
	a.market, _ = x.(marketTaker)
	a.sums = map[summary]exchange.Money{}
	for _, m := range a.margins() {
		w := &purse{code: m.Currency, deposit: m.Wallet}
		a.purses = append(a.purses, w)
		w.margin, w.wallet = a.marginRow(w, &m), a.walletRow(w, &m)
		a.book(w, "Deposit", "", m.Wallet, 0, g.now)
	}
	return a
}

// margins returns the state of every wallet, in the order of the purses.
func (a *account) margins() []exchange.Margin {
	if many, ok := a.now.(interface{ Margins() []exchange.Margin }); ok {
		return many.Margins()
	}
	m := a.now.Margin()
	m.Currency = a.g.cfg.Currency.Code
	return []exchange.Margin{m}
}

// purse returns the wallet of a currency; nil if the account has none. The empty one is
// the main one.
func (a *account) purse(code string) *purse {
	for _, w := range a.purses {
		if code == "" || w.code == code {
			return w
		}
	}
	return nil
}

// purseOf returns the wallet that a symbol settles in.
func (a *account) purseOf(s exchange.SymbolID) *purse {
	if w := a.purse(a.g.cfg.Instruments.Get(s).Settle.Code); w != nil {
		return w
	}
	return a.purses[0]
}

// orderRow translates an order's ids: the venue's are guids, and an order that was
// sent without a clOrdID shows none.
func (a *account) orderRow(o *exchange.Order) api.Order {
	i := a.g.cfg.Instruments.Get(o.Symbol)
	row := api.RowOfOrder(o, i, a.id)
	row.OrderID = a.orderGUID(o.OrderID)
	if a.own[o.ClientID] {
		row.ClOrdID = ""
	}
	a.ids[row.OrderID], a.clients[row.OrderID] = o.OrderID, o.ClientID
	return row
}

func (a *account) orderGUID(id exchange.OrderID) string {
	if id == "" || id == noOrder {
		return noOrder
	}
	return guidOf(a.id, "order", string(id))
}

// put stores an order's row and returns the one before it.
func (a *account) put(row api.Order) (before *api.Order, now *api.Order) {
	if known := a.byID[row.OrderID]; known != nil {
		old := *known
		*known = row
		if old.ClOrdID != row.ClOrdID && a.byClient[old.ClOrdID] == known {
			delete(a.byClient, old.ClOrdID) // an order has one name at a time
		}
		a.index(known)
		switch was, is := isOpen(&old), isOpen(known); {
		case was && !is:
			a.open = slices.DeleteFunc(a.open, func(o *api.Order) bool { return o == known })
		case is && !was:
			a.open = append(a.open, known)
		}
		return &old, known
	}
	stored := &row
	a.orders = append(a.orders, stored)
	a.byID[row.OrderID], a.symbols[row.Symbol] = stored, true
	a.index(stored)
	if isOpen(stored) {
		a.open = append(a.open, stored)
	}
	a.forget()
	return nil, stored
}

func (a *account) index(o *api.Order) {
	if o.ClOrdID != "" {
		a.byClient[o.ClOrdID] = o
	}
}

// forget drops the oldest orders that have ended.
func (a *account) forget() {
	if len(a.orders) < 2*keptOrders {
		return
	}
	most := len(a.orders) - keptOrders
	a.orders = slices.DeleteFunc(a.orders, func(o *api.Order) bool {
		if most <= 0 || isOpen(o) {
			return false
		}
		most--
		delete(a.byID, o.OrderID)
		delete(a.own, a.clients[o.OrderID])
		delete(a.ids, o.OrderID)
		delete(a.clients, o.OrderID)
		if a.byClient[o.ClOrdID] == o {
			delete(a.byClient, o.ClOrdID)
		}
		return true
	})
}

func isOpen(o *api.Order) bool { return o.OrdStatus == "New" || o.OrdStatus == "PartiallyFilled" }

// find returns an order by either id.
func (a *account) find(orderID, clOrdID string) *api.Order {
	if orderID != "" {
		return a.byID[orderID]
	}
	return a.byClient[clOrdID]
}

// execution makes a row of an order's and of what happened to it.
func (a *account) execution(o *api.Order, exec exchange.ExecType, id string) api.Execution {
	return api.Execution{
		ExecID: id, OrderID: o.OrderID, ClOrdID: o.ClOrdID, ClOrdLinkID: o.ClOrdLinkID, Account: &a.id, Symbol: o.Symbol, Side: o.Side,
		OrderQty: o.OrderQty, Price: o.Price, DisplayQty: o.DisplayQty, StopPx: o.StopPx, PegOffsetValue: o.PegOffsetValue,
		PegPriceType: o.PegPriceType, Currency: o.Currency, SettlCurrency: o.SettlCurrency, ExecType: exec.String(), OrdType: o.OrdType,
		TimeInForce: o.TimeInForce, ExecInst: o.ExecInst, ContingencyType: o.ContingencyType, OrdStatus: o.OrdStatus, Triggered: o.Triggered,
		WorkingIndicator: o.WorkingIndicator, OrdRejReason: o.OrdRejReason, LeavesQty: o.LeavesQty, CumQty: o.CumQty, AvgPx: o.AvgPx,
		Text: o.Text, TrdMatchID: noOrder, TransactTime: o.Timestamp, Timestamp: o.Timestamp,
	}
}

// newExecID returns the id of an event that no fill names.
func (a *account) newExecID() string {
	a.numbers++
	return guid(uint64(a.id), a.numbers)
}

func (a *account) fillRow(r *exchange.Report, o *api.Order) api.Execution {
	f := &r.Fill
	i := a.g.cfg.Instruments.Get(f.Symbol)
	t := i.At(f.Time)
	row := a.execution(o, f.Type, guidOf(a.id, "exec", f.ExecID))
	row.Side, row.LastQty, row.LastPx = f.Side.String(), new(int64(f.Qty)), api.PriceNumber(f.Price)
	row.LastLiquidityInd, row.Commission = f.Liquidity.String(), api.RatioNumber(f.FeeRate)
	row.FeeType = "Taker"
	if f.Liquidity == exchange.AddedLiquidity {
		row.FeeType = "Maker"
	}
	row.TradePublishIndicator = "PublishTrade"
	if f.Type != exchange.ExecTrade {
		row.TradePublishIndicator = "DoNotPublishTrade"
	}
	row.TrdMatchID = guidOf(a.id, "match", f.ExecID)
	cost := f.Value
	if (f.Side == exchange.Buy) == (i.Kind == exchange.Inverse) {
		cost = -cost
	}
	row.ExecCost, row.ExecComm = new(int64(cost)), new(int64(f.Fee))
	home, foreign := notionals(i, t, f.Qty, f.Price, f.Value)
	row.HomeNotional, row.ForeignNotional = home, "-"+foreign
	if f.Side == exchange.Sell {
		row.HomeNotional, row.ForeignNotional = "-"+home, foreign
	}
	row.TransactTime, row.Timestamp = api.Time(f.Time), api.Time(f.Time)
	return row
}

// systemOrder is the order row of an execution that no order caused.
func (a *account) systemOrder(s exchange.SymbolID, text string, at exchange.Time) *api.Order {
	i := a.g.cfg.Instruments.Get(s)
	return &api.Order{OrderID: noOrder, Account: &a.id, Symbol: i.Symbol, Currency: i.Quote, SettlCurrency: i.Settle.Code, OrdType: "Limit",
		OrdStatus: "Filled", Text: text, LeavesQty: new(int64(0)), TransactTime: api.Time(at), Timestamp: api.Time(at)}
}

func (a *account) fundingRow(f *exchange.FundingPayment) api.Execution {
	o := a.systemOrder(f.Symbol, "Funding", f.Time)
	o.TimeInForce = "AtTheClose"
	o.OrderQty, o.CumQty = new(int64(f.Qty.Abs())), new(int64(f.Qty.Abs()))
	row := a.execution(o, exchange.ExecFunding, a.newExecID())
	i := a.g.cfg.Instruments.Get(f.Symbol)
	t := i.At(f.Time)
	value := t.Value(f.Qty.Abs(), f.Price)
	cost := value
	if (f.Qty > 0) == (i.Kind == exchange.Inverse) {
		cost = -cost
	}
	rate := f.Rate
	if f.Qty < 0 {
		rate = -rate
	}
	row.LastQty, row.LastPx, row.Commission = new(int64(f.Qty.Abs())), api.PriceNumber(f.Price), api.RatioNumber(rate)
	row.ExecCost, row.ExecComm = new(int64(cost)), new(int64(-f.Amount))
	row.HomeNotional, row.ForeignNotional = notionals(i, t, f.Qty.Abs(), f.Price, value)
	return row
}

func (a *account) marginRow(w *purse, m *exchange.Margin) api.Margin {
	used, leverage := exchange.Ratio(0), exchange.Ratio(0)
	var gross, open int64
	for _, p := range a.positions {
		if p.Currency != w.code {
			continue
		}
		gross += abs(*p.MarkValue)
		open += abs(*p.OpenOrderBuyCost) + abs(*p.OpenOrderSellCost)
	}
	if m.Balance > 0 {
		used = exchange.Ratio(exchange.MulDiv(int64(m.InitMargin+m.MaintMargin), int64(exchange.RatioUnit), int64(m.Balance), exchange.Nearest))
		leverage = exchange.Ratio(exchange.MulDiv(gross, int64(exchange.RatioUnit), int64(m.Balance), exchange.Nearest))
	}
	free := new(max(0, int64(m.Available)))
	return api.Margin{
		Account: &a.id, Currency: w.code, RiskLimit: new(int64(1_000_000_000_000)), Amount: new(int64(w.deposit)), PrevRealisedPnl: new(int64(0)),
		GrossComm: new(int64(0)), GrossOpenCost: &open, GrossOpenPremium: new(int64(0)), GrossExecCost: new(int64(0)), GrossMarkValue: &gross,
		RiskValue: new(gross + open), InitMargin: new(int64(m.InitMargin)), MaintMargin: new(int64(m.MaintMargin)), TargetExcessMargin: new(int64(0)),
		RealisedPnl: new(int64(m.Wallet - w.deposit)), UnrealisedPnl: new(int64(m.Unrealised)), WalletBalance: new(int64(m.Wallet)),
		MarginBalance: new(int64(m.Balance)), MarginLeverage: number(leverage.Decimal().Round(4)), MarginUsedPcnt: number(used.Decimal().Round(4)),
		ExcessMargin: free, AvailableMargin: free, WithdrawableMargin: free, MakerFeeDiscount: "0", TakerFeeDiscount: "0",
		Timestamp: api.Time(a.g.now),
	}
}

func (a *account) walletRow(w *purse, m *exchange.Margin) api.Wallet {
	return api.Wallet{Account: &a.id, Currency: w.code, Deposited: new(int64(w.deposit)), Withdrawn: new(int64(0)),
		TransferIn: new(int64(0)), TransferOut: new(int64(0)), Amount: new(int64(m.Wallet)), PendingCredit: new(int64(0)),
		PendingDebit: new(int64(0)), ConfirmedDebit: new(int64(0)), Timestamp: api.Time(a.g.now)}
}

func abs(v int64) int64 { return max(v, -v) }
