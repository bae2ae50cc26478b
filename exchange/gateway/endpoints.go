package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// endpoints is everything that is served below the base path.
func (g *Gateway) endpoints() map[string]endpoint {
	open := func(do func(context.Context, *request) (any, error)) endpoint { return endpoint{do: do} }
	read := func(do func(context.Context, *request) (any, error)) endpoint {
		return endpoint{permission: permitRead, do: do}
	}
	trade := func(do func(context.Context, *request) (any, error)) endpoint {
		return endpoint{permission: PermitOrder, order: true, do: do}
	}
	cancel := func(do func(context.Context, *request) (any, error)) endpoint {
		return endpoint{permission: PermitOrderCancel, order: true, cancels: true, do: do}
	}
	return map[string]endpoint{
		"GET /instrument":                  open(g.getInstrument),
		"GET /instrument/active":           open(g.getActive),
		"GET /instrument/activeAndIndices": open(g.getActiveAndIndices),
		"GET /instrument/indices":          open(g.getIndices),
		"GET /instrument/activeIntervals":  open(g.getIntervals),
		"GET /instrument/compositeIndex":   open(nothing),
		"GET /instrument/usdVolume":        open(g.getUSDVolume),
		"GET /orderBook/L2":                {do: g.getBook, levels: true},
		"GET /trade":                       open(rowsOf(g, 1000, func(m *market) []api.Trade { return m.trades }, func(r *api.Trade) api.Time { return r.Timestamp })),
		"GET /trade/bucketed":              open(g.getBins),
		"GET /quote":                       open(rowsOf(g, 1000, func(m *market) []api.Quote { return m.newestQuote() }, func(r *api.Quote) api.Time { return r.Timestamp })),
		"GET /quote/bucketed":              open(g.getQuoteBins),
		"GET /funding":                     open(rowsOf(g, 500, func(m *market) []api.Funding { return m.rates }, func(r *api.Funding) api.Time { return r.Timestamp })),
		"GET /liquidation":                 open(g.getLiquidations),
		"GET /settlement":                  open(rowsOf(g, 500, func(m *market) []api.Settlement { return m.settlements }, func(r *api.Settlement) api.Time { return r.Timestamp })),
		"GET /insurance":                   open(nothing),
		"GET /stats":                       open(g.getStats),
		"GET /stats/history":               open(g.getStatsHistory),
		"GET /stats/historyUSD":            open(g.getStatsUSD),
		"GET /announcement":                open(nothing),
		"GET /announcement/urgent":         open(nothing),
		"GET /schema":                      open(g.getSchema),
		"GET /schema/websocketHelp":        open(g.getHelp),
		"GET /wallet/assets":               open(g.getAssets),
		"GET /wallet/networks":             open(nothing),

		"GET /order":                    read(g.getOrders),
		"POST /order":                   trade(g.postOrder),
		"PUT /order":                    trade(func(ctx context.Context, r *request) (any, error) { return g.amend(ctx, r.key, r.params) }),
		"POST /order/bulk":              trade(g.postBulk),
		"PUT /order/bulk":               trade(g.putBulk),
		"DELETE /order":                 cancel(g.deleteOrder),
		"DELETE /order/all":             cancel(func(ctx context.Context, r *request) (any, error) { return g.cancelAll(ctx, r.key, r.params) }),
		"POST /order/closePosition":     trade(func(ctx context.Context, r *request) (any, error) { return g.closePosition(ctx, r.key, r.params) }),
		"POST /order/cancelAllAfter":    cancel(func(ctx context.Context, r *request) (any, error) { return g.cancelAllAfter(ctx, r.key, r.params) }),
		"GET /execution":                read(g.getExecutions),
		"GET /execution/tradeHistory":   read(g.getTradeHistory),
		"GET /position":                 read(g.getPositions),
		"POST /position/leverage":       trade(g.postLeverage),
		"POST /position/isolate":        trade(g.postIsolate),
		"POST /position/riskLimit":      trade(g.postRiskLimit),
		"POST /position/transferMargin": trade(g.postTransferMargin),
		"GET /user":                     read(g.getUser),
		"GET /user/margin":              read(g.getMargin),
		"GET /user/wallet":              read(g.getWallet),
		"GET /user/walletHistory":       read(g.getWalletHistory),
		"GET /user/walletSummary":       read(g.getWalletSummary),
		"GET /user/executionHistory":    read(g.getExecutionHistory),
		"GET /user/commission":          read(g.getCommission),
		"GET /user/tradingVolume":       read(g.getTradingVolume),
		"GET /apiKey":                   read(g.getKeys),
	}
}

func nothing(context.Context, *request) (any, error) { return []json.RawMessage{}, nil }

// publicRows answers with rows of the market that the owner collects.
func publicRows[T any](ctx context.Context, g *Gateway, q query, collect func() []T, keys ...string) (any, error) {
	var rows []T
	if err := g.do(ctx, func() { rows = collect() }); err != nil {
		return nil, err
	}
	return selected(g, rows, q, keys...)
}

// accountRows does the same for an account.
func accountRows[T any](ctx context.Context, g *Gateway, r *request, q query, collect func(a *account) []T, keys ...string) (any, error) {
	var rows []T
	if err := g.withAccount(ctx, r, func(a *account) { rows = collect(a) }); err != nil {
		return nil, err
	}
	return selected(g, rows, q, keys...)
}

// withAccount lets the owner look at the account of a request.
func (g *Gateway) withAccount(ctx context.Context, r *request, look func(a *account)) error {
	var failed error
	err := g.do(ctx, func() {
		a, err := g.account(ctx, r.key)
		if err != nil {
			failed = err
			return
		}
		look(a)
	})
	if err != nil {
		return err
	}
	return failed
}

// rowsOf makes an endpoint of the rows that every market keeps, in order of time.
func rowsOf[T any](g *Gateway, most int, of func(*market) []T, at func(*T) api.Time) func(context.Context, *request) (any, error) {
	return func(ctx context.Context, r *request) (any, error) {
		q, err := r.query(100, most)
		if err != nil {
			return nil, err
		}
		return publicRows(ctx, g, q, func() []T {
			var rows []T
			n := 0
			for _, m := range g.markets {
				if q.symbol == "" || m.matches(q.symbol) {
					rows = append(rows, of(m)...)
					n++
				}
			}
			if n > 1 {
				sort.SliceStable(rows, func(a, b int) bool { return at(&rows[a]) < at(&rows[b]) })
			}
			return rows
		}, "timestamp", "symbol")
	}
}

func (m *market) newestQuote() []api.Quote {
	if m.quote.Symbol == "" {
		return nil
	}
	return []api.Quote{m.quote}
}

// instrumentRows answers with instruments.
func (g *Gateway) instrumentRows(ctx context.Context, r *request, collect func() []api.Instrument) (any, error) {
	q, err := r.query(500, 500)
	if err != nil {
		return nil, err
	}
	q.from, q.to = 0, 0
	return publicRows(ctx, g, q, collect, "symbol")
}

func (g *Gateway) getInstrument(ctx context.Context, r *request) (any, error) {
	return g.instrumentRows(ctx, r, func() []api.Instrument { return append(g.instruments(), g.indices()...) })
}

func (g *Gateway) getActive(ctx context.Context, r *request) (any, error) {
	return g.instrumentRows(ctx, r, g.active)
}

func (g *Gateway) getIndices(ctx context.Context, r *request) (any, error) {
	return g.instrumentRows(ctx, r, g.indices)
}

func (g *Gateway) getActiveAndIndices(ctx context.Context, r *request) (any, error) {
	return g.instrumentRows(ctx, r, func() []api.Instrument { return append(g.active(), g.indices()...) })
}

// active returns the instruments that are open, or have ended within a day.
func (g *Gateway) active() []api.Instrument {
	return slices.DeleteFunc(g.instruments(), func(r api.Instrument) bool {
		return r.Expiry != 0 && g.now.Sub(exchange.Time(r.Expiry)) >= day
	})
}

// getLiquidations answers with the liquidation orders that are open.
func (g *Gateway) getLiquidations(ctx context.Context, r *request) (any, error) {
	q, err := r.query(100, 500)
	if err != nil {
		return nil, err
	}
	return publicRows(ctx, g, q, func() (rows []api.Liquidation) {
		for _, m := range g.markets {
			rows = append(rows, m.liquidationRows()...)
		}
		return rows
	}, "orderID")
}

// instruments returns the rows of all symbols as of now.
func (g *Gateway) instruments() []api.Instrument {
	rows := make([]api.Instrument, 0, len(g.markets))
	for _, m := range g.markets {
		m.row = instrumentRow(m, g.now)
		m.live(g.now)
		rows = append(rows, m.row)
	}
	return rows
}

func (g *Gateway) getIntervals(ctx context.Context, _ *request) (any, error) {
	out := api.InstrumentInterval{Intervals: []string{}, Symbols: []string{}}
	for _, m := range g.markets {
		if m.inst.Expiry == 0 && m.inst.Kind != exchange.Spot {
			out.Intervals = append(out.Intervals, m.inst.Underlying+":perpetual")
			out.Symbols = append(out.Symbols, m.inst.Symbol)
		}
	}
	return out, ctx.Err()
}

func (g *Gateway) getBook(ctx context.Context, r *request) (any, error) {
	depth, err := r.whole("depth", 25, 1_000_000)
	if err != nil {
		return nil, err
	}
	m := g.bySymbol[r.params["symbol"]]
	if m == nil {
		return nil, refused("Invalid symbol")
	}
	var rows []api.OrderBookL2
	if err := g.do(ctx, func() { rows = m.bookRows(depth, g.now) }); err != nil {
		return nil, err
	}
	return selected(g, rows, query{count: len(rows)})
}

// binSize finds the bins that a request asks for.
func binSize(p params) (int, error) {
	size := p["binSize"]
	if size == "" {
		size = "1m"
	}
	for n := range binSizes {
		if binSizes[n].name == size {
			return n, nil
		}
	}
	return 0, invalid("binSize is invalid")
}

func (g *Gateway) getBins(ctx context.Context, r *request) (any, error) {
	size, err := binSize(r.params)
	if err != nil {
		return nil, err
	}
	partial, err := r.flag("partial", false)
	if err != nil {
		return nil, err
	}
	return rowsOf(g, 1000, func(m *market) []api.TradeBin {
		b := &m.bins[size]
		rows := slices.Clip(b.rows)
		if partial && b.open != nil {
			rows = append(rows, b.row(m, b.open))
		}
		return rows
	}, func(r *api.TradeBin) api.Time { return r.Timestamp })(ctx, r)
}

func (g *Gateway) getQuoteBins(ctx context.Context, r *request) (any, error) {
	size, err := binSize(r.params)
	if err != nil {
		return nil, err
	}
	return rowsOf(g, 1000, func(m *market) []api.Quote { return m.quotes[size].rows },
		func(r *api.Quote) api.Time { return r.Timestamp })(ctx, r)
}

func (g *Gateway) getStats(ctx context.Context, r *request) (any, error) {
	return publicRows(ctx, g, query{count: 500}, func() []api.Stats {
		var rows []api.Stats
		for _, m := range g.markets {
			m.restat(g.now)
			rows = append(rows, api.Stats{RootSymbol: m.inst.Underlying, Currency: m.inst.Settle.Code, Volume24h: m.row.Volume24h,
				Turnover24h: m.row.Turnover24h})
		}
		return rows
	})
}

func (g *Gateway) getAssets(context.Context, *request) (any, error) {
	var rows []api.AssetsConfig
	seen := map[string]bool{}
	for _, m := range g.markets {
		c := m.inst.Settle
		if seen[c.Code] {
			continue
		}
		seen[c.Code] = true
		rows = append(rows, api.AssetsConfig{Asset: c.Major, Currency: c.Code, MajorCurrency: c.Major, Name: c.Major, CurrencyType: "Crypto",
			Scale: intNumber(int64(c.Scale)), Enabled: true, IsMarginCurrency: true, Networks: []api.AssetsConfigNetworkItem{}})
	}
	return rows, nil
}

func (g *Gateway) getOrders(ctx context.Context, r *request) (any, error) {
	q, err := r.query(100, 500)
	if err != nil {
		return nil, err
	}
	return accountRows(ctx, g, r, q, func(a *account) []api.Order {
		rows := make([]api.Order, len(a.orders))
		for n, o := range a.orders {
			rows[n] = *o
		}
		return rows
	}, "orderID")
}

func (g *Gateway) postOrder(ctx context.Context, r *request) (any, error) {
	o, err := g.newOrder(r.params)
	if err != nil {
		return nil, err
	}
	return g.submit(ctx, r.key, o)
}

func (g *Gateway) deleteOrder(ctx context.Context, r *request) (any, error) {
	orders, err := r.list("orderID")
	if err != nil {
		return nil, err
	}
	clients, err := r.list("clOrdID")
	if err != nil {
		return nil, err
	}
	if len(orders)+len(clients) == 0 {
		return nil, refused("orderID or clOrdID must be sent.")
	}
	if n := len(orders) + len(clients); n > maxBulk {
		return nil, invalid(fmt.Sprintf("Too many orders: %d. The maximum count allowed is %d.", n, maxBulk))
	}
	return g.cancel(ctx, r.key, orders, clients, r.params["text"])
}

func (g *Gateway) getExecutions(ctx context.Context, r *request) (any, error) {
	q, err := r.query(100, 500)
	if err != nil {
		return nil, err
	}
	return accountRows(ctx, g, r, q, func(a *account) []api.Execution { return slices.Clone(a.executions) }, "execID")
}

func (g *Gateway) getTradeHistory(ctx context.Context, r *request) (any, error) {
	q, err := r.query(100, 1000)
	if err != nil {
		return nil, err
	}
	return accountRows(ctx, g, r, q, (*account).moneyRows, "execID")
}

func (g *Gateway) getPositions(ctx context.Context, r *request) (any, error) {
	q, err := r.query(500, 500)
	if err != nil {
		return nil, err
	}
	return accountRows(ctx, g, r, q, func(a *account) []api.Position { return a.positionRows() }, "account", "symbol", "currency")
}

// positionRows returns the positions in the order of the symbols.
func (a *account) positionRows() (rows []api.Position) {
	for _, m := range a.g.markets {
		if a.positions[m.inst.ID] == nil {
			continue
		}
		p := a.now.Position(m.inst.ID)
		rows = append(rows, a.positionRow(&p))
	}
	return rows
}

func (g *Gateway) postLeverage(ctx context.Context, r *request) (any, error) {
	v, sent, err := r.price("leverage")
	if err != nil || !sent || v < 0 {
		return nil, invalid("Invalid leverage")
	}
	return g.leverage(ctx, r.key, r.params["symbol"], exchange.Ratio(v))
}

func (g *Gateway) postTransferMargin(ctx context.Context, r *request) (any, error) {
	amount, sent, err := r.qty("amount")
	if err != nil || !sent || amount == 0 {
		return nil, refused("Invalid amount for isolated margin transfer")
	}
	return g.transferMargin(ctx, r.key, r.params["symbol"], exchange.Money(amount))
}

func (g *Gateway) postRiskLimit(ctx context.Context, r *request) (any, error) {
	limit, sent, err := r.qty("riskLimit")
	if err != nil || !sent || limit <= 0 {
		return nil, invalid("Invalid riskLimit")
	}
	return g.riskLimit(ctx, r.key, r.params["symbol"], exchange.Money(limit))
}

// postIsolate isolates a position at the highest leverage, or returns it to cross margin.
func (g *Gateway) postIsolate(ctx context.Context, r *request) (any, error) {
	enabled, err := r.flag("enabled", true)
	if err != nil {
		return nil, err
	}
	m := g.bySymbol[r.params["symbol"]]
	if m == nil {
		return nil, refused("Invalid symbol")
	}
	var leverage exchange.Ratio
	if enabled {
		var most api.Number
		if err := g.do(ctx, func() { most = maxLeverage(m.terms) }); err != nil {
			return nil, err
		}
		if leverage, err = most.Ratio(); err != nil {
			return nil, err
		}
	}
	return g.leverage(ctx, r.key, m.inst.Symbol, leverage)
}

func (g *Gateway) getUser(_ context.Context, r *request) (any, error) {
	created := api.Time(exchange.TimeOf(r.key.Created))
	return api.User{ID: &r.key.Account, Username: r.key.Name, AccountName: r.key.Name, IsUser: true, Created: created, LastUpdated: created,
		Preferences: map[string]any{}, Typ: "Individual"}, nil
}

// getMargin answers with the margin in a currency, or with a list for currency=all.
func (g *Gateway) getMargin(ctx context.Context, r *request) (any, error) {
	return byCurrency(ctx, g, r, (*account).marginRow)
}

func (g *Gateway) getWallet(ctx context.Context, r *request) (any, error) {
	return byCurrency(ctx, g, r, (*account).walletRow)
}

// byCurrency answers with what a row shows of one wallet or of all.
func byCurrency[T any](ctx context.Context, g *Gateway, r *request, show func(*account, *purse, *exchange.Margin) T) (any, error) {
	currency := r.params["currency"]
	var rows []T
	err := g.withAccount(ctx, r, func(a *account) {
		margins := a.margins()
		for n, w := range a.purses {
			if currency == "all" || w == a.purse(currency) {
				rows = append(rows, show(a, w, &margins[n]))
			}
		}
	})
	switch {
	case err != nil:
		return nil, err
	case currency == "all":
		return rows, nil
	case len(rows) == 0:
		return nil, refused("Account has no [" + currency + "]")
	}
	return rows[0], nil
}

func (g *Gateway) getCommission(ctx context.Context, _ *request) (any, error) {
	out := map[string]api.Commission{}
	err := g.do(ctx, func() {
		for _, m := range g.markets {
			out[m.inst.Symbol] = api.Commission{MakerFee: api.RatioNumber(m.terms.MakerFee), TakerFee: api.RatioNumber(m.terms.TakerFee),
				SettlementFee: api.RatioNumber(m.terms.SettleFee)}
		}
	})
	return out, err
}

func (g *Gateway) getKeys(_ context.Context, r *request) (any, error) {
	rows := []api.APIKey{}
	for _, k := range g.cfg.Keys.Account(r.key.Account) {
		rows = append(rows, api.APIKey{ID: k.ID, Secret: "", Name: k.Name, Nonce: new(int64(0)), Cidr: "0.0.0.0/0", Cidrs: []string{},
			Permissions: append([]string{}, k.Permissions...), Enabled: !k.Disabled, UserID: &r.key.Account,
			Created: api.Time(exchange.TimeOf(k.Created.Truncate(time.Millisecond)))})
	}
	return rows, nil
}

// getSchema describes the tables that have rows.
func (g *Gateway) getSchema(_ context.Context, r *request) (any, error) {
	all := map[string]json.RawMessage{}
	for name, t := range g.hub.tables {
		if len(t.columns) > 0 && (r.params["model"] == "" || strings.EqualFold(r.params["model"], name)) {
			all[name] = append(slices.Clone(t.head), "{}}"...)
		}
	}
	if len(all) == 0 {
		return nil, &api.Error{Status: http.StatusNotFound, Name: "HTTPError", Message: "Not Found"}
	}
	return all, nil
}

// help lists what can be subscribed to, as the venue's own help does.
type help struct {
	Info          string              `json:"info"`
	Usage         string              `json:"usage"`
	Ops           []string            `json:"ops"`
	Subscribe     string              `json:"subscribe"`
	Subscriptions map[string][]string `json:"subscriptionSubjects"`
}

func (g *Gateway) getHelp(context.Context, *request) (any, error) { return g.help(), nil }

func (g *Gateway) help() help {
	h := help{Info: "See https://www.bitmex.com/app/wsAPI and https://www.bitmex.com/api/explorer for more documentation.",
		Usage:         "Send a message with the format: {\"op\": string, \"args\": Array<string>}",
		Ops:           []string{"authKeyExpires", "cancelAllAfter", "help", "ping", "subscribe", "unsubscribe"},
		Subscribe:     "To subscribe, send: {\"op\": \"subscribe\", \"args\": [subscriptionTopic, ...]}.",
		Subscriptions: map[string][]string{"public": {}, "authenticationRequired": {}}}
	for name, t := range g.hub.tables {
		group := "public"
		if t.private {
			group = "authenticationRequired"
		}
		h.Subscriptions[group] = append(h.Subscriptions[group], name)
	}
	for _, list := range h.Subscriptions {
		slices.Sort(list)
	}
	return h
}
