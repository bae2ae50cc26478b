#!/usr/bin/env python3
"""Recompute the account of a run from its tables, and compare.

    recompute.py RUN_DIRECTORY

Reads fills.parquet, funding.parquet and result.json, and shares no code with the
engine. Every amount is an integer, in the smallest unit of the currency. Needs
Python 3.8 and either duckdb or pyarrow.

Prints one JSON object; exits with 1 when a number differs and 2 when the run can
not be read. The rules, as docs/results.md gives them:

  value      the value of one lot is rounded to the nearest unit, halves up, and
             multiplied by the number of lots
  fee        value x rate, rounded to the nearest unit, halves away from zero
  realised   value of what was closed less its share of the position's cost; the
             share may be rounded either way, so each fill is held to less than
             one unit of the exact value
  unrealised value of the position at the mark less what is left of its cost
"""
import json
import sys
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path

FILL_COLUMNS = ["symbol", "side", "qty", "price", "value", "fee", "fee_rate", "realised", "position"]
FUNDING_COLUMNS = ["symbol", "rate", "qty", "price", "amount"]


def rows(path, columns):
    """Yields rows as dicts, with the time as microseconds since 1970."""
    try:
        import duckdb
    except ImportError:
        yield from rows_of_arrow(path, columns)
        return
    query = "SELECT epoch_us(time::TIMESTAMPTZ), %s FROM read_parquet(?)" % ", ".join('"%s"' % c for c in columns)
    for row in duckdb.connect().execute(query, [str(path)]).fetchall():
        yield dict(zip(["time"] + columns, row))


def rows_of_arrow(path, columns):
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path, columns=["time"] + columns)
    times = table.column("time").cast(pyarrow.int64()).to_pylist()  # nanoseconds
    for at, row in zip(times, table.select(columns).to_pylist()):
        row["time"] = at // 1000
        yield row


def half_up(x):
    """Rounds a fraction that is not negative."""
    return int(x + Fraction(1, 2))


def rounded(x):
    """Rounds a fraction, halves away from zero."""
    return half_up(x) if x >= 0 else -half_up(-x)


def micros(text):
    if not text:
        return -(1 << 62)
    at = datetime.strptime(text.split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S")
    return int(at.replace(tzinfo=timezone.utc).timestamp()) * 1_000_000


class Contract:
    def __init__(self, spec):
        self.inverse = spec["kind"] == "inverse"
        self.unit = Fraction(spec["multiplier"], spec["divisor"])
        self.lots = [(micros(t["from"]), t["lot_size"]) for t in spec["terms"]]

    def value(self, qty, price, at):
        lot = [size for since, size in self.lots if since <= at or since == self.lots[0][0]][-1]
        exact = self.unit * lot / price if self.inverse else self.unit * lot * price
        per_lot = half_up(exact)
        whole, odd = divmod(abs(qty), lot)
        return per_lot * whole + half_up(Fraction(per_lot * odd, lot))

    def cost(self, qty, price, at):
        """Signed so that unrealised = cost at the mark - cost at entry."""
        v = self.value(qty, price, at)
        return -v if (qty < 0) != self.inverse else v


class Position:
    def __init__(self, contract):
        self.contract, self.qty, self.cost = contract, 0, 0

    def trade(self, qty, price, realised, at):
        """Applies a fill and returns what is wrong with its realised PnL."""
        fault = None
        closed = 0
        if self.qty and (self.qty > 0) != (qty > 0):
            closed = min(abs(qty), abs(self.qty)) * (1 if qty > 0 else -1)
            gone = self.contract.cost(-closed, price, at)
            exact = gone - Fraction(self.cost * abs(closed), abs(self.qty))
            if abs(realised - exact) >= 1:
                fault = "realised %d, want %.3f" % (realised, float(exact))
            self.cost -= gone - realised
            self.qty += closed
        elif realised:
            fault = "realised %d by a fill that closes nothing" % realised
        opened = qty - closed
        if opened:
            self.cost += self.contract.cost(opened, price, at)
            self.qty += opened
        return fault


def recompute(run):
    result = json.loads((run / "result.json").read_text())
    contracts = {c["symbol"]: Contract(c) for c in result["instruments"]}
    positions = {s: Position(c) for s, c in contracts.items()}
    faults = []
    out = {"fills": 0, "realised_pnl": 0, "fees": 0, "funding": 0, "turnover": 0}

    for n, f in enumerate(rows(run / "fills.parquet", FILL_COLUMNS)):
        contract, position = contracts[f["symbol"]], positions[f["symbol"]]
        signed = f["qty"] if f["side"] == "Buy" else -f["qty"]
        price = Fraction(f["price"])
        value = contract.value(signed, price, f["time"])
        fee = rounded(value * Fraction(f["fee_rate"]))
        fault = position.trade(signed, price, f["realised"], f["time"])
        if fault:
            faults.append("fill %d: %s" % (n, fault))
        for what, got, want in [("value", f["value"], value), ("fee", f["fee"], fee), ("position", f["position"], position.qty)]:
            if got != want:
                faults.append("fill %d: %s %d, want %d" % (n, what, got, want))
        out["fills"] += 1
        out["realised_pnl"] += f["realised"]
        out["fees"] += fee
        out["turnover"] += value

    for n, f in enumerate(rows(run / "funding.parquet", FUNDING_COLUMNS)):
        value = contracts[f["symbol"]].value(f["qty"], Fraction(f["price"]), f["time"])
        amount = rounded(value * Fraction(f["rate"])) * (-1 if f["qty"] > 0 else 1)
        if amount != f["amount"]:
            faults.append("payment %d: amount %d, want %d" % (n, f["amount"], amount))
        out["funding"] += amount

    account = result["account"]
    marks = {p["symbol"]: p for p in result["positions"]}
    end = micros(result["run"]["end"])
    out["unrealised_pnl"] = 0
    for symbol, position in positions.items():
        listed = marks.get(symbol, {"qty": 0, "cost": 0, "unrealised_pnl": 0, "mark_price": 0})
        unrealised = 0
        if position.qty and listed["qty"]:
            mark = Fraction(str(listed["mark_price"]))
            unrealised = contracts[symbol].cost(position.qty, mark, end) - position.cost
        for what, got, want in [("qty", listed["qty"], position.qty), ("cost", listed["cost"], position.cost),
                                ("unrealised_pnl", listed["unrealised_pnl"], unrealised)]:
            if got != want:
                faults.append("position %s: %s %d, want %d" % (symbol, what, got, want))
        out["unrealised_pnl"] += unrealised

    out["end_balance"] = (account["start_balance"] + out["realised_pnl"] - out["fees"] + out["funding"]
                          + account["insurance"])
    out["end_equity"] = out["end_balance"] + out["unrealised_pnl"]
    for name in ["realised_pnl", "fees", "funding", "turnover", "unrealised_pnl", "end_balance", "end_equity"]:
        if out[name] != account[name]:
            faults.append("account: %s %d, want %d" % (name, account[name], out[name]))
    if out["fills"] != result["counts"]["fills"]:
        faults.append("counts: fills %d, want %d" % (result["counts"]["fills"], out["fills"]))
    out["ok"] = not faults
    out["faults"] = faults[:100]
    return out


def main(args):
    if len(args) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        out = recompute(Path(args[0]))
    except (OSError, KeyError, ValueError, ImportError) as e:
        print("%s: %s: %s" % (args[0], type(e).__name__, e), file=sys.stderr)
        return 2
    json.dump(out, sys.stdout, indent=2)
    print()
    return 0 if out["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
