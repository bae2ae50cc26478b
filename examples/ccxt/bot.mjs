// A tour of everything that ccxt can do on BitMEX, on a Dunamis gateway.
//
//   BITMEX_URL      where the gateway is (default: http://127.0.0.1:8090)
//   BITMEX_KEY, BITMEX_SECRET   of `paper keys add`
import assert from 'node:assert/strict';
import ccxt from 'ccxt';

const url = process.env.BITMEX_URL ?? 'http://127.0.0.1:8090';
const ex = new ccxt.pro.bitmex({
  apiKey: process.env.BITMEX_KEY,
  secret: process.env.BITMEX_SECRET,
  enableRateLimit: false,
});
ex.urls.api = { public: url, private: url, ws: `${url.replace('http', 'ws')}/realtime` };
await ex.loadHttpProxyAgent(); // ccxt asks for it where the stream is not encrypted

const did = (what, detail = '') => console.log(`ok ${what} ${detail}`);

// What there is.
const markets = await ex.loadMarkets();
const symbol = 'BTC/USD:BTC';
assert.ok(markets[symbol], 'XBTUSD is a market');
did('markets', Object.keys(markets).join(' '));
const ticker = await ex.fetchTicker(symbol);
assert.ok(ticker.bid > 0 && ticker.ask > ticker.bid && ticker.last > 0);
did('ticker', `${ticker.bid} ${ticker.ask}`);
const book = await ex.fetchOrderBook(symbol, 5);
assert.ok(book.bids[0][0] < book.asks[0][0] && book.bids.length === 5);
assert.ok((await ex.fetchTrades(symbol, undefined, 5)).length > 0);
const candles = await ex.fetchOHLCV(symbol, '1m', undefined, 10);
assert.ok(candles.length > 0 && candles.every((c) => c[2] >= c[3]));
did('book, trades, candles', candles.length);
const balance = await ex.fetchBalance();
assert.ok(balance.BTC.total > 0);
did('balance', balance.BTC.total);

// What else there is to read.
for (const timeframe of Object.keys(ex.timeframes)) {
  assert.ok(Array.isArray(await ex.fetchOHLCV(symbol, timeframe, undefined, 5)), timeframe);
}
assert.ok((await ex.fetchCurrencies()).BTC);
assert.ok((await ex.fetchTickers())[symbol].last > 0);
assert.ok((await ex.fetchFundingRates([symbol]))[symbol]);
for (const what of ['fetchFundingRateHistory', 'fetchLiquidations', 'fetchSettlementHistory']) {
  assert.ok(Array.isArray(await ex[what](symbol)), what);
}
assert.ok(Object.keys(await ex.fetchOpenInterests()).length > 0);
assert.ok(Array.isArray(await ex.fetchDepositsWithdrawals()));
did('currencies, tickers, funding, liquidations, settlements, interest');

// Every kind of order: placed, read, edited, cancelled.
const low = Math.floor(ticker.bid * 0.97);
const high = Math.ceil(ticker.ask * 1.03);
const limit = await ex.createOrder(symbol, 'limit', 'buy', 100, low, { clOrdID: `tour-${Date.now()}` });
assert.equal(limit.status, 'open');
assert.equal((await ex.fetchOrder(limit.id, symbol)).price, low);
const renamed = await ex.editOrder(undefined, symbol, 'limit', 'buy', 200, low - 10, { origClOrdID: limit.clientOrderId, clOrdID: `${limit.clientOrderId}-b` });
assert.equal(renamed.clientOrderId, `${limit.clientOrderId}-b`);
assert.equal(renamed.price, low - 10);
assert.equal((await ex.cancelOrder(limit.id, symbol)).status, 'canceled');
did('limit, edit, cancel');

const cases = [];
// order adds a kind: what to place, what ccxt must make of it, and what to edit.
const order = (name, ordType, args, edit) => cases.push({ name, ordType, args, edit });
for (const side of ['buy', 'sell']) {
  const rest = side === 'buy' ? low : high;
  for (const [options, suffix] of [[{}, ''], [{ postOnly: true }, ' post only'], [{ displayQty: 100 }, ' iceberg'], [{ displayQty: 0 }, ' hidden'],
    [{ timeInForce: 'GoodTillCancel' }, ' good till cancel'], [{ timeInForce: 'Day' }, ' for the day']]) {
    order(`limit ${side}${suffix}`, 'Limit', ['limit', side, 200, rest, options], { amount: 300, price: rest + 1 });
  }
  for (const direction of ['above', 'below']) {
    const at = direction === 'above' ? high : low;
    const stops = (side === 'buy') === (direction === 'above');
    for (const trigger of ['LastPrice', 'MarkPrice', 'IndexPrice']) {
      const options = { triggerPrice: at, triggerDirection: direction, execInst: trigger };
      order(`market ${side} ${direction} ${trigger}`, stops ? 'Stop' : 'MarketIfTouched', ['market', side, 100, undefined, options], { params: { stopPx: at + 1 } });
      order(`limit ${side} ${direction} ${trigger}`, stops ? 'StopLimit' : 'LimitIfTouched', ['limit', side, 100, at, options],
        { price: at + 2, params: { stopPx: at + 1 } });
    }
    for (const type of ['market', 'limit']) {
      const ordType = type === 'market' ? (stops ? 'Stop' : 'MarketIfTouched') : (stops ? 'StopLimit' : 'LimitIfTouched');
      order(`trailing ${type} ${side} ${direction}`, ordType, [type, side, 100, type === 'limit' ? at : undefined,
        { trailingAmount: 500, triggerDirection: direction, execInst: 'LastPrice' }], { params: { trailingAmount: 600, triggerDirection: direction } });
    }
  }
  const away = side === 'buy' ? -1000 : 1000;
  order(`pegged ${side}`, 'Pegged', ['pegged', side, 100, undefined, { pegPriceType: 'PrimaryPeg', pegOffsetValue: away, execInst: 'Fixed' }], { amount: 200 });
}
order('linked', 'Limit', ['limit', 'buy', 100, low, { clOrdLinkID: 'pair', contingencyType: 'OneCancelsTheOther' }], { price: low - 1 });
const watchedOrders = new Set();
const watching = (async () => {
  for (;;) {
    for (const o of await ex.watchOrders(symbol)) {
      watchedOrders.add(`${o.id} ${o.status}`);
    }
  }
})().catch(() => {}); // it ends when the client closes
await ex.sleep(300); // until it is subscribed
const ids = [];
for (const { name, ordType, args, edit } of cases) {
  const placed = await ex.createOrder(symbol, ...args);
  assert.equal(placed.status, 'open', name);
  assert.equal(placed.info.ordType, ordType, name);
  const read = await ex.fetchOrder(placed.id, symbol);
  assert.equal(read.side, args[1], name);
  const edited = await ex.editOrder(placed.id, symbol, args[0], args[1], edit.amount, edit.price, edit.params);
  assert.equal(edited.id, placed.id, name);
  if (edit.amount) assert.equal(Number(edited.info.orderQty), edit.amount, name); // ccxt gives contracts in dollars no amount
  if (edit.price) assert.equal(edited.price, edit.price, name);
  if (edit.params?.stopPx) assert.equal(Number(edited.info.stopPx), edit.params.stopPx, name);
  if (edit.params?.trailingAmount) assert.equal(Math.abs(edited.info.pegOffsetValue), edit.params.trailingAmount, name);
  ids.push(placed.id);
}
assert.equal((await ex.fetchOpenOrders(symbol, undefined, 500)).length, cases.length);
for (const id of ids.slice(0, 10)) {
  assert.equal((await ex.cancelOrder(id, symbol)).status, 'canceled');
}
assert.ok((await ex.cancelOrders(ids.slice(10, 20), symbol)).every((o) => o.status === 'canceled'));
await ex.cancelAllOrders(symbol);
assert.equal((await ex.fetchOpenOrders(symbol)).length, 0);
await ex.sleep(300);
for (const id of ids) {
  assert.ok(watchedOrders.has(`${id} open`) && watchedOrders.has(`${id} canceled`), id);
}
did('orders', `${cases.length} kinds placed, edited, cancelled and watched`);
for (const timeInForce of ['ImmediateOrCancel', 'FillOrKill']) {
  const gone = await ex.createOrder(symbol, 'limit', 'buy', 100, low, { timeInForce });
  assert.equal(gone.status, 'canceled', timeInForce);
  assert.equal(gone.info.cumQty, 0, timeInForce);
}
const crossing = await ex.createOrder(symbol, 'limit', 'buy', 100, high, { postOnly: true });
assert.equal(crossing.status, 'canceled', 'post only does not take');
const nothing = await ex.createOrder(symbol, 'limit', 'sell', 100, high, { reduceOnly: true }).catch((e) => e);
assert.ok(nothing instanceof ccxt.BaseError || nothing.status !== 'open', 'there is nothing to reduce');
did('immediate or cancel, fill or kill, post only that crosses, reduce only without a position');
await assert.rejects(ex.createOrder(symbol, 'limit', 'buy', 100, low, { ordType: 'Limit', execInst: 'AllOrNone' }), ccxt.BadRequest);
await assert.rejects(ex.cancelOrder('00000000-0000-0000-0000-000000000001', symbol));
did('refusals');

// A position, watched.
const within = (what, promise) => Promise.race([promise,
  new Promise((_, no) => setTimeout(() => no(new Error(`${what}: nothing came`)), 20000))]);
const watched = {
  book: within('book', ex.watchOrderBook(symbol, 25)),
  trades: within('trades', ex.watchTrades(symbol)),
  ticker: within('ticker', ex.watchTicker(symbol)),
  balance: within('balance', ex.watchBalance()),
};
for (const [name, promise] of Object.entries(watched)) {
  assert.ok(await promise, name);
}
watched.candles = within('candles', ex.watchOHLCV(symbol, '1m'));
watched.tickers = within('tickers', ex.watchTickers([symbol]));
watched.books = within('books', ex.watchOrderBookForSymbols([symbol]));
watched['trades of symbols'] = within('trades of symbols', ex.watchTradesForSymbols([symbol]));
for (const name of ['candles', 'tickers', 'books', 'trades of symbols']) {
  assert.ok(await watched[name], name);
}
const fills = within('fills', ex.watchMyTrades(symbol));
const positions = within('positions', ex.watchPositions([symbol]));
await new Promise((r) => setTimeout(r, 300)); // until they are subscribed
const market = await ex.createOrder(symbol, 'market', 'buy', 1000);
assert.equal(market.status, 'closed');
assert.ok((await positions).length > 0);
assert.equal((await fills).reduce((sum, f) => sum + f.amount, 0), 1000);
did('watch', Object.keys(watched).concat('fills', 'positions').join(', '));
const [position] = await ex.fetchPositions([symbol]);
assert.equal(position.contracts, 1000);
assert.equal(position.side, 'long');
const take = await ex.createOrder(symbol, 'limit', 'sell', 500, high, { reduceOnly: true });
assert.equal(take.status, 'open');
assert.equal(Number((await ex.editOrder(take.id, symbol, 'limit', 'sell', 400)).info.orderQty), 400);
assert.equal((await ex.cancelOrder(take.id, symbol)).status, 'canceled');
did('reduce only');
await ex.setLeverage(10, symbol);
assert.equal((await ex.fetchLeverages())[symbol].longLeverage, 10);
await ex.setMarginMode('cross', symbol);
did('position, leverage', position.entryPrice);
const closed = await ex.closePosition(symbol);
assert.equal(closed.status, 'closed');
assert.ok((await ex.fetchMyTrades(symbol)).length >= 2);
assert.ok((await ex.fetchClosedOrders(symbol)).length >= 2);
assert.ok((await ex.fetchLedger()).length > 0);
did('closed', closed.average);

// The dead man's switch.
await ex.cancelAllOrdersAfter(60_000_000);
await ex.cancelAllOrdersAfter(0);
did('switch');
await ex.close();
process.exit(0);
