"""Fills of resting orders on quotes and trades: Dunamis against NautilusTrader 1.221.

    python quote_orders.py CATALOG PLAY OUT

CATALOG is a catalog of quotes and trades that `backtest data import` made, PLAY the program
docs/crosscheck/play, OUT a new directory for what is written. Both engines get the same events and
the same post-only orders of one contract, one at a time, a buy and a sell in turn, without latency. NautilusTrader has
no queue, so Dunamis runs with --queue front. Printed is how many orders have the same fill: none in both, or at the same
nanosecond of the exchange and the same price.

How faults of NautilusTrader 1.221 are kept out of the comparison:

- A trade whose taker sold moves its bid alone, so that it does not fill a resting buy at its price, and the other way round.
  So it is told the other side of each trade.
- It takes a symbol with an underscore for a spread of two instruments. So the contract is called BTCUSD-PERP.
- It fills at most one order for each row of data. So one order rests at a time.
"""
import csv
import glob
import os
import subprocess
import sys
from decimal import Decimal

import pandas as pd
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import BTC, USD
from nautilus_trader.model.data import QuoteTick, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, TraderId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

EVERY, HOLD = 2_000_000_000, 1_900_000_000


def read(catalog, kind):
    names = sorted(glob.glob(f"{catalog}/**/kind={kind}/**/*.parquet", recursive=True))
    d = pd.concat([pd.read_parquet(n, partitioning=None) for n in names], ignore_index=True)
    d["time"] = d["time"].astype("int64")
    return d


def instrument():
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol("BTCUSD-PERP"), Venue("BINANCE")), raw_symbol=Symbol("BTCUSD_PERP"), base_currency=BTC,
        quote_currency=USD, settlement_currency=BTC, is_inverse=True, price_precision=1, size_precision=0,
        price_increment=Price.from_str("0.1"), size_increment=Quantity.from_int(1), multiplier=Quantity.from_int(100),
        max_quantity=None, min_quantity=Quantity.from_int(1), max_notional=None, min_notional=None, max_price=None, min_price=None,
        margin_init=Decimal("0.01"), margin_maint=Decimal("0.005"), maker_fee=Decimal("0"), taker_fee=Decimal("0"), ts_event=0, ts_init=0)


class Play(Strategy):
    """Sends and cancels orders at their times."""

    def __init__(self, contract, todo):
        super().__init__()
        self.contract, self.todo, self.sent, self.fills = contract, todo, {}, {}

    def on_start(self):
        self.subscribe_quote_ticks(self.contract.id)
        self.subscribe_trade_ticks(self.contract.id)
        for o in self.todo:
            self.clock.set_time_alert_ns(f"send-{o[0]}", o[1], self.on_alert)
            self.clock.set_time_alert_ns(f"end-{o[0]}", o[2], self.on_alert)

    def on_alert(self, event):
        what, number = event.name.split("-")
        number = int(number)
        if what == "send":
            _, _, _, side, price = self.todo[number]
            order = self.order_factory.limit(self.contract.id, OrderSide.BUY if side == "buy" else OrderSide.SELL,
                                             Quantity.from_int(1), Price.from_str(price), post_only=True)
            self.sent[number] = order
            self.submit_order(order)
        elif self.sent[number].is_open:
            self.cancel_order(self.sent[number])

    def on_order_filled(self, event):
        number = next(n for n, o in self.sent.items() if o.client_order_id == event.client_order_id)
        self.fills[number] = (event.ts_event, str(event.last_px))


def orders(quotes):
    times, out = quotes["time"].to_numpy(), []
    at = int(times[0]) + EVERY + 300_001
    while at + 2 * HOLD < times[-1]:
        q = quotes.iloc[times.searchsorted(at, "right") - 1]
        n = len(out)
        tick = Decimal("0.1") * (n // 2 % 3)
        side, price = ("buy", q["bid_price"] - tick) if n % 2 == 0 else ("sell", q["ask_price"] + tick)
        out.append((n, at, at + HOLD, side, str(price.quantize(Decimal("0.1")))))
        at += EVERY
    return out


def nautilus(quotes, trades, todo):
    engine = BacktestEngine(BacktestEngineConfig(trader_id=TraderId("CROSS-001"), logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(Venue("BINANCE"), OmsType.NETTING, AccountType.MARGIN, [Money(1000, BTC)], base_currency=BTC, trade_execution=True)
    contract = instrument()
    engine.add_instrument(contract)
    # The other side of each trade: see above.
    data = [TradeTick(contract.id, Price(t.price, 1), Quantity.from_int(t.qty), AggressorSide.SELLER if t.buy else AggressorSide.BUYER,
                      TradeId(str(n)), t.time, t.time) for n, t in enumerate(trades.itertuples())]
    data += [QuoteTick(contract.id, Price(q.bid_price, 1), Price(q.ask_price, 1), Quantity.from_int(q.bid_qty),
                       Quantity.from_int(q.ask_qty), q.time, q.time) for q in quotes.itertuples()]
    engine.add_data(data)
    play = Play(contract, todo)
    engine.add_strategy(play)
    engine.run()
    return play.fills


def dunamis(catalog, play, out, todo):
    os.makedirs(out)
    path = f"{out}/orders.csv"
    with open(path, "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["id", "send", "cancel", "side", "price", "qty"])
        w.writerows([f"o{n}", send, end, side, price, 1] for n, send, end, side, price in todo)
    subprocess.run([play, path, "run", "--catalog", catalog, "--venue", "binance", "--symbol", "BTCUSD_PERP", "--data", "quote",
                    "--strategy", "play", "--balance", "1000 BTC", "--queue", "front", "--consumption=false", "--out", f"{out}/run"],
                   check=True, stdout=subprocess.DEVNULL)
    d = pd.read_parquet(f"{out}/run/fills.parquet")
    return {int(i[1:]): (int(t), str(Decimal(p).quantize(Decimal("0.1")))) for i, t, p in zip(d["client_id"], d["time"].astype("int64"), d["price"])}


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    catalog, play, out = sys.argv[1:]
    quotes, trades = read(catalog, "quote"), read(catalog, "trade")
    todo = orders(quotes)
    mine = dunamis(catalog, play, out, todo)
    other = nautilus(quotes, trades, todo)
    same = sum(mine.get(n) == other.get(n) for n, *_ in todo)
    for n, *_ in todo:
        if mine.get(n) != other.get(n):
            print(f"order {n}: Dunamis {mine.get(n)}, NautilusTrader {other.get(n)}")
    print(f"{len(todo)} orders, {len(mine)} filled in Dunamis, {len(other)} in NautilusTrader; the same: {same} ({100 * same / len(todo):.2f} %)")


if __name__ == "__main__":
    main()
