package gateway

import (
	"reflect"
	"slices"
	"sync/atomic"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// hub is the tables and who listens to them.
type hub struct {
	tables  map[string]*table
	clients map[*client]struct{}

	instrument, quote, trade, funding, liquidation, settlement *table
	book, book25, book10                                       *table
	order, execution, position, margin, wallet, transact       *table
	bins, quoteBins                                            [4]*table
}

// client is a socket, or a stream of one, as the owner sees it.
type client struct {
	out     *outbox
	account *account // nil until it has said who it is
	// carrier is the socket that carries it, beside others, and head begins its frames
	// there. nil: it is a socket of its own.
	carrier *client
	head    []byte
	gone    bool         // a stream that was closed
	sparse  bool         // its rows leave out columns without a value
	topics  atomic.Int64 // subscriptions of a socket and of its streams
}

// root is the socket itself.
func (c *client) root() *client {
	if c.carrier != nil {
		return c.carrier
	}
	return c
}

// send queues a change of a table. A client that does not keep up is cut off: it could
// only be served what is no longer true.
func (c *client) send(frame []byte) { c.queue(frame, false) }

// answer queues an answer to what the client sent. Its next frame is handled when most of
// the answers have been written, see [session.room].
func (c *client) answer(frame []byte) { c.queue(frame, true) }

func (c *client) queue(frame []byte, answer bool) {
	switch {
	case c.gone:
	case c.carrier != nil:
		c.carrier.queue(c.wrapped(frame), answer)
	default:
		c.out.put(frame, answer)
	}
}

func newHub() hub {
	h := hub{tables: map[string]*table{}, clients: map[*client]struct{}{}}
	grouped := map[string]string{"timestamp": "sorted", "symbol": "grouped"}
	add := func(row reflect.Type, name string, attributes map[string]string, keys ...string) *table {
		t := newTable(row, name, attributes, keys...)
		h.tables[name] = t
		return t
	}
	private := func(t *table) *table { t.private = true; return t }
	alone := func(t *table) *table { t.alone = true; return t }
	h.instrument = add(reflect.TypeFor[api.Instrument](), "instrument", map[string]string{"symbol": "unique"}, "symbol")
	h.quote = add(reflect.TypeFor[api.Quote](), "quote", grouped)
	h.trade = add(reflect.TypeFor[api.Trade](), "trade", grouped)
	h.funding = add(reflect.TypeFor[api.Funding](), "funding", grouped)
	h.settlement = add(reflect.TypeFor[api.Settlement](), "settlement", grouped)
	h.liquidation = add(reflect.TypeFor[api.Liquidation](), "liquidation", map[string]string{"orderID": "unique"}, "orderID")
	parted := map[string]string{"symbol": "parted", "id": "sorted"}
	h.book = add(reflect.TypeFor[api.OrderBookL2](), "orderBookL2", parted, "symbol", "id", "side")
	h.book25 = add(reflect.TypeFor[api.OrderBookL2](), "orderBookL2_25", parted, "symbol", "id", "side")
	h.book.levels, h.book25.levels = true, true
	h.book10 = add(reflect.TypeFor[book10Row](), "orderBook10", map[string]string{"symbol": "sorted"}, "symbol")
	for n, b := range binSizes {
		h.bins[n] = add(reflect.TypeFor[api.TradeBin](), "tradeBin"+b.name, grouped)
		h.quoteBins[n] = add(reflect.TypeFor[api.Quote](), "quoteBin"+b.name, grouped)
	}
	for _, name := range []string{"insurance", "announcement", "connected", "chat", "publicNotifications"} {
		alone(add(reflect.TypeFor[struct{}](), name, nil))
	}
	h.order = private(add(reflect.TypeFor[api.Order](), "order", map[string]string{"orderID": "grouped", "account": "grouped", "ordStatus": "grouped", "workingIndicator": "grouped"}, "orderID"))
	h.execution = private(add(reflect.TypeFor[api.Execution](), "execution", map[string]string{"execID": "grouped", "account": "grouped", "execType": "grouped", "transactTime": "sorted"}, "execID"))
	h.position = private(add(reflect.TypeFor[api.Position](), "position", map[string]string{"account": "sorted", "symbol": "grouped", "currency": "grouped"}, "account", "symbol", "currency"))
	h.margin = alone(private(add(reflect.TypeFor[api.Margin](), "margin", map[string]string{"account": "sorted", "currency": "grouped"}, "account", "currency")))
	h.wallet = alone(private(add(reflect.TypeFor[api.Wallet](), "wallet", map[string]string{"account": "sorted", "currency": "grouped"}, "account", "currency")))
	h.transact = alone(private(add(reflect.TypeFor[api.Transaction](), "transact", map[string]string{"transactID": "unique"}, "transactID")))
	for _, name := range []string{"account", "affiliate", "privateNotifications"} {
		alone(private(add(reflect.TypeFor[struct{}](), name, nil)))
	}
	return h
}

// book10Row is a row of orderBook10: the best ten levels of each side.
type book10Row struct {
	Symbol    string          `json:"symbol"`
	Bids      [][2]api.Number `json:"bids"`
	Asks      [][2]api.Number `json:"asks"`
	Timestamp api.Time        `json:"timestamp"`
}

// listen adds a client to a table's listeners.
func (t *table) listen(c *client, a address) {
	t.subs[a] = append(t.subs[a], c)
	c.root().topics.Add(1)
}

func (t *table) unlisten(c *client, a address) {
	before := len(t.subs[a])
	t.subs[a] = slices.DeleteFunc(t.subs[a], func(x *client) bool { return x == c })
	c.root().topics.Add(int64(len(t.subs[a]) - before))
	if len(t.subs[a]) == 0 {
		delete(t.subs, a)
	}
}

// drop forgets a client.
func (h *hub) drop(c *client) {
	if _, here := h.clients[c]; !here {
		return
	}
	delete(h.clients, c)
	for _, t := range h.tables {
		for a := range t.subs {
			t.unlisten(c, a)
		}
	}
	c.gone = true
	if c.carrier == nil {
		c.out.end()
	}
}

func (h *hub) closeAll() {
	for c := range h.clients {
		h.drop(c)
	}
}
