// A session of ccxt on a gateway that replays bars, which has no trades and no recorded book.
//
//   BITMEX_URL, BITMEX_KEY, BITMEX_SECRET   as in bot.mjs
import assert from 'node:assert/strict';
import ccxt from 'ccxt';

const url = process.env.BITMEX_URL ?? 'http://127.0.0.1:8090';
const ex = new ccxt.pro.bitmex({ apiKey: process.env.BITMEX_KEY, secret: process.env.BITMEX_SECRET, enableRateLimit: false });
ex.urls.api = { public: url, private: url, ws: `${url.replace('http', 'ws')}/realtime` };
await ex.loadHttpProxyAgent(); // ccxt asks for it where the stream is not encrypted

const symbol = 'BTC/USD:BTC';
let calls = 0;
const call = async (name, ...args) => {
  const answer = await ex[name](...args);
  calls += 1;
  return answer;
};

assert.ok((await call('loadMarkets'))[symbol]);
const ticker = await call('fetchTicker', symbol);
for (const column of ['bid', 'ask', 'last', 'open', 'high', 'low', 'vwap', 'percentage', 'baseVolume', 'quoteVolume']) {
  assert.ok(Number.isFinite(ticker[column]), `${column} of the ticker: ${ticker[column]}`);
}
assert.ok(ticker.baseVolume > 0 && ticker.high >= ticker.low && ticker.high >= ticker.last);
assert.ok((await call('fetchTickers'))[symbol].last > 0);
const book = await call('fetchOrderBook', symbol, 5);
assert.ok(book.bids.length === 1 && book.asks.length === 1 && book.bids[0][0] < book.asks[0][0]);
assert.ok((await call('fetchOHLCV', symbol, '1h', undefined, 10)).length > 0);
assert.ok(Array.isArray(await call('fetchTrades', symbol)));
assert.ok((await call('fetchBalance')).BTC.total > 0);
assert.ok((await call('watchTicker', symbol)).last > 0);
assert.ok((await call('watchOrderBook', symbol, 25)).bids.length > 0);

const low = Math.floor(ticker.bid * 0.9);
const limit = await call('createOrder', symbol, 'limit', 'buy', 100, low);
assert.equal(limit.status, 'open');
assert.equal((await call('editOrder', limit.id, symbol, 'limit', 'buy', 200, low - 10)).price, low - 10);
assert.equal((await call('fetchOrder', limit.id, symbol)).price, low - 10);
assert.equal((await call('fetchOpenOrders', symbol)).length, 1);
assert.equal((await call('cancelOrder', limit.id, symbol)).status, 'canceled');
await call('setLeverage', 5, symbol);
const stop = await call('createOrder', symbol, 'market', 'sell', 100, undefined, { triggerPrice: low, triggerDirection: 'below' });
assert.equal(stop.status, 'open');
await call('cancelAllOrders', symbol);
const refused = await ex.createOrder(symbol, 'limit', 'buy', 700_000, low).catch((e) => e);
assert.ok(refused instanceof ccxt.InsufficientFunds, `an order beyond the balance: ${refused}`);
calls += 1;

// Market orders trade at the next bar.
const market = await call('createOrder', symbol, 'market', 'buy', 1000);
const until = async (what, is) => {
  for (let n = 0; n < 200; n += 1) {
    const found = await is();
    if (found) return found;
    await ex.sleep(100);
  }
  throw new Error(`${what} never came`);
};
await until('the fill', async () => (await ex.fetchOrder(market.id, symbol)).status === 'closed');
assert.equal((await call('fetchPositions', [symbol]))[0].contracts, 1000);
assert.ok((await call('fetchMyTrades', symbol)).length > 0);
console.log(`ok ${calls} calls`);
await ex.close();
process.exit(0);
