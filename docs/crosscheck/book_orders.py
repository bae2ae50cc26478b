"""Fills of resting orders: Dunamis against hftbacktest 2.4.4.

    python book_orders.py CATALOG PLAY OUT [--queue risk-averse]

CATALOG is a catalog of book and trades that `backtest data import` made, PLAY the program
docs/crosscheck/play, OUT a new directory for what is written. Both engines get the same events from
the same catalog, and the same post-only orders of one contract at fixed times and prices, one
buy and one sell at a time. Printed is how many orders have the same fill: none in both, or at the
same nanosecond of the exchange and the same price.

How faults of hftbacktest 2.4.4 are kept out of the comparison:

- A trade reaches every order of ours at its price. So one order of a side rests at a time, and
  Dunamis runs with --consumption=false. With --together all passes rest at once; then they differ.
- The exchange with partial fills leaves an order in a state in which it fills no more. So every
  order is of one contract, and the exchange is the one without partial fills.
- A fall of a level and the trade that explains it count twice if the book row comes first. So
  trades come before book rows of the same time.
- A crossing limit order fills the rest at its limit, and market orders see 100 ticks. So every
  order is post-only.
"""
import argparse
import csv
import glob
import os
import subprocess

import numpy as np
import polars as pl
from hftbacktest import (BUY_EVENT, DEPTH_EVENT, EXCH_EVENT, FILLED, GTX, LIMIT, LOCAL_EVENT, SELL_EVENT, TRADE_EVENT,
                         BacktestAsset, HashMapMarketDepthBacktest)
from hftbacktest.types import event_dtype

TICK = 0.1
LATENCY = 5_000_000  # ns, of events, orders and reports
HOLD = 1_900_000_000  # ns
EVERY = 2_000_000_000
PASSES = 8
QUEUES = {  # the name of a queue model here: the method of hftbacktest
    "risk-averse": lambda a: a.risk_adverse_queue_model(),
    "prob-power:3,compat": lambda a: a.power_prob_queue_model(3),
    "prob-power2:3,compat": lambda a: a.power_prob_queue_model2(3),
    "prob-power3:3,compat": lambda a: a.power_prob_queue_model3(3),
}


def events(catalog):
    """Book rows and trades in the order of their times, trades first."""
    frames = []
    for kind, flag in (("trade", TRADE_EVENT), ("book", DEPTH_EVENT)):
        for name in sorted(glob.glob(f"{catalog}/**/kind={kind}/**/*.parquet", recursive=True)):
            d = pl.read_parquet(name, hive_partitioning=False)
            frames.append(d.select(pl.col("time").dt.epoch("ns"), pl.col("price").cast(pl.Float64), pl.col("qty"), pl.col("buy"),
                                   pl.lit(flag, dtype=pl.UInt64).alias("ev")))
    d = pl.concat(frames)
    order = np.lexsort((np.arange(len(d)), d["ev"].to_numpy() == DEPTH_EVENT, d["time"].to_numpy()))
    d = d[order]
    out = np.zeros(len(d), event_dtype)
    side = np.where(d["buy"].to_numpy(), BUY_EVENT, SELL_EVENT).astype(np.uint64)
    out["ev"] = d["ev"].to_numpy() | side | np.uint64(EXCH_EVENT) | np.uint64(LOCAL_EVENT)
    out["exch_ts"] = d["time"].to_numpy()
    out["local_ts"] = out["exch_ts"] + LATENCY
    out["px"], out["qty"] = d["price"].to_numpy(), d["qty"].to_numpy()
    return out


def orders(data):
    """The orders of each pass: at fixed times a buy and a sell, at the best price or up to three ticks behind it."""
    depth = (data["ev"] & np.uint64(0xFF)) == DEPTH_EVENT
    rows = data[depth]
    ticks = np.rint(rows["px"] / TICK).astype(np.int64)
    buy = (rows["ev"] & np.uint64(BUY_EVENT)) != 0
    times = rows["exch_ts"]
    starts = []
    for p in range(PASSES):
        at = int(data["exch_ts"][0]) + 2_000_000_000 + p * EVERY // PASSES + 300_001
        while at + HOLD + 1_000_000_000 < int(data["exch_ts"][-1]):
            starts.append((at, p))
            at += EVERY
    starts.sort()
    passes = [[] for _ in range(PASSES)]
    bids, asks, i = {}, {}, 0
    for n, (at, p) in enumerate(starts):
        while i < len(rows) and times[i] <= at:
            side = bids if buy[i] else asks
            if rows["qty"][i] > 0:
                side[ticks[i]] = True
            else:
                side.pop(ticks[i], None)
            i += 1
        back = (n // PASSES) % 4
        passes[p].append((2 * n, at, at + HOLD, "buy", int(max(bids)) - back))
        passes[p].append((2 * n + 1, at, at + HOLD, "sell", int(min(asks)) + back))
    return passes


def hftbacktest(data, queue, todo):
    """The fills of orders: id to (time, tick)."""
    asset = (BacktestAsset().data(data).inverse_asset(100.0).constant_order_latency(LATENCY, LATENCY)
             .no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0).tick_size(TICK).lot_size(1.0))
    asset = QUEUES[queue](asset)
    hbt = HashMapMarketDepthBacktest([asset])
    hbt.elapse(1)
    actions = sorted([(o[1], 0, o) for o in todo] + [(o[2], 1, o) for o in todo], key=lambda a: (a[0], a[1], a[2][0]))
    fills = {}

    def collect():
        book = hbt.orders(0)
        values = book.values()
        while values.has_next():
            o = values.get()
            if o.status == FILLED:
                fills[o.order_id] = (o.exch_timestamp, int(o.exec_price_tick))
        hbt.clear_inactive_orders(0)

    for at, what, (number, _, _, side, tick) in actions:
        if at > hbt.current_timestamp:
            hbt.elapse(at - hbt.current_timestamp)
        collect()
        if what == 0:
            send = hbt.submit_buy_order if side == "buy" else hbt.submit_sell_order
            send(0, number, tick * TICK, 1.0, GTX, LIMIT, False)
        elif number in hbt.orders(0):
            hbt.cancel(0, number, False)
    hbt.elapse(1_000_000_000)
    collect()
    hbt.close()
    return fills


def dunamis(args, todo, name):
    path, out = f"{args.out}/{name}.csv", f"{args.out}/{name}"
    with open(path, "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["id", "send", "cancel", "side", "price", "qty"])
        for number, send, cancel, side, tick in todo:
            w.writerow([f"o{number}", send, cancel, side, f"{tick // 10}.{tick % 10}", 1])
    subprocess.run([args.play, path, "run", "--catalog", args.catalog, "--venue", "binance", "--symbol", "BTCUSD_PERP",
                    "--data", "book", "--strategy", "play", "--balance", "1000 BTC", "--latency", f"{LATENCY}ns",
                    "--queue", args.queue, f"--consumption={'true' if args.together else 'false'}", "--out", out],
                   check=True, stdout=subprocess.DEVNULL)
    fills = pl.read_parquet(f"{out}/fills.parquet").select("client_id", pl.col("time").dt.epoch("ns"), pl.col("price").cast(pl.Float64))
    return {int(name[1:]): (time, round(price / TICK)) for name, time, price in fills.iter_rows()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("catalog", "play", "out"):
        p.add_argument(name)
    p.add_argument("--queue", default="risk-averse", choices=QUEUES)
    p.add_argument("--together", action="store_true", help="all passes rest at once, and Dunamis consumes what trades")
    p.add_argument("--list", action="store_true", help="print the orders that differ")
    args = p.parse_args()
    os.makedirs(args.out)  # each run needs a new one
    data = events(args.catalog)
    passes = orders(data)
    if args.together:
        passes = [sorted((o for one in passes for o in one), key=lambda o: (o[1], o[0]))]
    sent = same = both = theirs_only = ours_only = late = 0
    for n, todo in enumerate(passes):
        theirs = hftbacktest(data, args.queue, todo)
        ours = dunamis(args, todo, f"{args.queue.replace(':', '-').replace(',', '-')}-{'together' if args.together else n}")
        sent += len(todo)
        for number, *_ in todo:
            a, b = ours.get(number), theirs.get(number)
            same += a == b
            both += a is not None and b is not None
            ours_only += a is not None and b is None
            theirs_only += a is None and b is not None
            if args.list and a != b:
                print(f"order {number}: Dunamis {a}, hftbacktest {b}")
            late += a is not None and b is not None and a[0] > b[0] + 1_000_000
    print(f"{args.queue}: {sent} orders, {both} filled in both, {ours_only} in Dunamis alone, {theirs_only} in hftbacktest alone, "
          f"{late} later in Dunamis by more than 1 ms; the same: {same} ({100 * same / sent:.2f} %)")


if __name__ == "__main__":
    main()
