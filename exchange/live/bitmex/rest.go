package bitmex

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// Requests that read. All of them may be repeated, and are.

// one reads a value that takes no [Query].
func one[T any](ctx context.Context, c *Client, path string, pairs ...string) (T, error) {
	v := url.Values{}
	for n := 0; n+1 < len(pairs); n += 2 {
		if pairs[n+1] != "" {
			v.Set(pairs[n], pairs[n+1])
		}
	}
	return send[T](ctx, c, request{verb: http.MethodGet, path: path, query: v, repeat: true})
}

// Time returns the venue's clock, as its root endpoint tells it.
func (c *Client) Time(ctx context.Context) (exchange.Time, error) {
	root, err := one[struct {
		Timestamp int64 `json:"timestamp"` // milliseconds
	}](ctx, c, "")
	return exchange.TimeOf(time.UnixMilli(root.Timestamp)), err
}

// AllInstruments returns instruments, those that have ended and indices included.
func (c *Client) AllInstruments(ctx context.Context, q Query) ([]api.Instrument, error) {
	return get[[]api.Instrument](ctx, c, "/instrument", q)
}

// Instruments returns every instrument that is open.
func (c *Client) Instruments(ctx context.Context, q Query) ([]api.Instrument, error) {
	return get[[]api.Instrument](ctx, c, "/instrument/active", q)
}

// Indices returns the prices that instruments are settled to.
func (c *Client) Indices(ctx context.Context) ([]api.Instrument, error) {
	return one[[]api.Instrument](ctx, c, "/instrument/indices")
}

// ActiveAndIndices returns every instrument that is open, and the indices.
func (c *Client) ActiveAndIndices(ctx context.Context) ([]api.Instrument, error) {
	return one[[]api.Instrument](ctx, c, "/instrument/activeAndIndices")
}

// Intervals returns what names such as XBT:perpetual stand for.
func (c *Client) Intervals(ctx context.Context) (api.InstrumentInterval, error) {
	return one[api.InstrumentInterval](ctx, c, "/instrument/activeIntervals")
}

// CompositeIndex returns what an index is made of.
func (c *Client) CompositeIndex(ctx context.Context, q Query) ([]api.IndexComposite, error) {
	return get[[]api.IndexComposite](ctx, c, "/instrument/compositeIndex", q)
}

// USDVolume returns the turnover of symbols in dollars; no symbol is all.
func (c *Client) USDVolume(ctx context.Context, symbol string) ([]api.StatsUSDBySymbol, error) {
	return one[[]api.StatsUSDBySymbol](ctx, c, "/instrument/usdVolume", "symbol", symbol)
}

// Book returns levels of a book; depth 0 is all of them.
func (c *Client) Book(ctx context.Context, symbol string, depth int) ([]api.OrderBookL2, error) {
	return one[[]api.OrderBookL2](ctx, c, "/orderBook/L2", "symbol", symbol, "depth", strconv.Itoa(depth))
}

// Trades returns public trades.
func (c *Client) Trades(ctx context.Context, q Query) ([]api.Trade, error) {
	return get[[]api.Trade](ctx, c, "/trade", q)
}

// TradeBins returns what traded by interval.
func (c *Client) TradeBins(ctx context.Context, q Query) ([]api.TradeBin, error) {
	return get[[]api.TradeBin](ctx, c, "/trade/bucketed", q)
}

// Quotes returns best bids and asks.
func (c *Client) Quotes(ctx context.Context, q Query) ([]api.Quote, error) {
	return get[[]api.Quote](ctx, c, "/quote", q)
}

// QuoteBins returns the last quote of each interval.
func (c *Client) QuoteBins(ctx context.Context, q Query) ([]api.Quote, error) {
	return get[[]api.Quote](ctx, c, "/quote/bucketed", q)
}

// Funding returns the rates that were settled.
func (c *Client) Funding(ctx context.Context, q Query) ([]api.Funding, error) {
	return get[[]api.Funding](ctx, c, "/funding", q)
}

// Liquidations returns the liquidation orders that are open now.
func (c *Client) Liquidations(ctx context.Context, q Query) ([]api.Liquidation, error) {
	return get[[]api.Liquidation](ctx, c, "/liquidation", q)
}

// Settlements returns the ends of contracts.
func (c *Client) Settlements(ctx context.Context, q Query) ([]api.Settlement, error) {
	return get[[]api.Settlement](ctx, c, "/settlement", q)
}

// Insurance returns the insurance fund by day.
func (c *Client) Insurance(ctx context.Context, q Query) ([]api.Insurance, error) {
	return get[[]api.Insurance](ctx, c, "/insurance", q)
}

// Stats returns the volume of each series over the last day.
func (c *Client) Stats(ctx context.Context) ([]api.Stats, error) {
	return one[[]api.Stats](ctx, c, "/stats")
}

// StatsHistory returns the volume of each series by day.
func (c *Client) StatsHistory(ctx context.Context) ([]api.StatsHistory, error) {
	return one[[]api.StatsHistory](ctx, c, "/stats/history")
}

// StatsUSD returns the turnover of each series in dollars.
func (c *Client) StatsUSD(ctx context.Context) ([]api.StatsUSD, error) {
	return one[[]api.StatsUSD](ctx, c, "/stats/historyUSD")
}

// Announcements returns the venue's news; urgent ones only, or all.
func (c *Client) Announcements(ctx context.Context, urgent bool) ([]api.Announcement, error) {
	path := "/announcement"
	if urgent {
		path += "/urgent"
	}
	return one[[]api.Announcement](ctx, c, path)
}

// Schema returns the venue's description of its tables by name, or of one.
func (c *Client) Schema(ctx context.Context, model string) (map[string]json.RawMessage, error) {
	return one[map[string]json.RawMessage](ctx, c, "/schema", "model", model)
}

// StreamHelp returns the venue's description of its stream.
func (c *Client) StreamHelp(ctx context.Context) (map[string]json.RawMessage, error) {
	return one[map[string]json.RawMessage](ctx, c, "/schema/websocketHelp")
}

// Assets returns currencies and their scales.
func (c *Client) Assets(ctx context.Context) ([]api.AssetsConfig, error) {
	return one[[]api.AssetsConfig](ctx, c, "/wallet/assets")
}

// Networks returns the chains that currencies move on.
func (c *Client) Networks(ctx context.Context) ([]api.NetworksConfig, error) {
	return one[[]api.NetworksConfig](ctx, c, "/wallet/networks")
}

// Orders returns orders of the account.
func (c *Client) Orders(ctx context.Context, q Query) ([]api.Order, error) {
	return get[[]api.Order](ctx, c, "/order", q)
}

// Executions returns everything that happened to the account's orders.
func (c *Client) Executions(ctx context.Context, q Query) ([]api.Execution, error) {
	return get[[]api.Execution](ctx, c, "/execution", q)
}

// TradeHistory returns the executions that moved money.
func (c *Client) TradeHistory(ctx context.Context, q Query) ([]api.Execution, error) {
	return get[[]api.Execution](ctx, c, "/execution/tradeHistory", q)
}

// ExecutionHistory returns the executions that moved money on the day of an instant.
func (c *Client) ExecutionHistory(ctx context.Context, symbol string, day exchange.Time) ([]api.Execution, error) {
	return one[[]api.Execution](ctx, c, "/user/executionHistory", "symbol", symbol, "timestamp", api.Time(day).String())
}

// Positions returns the account's positions.
func (c *Client) Positions(ctx context.Context, q Query) ([]api.Position, error) {
	return get[[]api.Position](ctx, c, "/position", q)
}

// Margin returns the account's margin in a currency.
func (c *Client) Margin(ctx context.Context, currency string) (api.Margin, error) {
	return one[api.Margin](ctx, c, "/user/margin", "currency", currency)
}

// Margins returns the account's margin in every currency.
func (c *Client) Margins(ctx context.Context) ([]api.Margin, error) {
	return one[[]api.Margin](ctx, c, "/user/margin", "currency", "all")
}

// Wallet returns the account's balance in a currency.
func (c *Client) Wallet(ctx context.Context, currency string) (api.Wallet, error) {
	return one[api.Wallet](ctx, c, "/user/wallet", "currency", currency)
}

// Wallets returns the account's balance in every currency.
func (c *Client) Wallets(ctx context.Context) ([]api.Wallet, error) {
	return one[[]api.Wallet](ctx, c, "/user/wallet", "currency", "all")
}

// WalletHistory returns what changed the wallet, newest first: up to 10 000 rows.
func (c *Client) WalletHistory(ctx context.Context, currency string) ([]api.Transaction, error) {
	return one[[]api.Transaction](ctx, c, "/user/walletHistory", "currency", currency)
}

// WalletSummary returns what the transactions of each type come to.
func (c *Client) WalletSummary(ctx context.Context, currency string) ([]api.WalletSummary, error) {
	return one[[]api.WalletSummary](ctx, c, "/user/walletSummary", "currency", currency)
}

// Commission returns what the account pays, by symbol.
func (c *Client) Commission(ctx context.Context) (map[string]api.Commission, error) {
	return one[map[string]api.Commission](ctx, c, "/user/commission")
}

// TradingVolume returns what the account trades a day on average.
func (c *Client) TradingVolume(ctx context.Context) ([]api.TradingVolume, error) {
	return one[[]api.TradingVolume](ctx, c, "/user/tradingVolume")
}

// QuoteFillRatio returns how many of the account's orders were filled.
func (c *Client) QuoteFillRatio(ctx context.Context) (api.QuoteFillRatio, error) {
	return one[api.QuoteFillRatio](ctx, c, "/user/quoteFillRatio")
}

// QuoteValueRatio returns how much of what the account quoted was traded.
func (c *Client) QuoteValueRatio(ctx context.Context) (api.QuoteValueRatio, error) {
	return one[api.QuoteValueRatio](ctx, c, "/user/quoteValueRatio")
}

// AffiliateStatus returns the account's referrals.
func (c *Client) AffiliateStatus(ctx context.Context, currency string) (api.Affiliate, error) {
	return one[api.Affiliate](ctx, c, "/user/affiliateStatus", "currency", currency)
}

// User returns who the key belongs to.
func (c *Client) User(ctx context.Context) (api.User, error) {
	return one[api.User](ctx, c, "/user")
}

// Keys returns the account's API keys.
func (c *Client) Keys(ctx context.Context) ([]api.APIKey, error) {
	return one[[]api.APIKey](ctx, c, "/apiKey")
}

// DepositAddress returns where to send a currency to.
func (c *Client) DepositAddress(ctx context.Context, currency, network string) (string, error) {
	return one[string](ctx, c, "/user/depositAddress", "currency", currency, "network", network)
}

// Transfer moves money to another account of the same user. It is never sent twice.
func (c *Client) Transfer(ctx context.Context, currency string, amount exchange.Money, toAccount int64) (api.Transaction, error) {
	body := map[string]any{"currency": currency, "amount": amount, "targetAccountId": toAccount}
	return send[api.Transaction](ctx, c, request{verb: http.MethodPost, path: "/user/walletTransfer", body: body})
}

// Withdrawal is a request for money to leave the venue. The key needs its permission.
type Withdrawal struct {
	OTPToken string         `json:"otpToken,omitempty"`
	Currency string         `json:"currency"`
	Network  string         `json:"network"`
	Amount   exchange.Money `json:"amount"`
	Address  string         `json:"address,omitempty"`
	Memo     string         `json:"memo,omitempty"`
	Text     string         `json:"text,omitempty"`
}

// Withdraw asks for money to leave the venue. It is never sent twice.
func (c *Client) Withdraw(ctx context.Context, w Withdrawal) (api.Transaction, error) {
	return send[api.Transaction](ctx, c, request{verb: http.MethodPost, path: "/user/requestWithdrawal", body: w})
}

// Logout ends the venue's sessions of the user.
func (c *Client) Logout(ctx context.Context) error {
	return c.do(ctx, request{verb: http.MethodPost, path: "/user/logout", repeat: true}, nil)
}
