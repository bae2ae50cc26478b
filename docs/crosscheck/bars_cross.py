"""Fills and equity on minute bars: Dunamis against backtesting.py 0.6.6.

    python bars_cross.py CATALOG PLAY OUT

CATALOG is a catalog of minute bars of XBTUSD that `backtest data import` made, PLAY the program
docs/crosscheck/play, OUT a new directory for what is written. Both engines trade the crossing of
averages of 10 and 30 closes with market orders of one contract, without slippage, and pay 0.075 %.
backtesting.py knows contracts in the currency of the price alone, so linear.json makes one of
XBTUSD. Printed is how many fills are the same (bar, signed quantity, price), and both equities at the end.

A bar whose open lies outside its low and high is given to backtesting.py with the open moved into
them, which is what Dunamis does with it.
"""
import glob
import json
import os
import subprocess
import sys
import warnings

os.environ["TQDM_DISABLE"] = "1"  # no progress bar

import numpy as np
import pandas as pd
import polars as pl
from backtesting import Backtest, Strategy

FAST, SLOW, QTY, CASH = 10, 30, 1, 10_000_000
MINUTE = 60_000_000_000


def bars(catalog):
    names = sorted(glob.glob(f"{catalog}/**/kind=bar-1m/**/*.parquet", recursive=True))
    d = pl.concat([pl.read_parquet(n, hive_partitioning=False) for n in names]).sort("time")
    f = {c: d[c].cast(pl.Float64).to_numpy() for c in ("open", "high", "low", "close")}
    return pd.DataFrame({"Open": np.clip(f["open"], f["low"], f["high"]), "High": f["high"], "Low": f["low"],
                         "Close": f["close"], "Volume": d["volume"].to_numpy()},
                        index=pd.to_datetime(d["time"].dt.epoch("ns").to_numpy()))


def targets(closes):
    """The position that each bar asks for, by sums of whole cents; 0 is the position before."""
    cents = np.concatenate([[0], np.cumsum(np.rint(closes * 100).astype(np.int64))])
    out = np.zeros(len(closes), np.int64)
    fast = (cents[SLOW:] - cents[SLOW - FAST:-FAST]) * SLOW
    slow = (cents[SLOW:] - cents[:-SLOW]) * FAST
    out[SLOW - 1:] = np.sign(fast - slow) * QTY
    return out


def theirs(data):
    want = targets(data["Close"].to_numpy())

    class Cross(Strategy):
        def init(self):
            pass

        def next(self):
            target = want[len(self.data) - 1]
            change = int(target - self.position.size) if target else 0
            if change > 0:
                self.buy(size=change)
            elif change < 0:
                self.sell(size=-change)

    warnings.simplefilter("ignore", UserWarning)  # that the last trade stays open
    stats = Backtest(data, Cross, cash=CASH, commission=0.00075, margin=0.01, finalize_trades=False).run()
    fills = {}
    open_trades = stats["_strategy"].trades
    rows = [(t.EntryBar, t.Size, t.EntryPrice, t.ExitBar, t.ExitPrice) for t in stats["_trades"].itertuples()]
    rows += [(t.entry_bar, t.size, t.entry_price, None, None) for t in open_trades]
    for entry, size, price, end, end_price in rows:
        fills.setdefault(entry, [0, price])[0] += size
        if end is not None:
            fills.setdefault(int(end), [0, end_price])[0] -= size
    start = data.index.asi8 if hasattr(data.index, "asi8") else data.index.astype("int64")
    unit = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}[data.index.unit]
    return {int(start[bar]) * unit: (int(q), float(p)) for bar, (q, p) in fills.items()}, stats["Equity Final [$]"]


def ours(catalog, play, out):
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run([play, "-", "run", "--catalog", catalog, "--symbol", "XBTUSD", "--data", "bar-1m", "--strategy", "cross",
                    "--param", f"fast={FAST}", "--param", f"slow={SLOW}", "--param", f"qty={QTY}", "--balance", f"{CASH} USD",
                    "--slippage-ticks", "0", "--instruments", f"{here}/linear.json", "--out", out],
                   check=True, stdout=subprocess.DEVNULL)
    d = pl.read_parquet(f"{out}/fills.parquet")
    fills = {}
    for time, side, qty, price in d.select(pl.col("time").dt.epoch("ns"), "side", "qty", pl.col("price").cast(pl.Float64)).iter_rows():
        bar = time // MINUTE * MINUTE
        fills[bar] = (fills.get(bar, (0, 0))[0] + (qty if side == "Buy" else -qty), price)
    with open(f"{out}/result.json") as f:
        return fills, json.load(f)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    data = bars(sys.argv[1])
    mine, result = ours(*sys.argv[1:])
    other, equity = theirs(data)
    same = sum(mine.get(k) == v for k, v in other.items())
    print(f"{len(data)} bars; {len(mine)} fills in Dunamis, {len(other)} in backtesting.py, the same: {same}")
    for k in sorted(set(mine) ^ set(other) | {k for k in set(mine) & set(other) if mine[k] != other[k]})[:10]:
        print(f"bar {pd.Timestamp(k)}: Dunamis {mine.get(k)}, backtesting.py {other.get(k)}")
    account = result["account"]
    print(f"equity at the end: Dunamis {account['end_equity'] / 10 ** account['currency_scale']:.6f}, backtesting.py {equity:.6f}")


if __name__ == "__main__":
    main()
