#!/usr/bin/env python3
"""Makes independent.json: runs, and the figures that result.json and statistics.json must
have of them. The figures are computed here from the definitions in docs/results.md and
docs/statistics.md. The script shares no code with the engine and needs Python alone.

    python3 independent.py > independent.json

A run trades an inverse contract, whose value is qty * round(1e8 / price) satoshis, in an
account of satoshis. Steps are [seconds since 1970, what, ...]:

  fill    mark, id, side, qty, price, mid when it was sent, value, fee, realised, maker, forced
  fund    mark, amount
  sample  mark

and after each: wallet, signed position, unrealised PnL. Figures are by their path in the
file; null is a figure that is not defined.
"""
import json
import math
from calendar import monthrange
from datetime import datetime, timezone
from fractions import Fraction

DAY = 86400
BALANCE = 1_000_000_000


class Random:
    """A generator that every version of Python has alike."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def nearest(x):
    """Rounds halves away from zero."""
    x = Fraction(x)
    return int(abs(x) + Fraction(1, 2)) * (1 if x >= 0 else -1)


def worth(position, price):
    """Signed so that unrealised PnL is the difference of two of them."""
    return -position * nearest(Fraction(100_000_000) / Fraction(price))


class Account:
    def __init__(self):
        self.wallet, self.position, self.cost, self.mark = BALANCE, 0, 0, 0.0

    def fill(self, signed, price, fee):
        """Returns the value and the realised PnL."""
        value = abs(worth(signed, price))
        closed, realised = 0, 0
        if self.position * signed < 0:
            closed = min(abs(signed), abs(self.position)) * (1 if signed > 0 else -1)
            share = nearest(Fraction(self.cost * abs(closed), abs(self.position)))
            realised = -worth(closed, price) - share
            self.position, self.cost = self.position + closed, self.cost - share
        opened = signed - closed
        self.position, self.cost = self.position + opened, self.cost + worth(opened, price)
        self.wallet += realised - fee
        self.mark = price
        return value, realised

    def unrealised(self):
        return worth(self.position, self.mark) - self.cost if self.position else 0


def play(start, end, seed, every):
    """Trades at random from start to end, and samples as an engine does."""
    rnd, account, steps = Random(seed), Account(), []
    price, number, order = 14000, 0, 0  # in half dollars

    def note(at, what, *values):
        steps.append([at, what, *values, account.wallet, account.position, account.unrealised()])

    def trade(at, signed, maker, forced):
        nonlocal number
        number += 1
        mid = price / 2 + (rnd.below(9) - 4) / 2
        rate = Fraction(-25, 100_000) if maker else Fraction(75, 100_000)
        fee = nearest(abs(worth(signed, price / 2)) * rate)
        value, realised = account.fill(signed, price / 2, fee)
        note(at, "fill", account.mark, number, "Buy" if signed > 0 else "Sell", abs(signed), price / 2, mid, value, fee,
             realised, maker, forced)

    at, first = start, True
    while True:
        account.mark = price / 2
        if first or at == end or at % every == 0 or at % DAY == 0:
            note(at, "sample", account.mark)
        if at == end:
            return steps
        first = False
        after = min(end, (at // every + 1) * every, (at // DAY + 1) * DAY)
        if after - at >= 60 and rnd.below(3) == 0:
            price += rnd.below(401) - 200
            when = at + 1 + rnd.below(after - at - 1)
            if account.position and rnd.below(12) == 0:
                for share in (2, 1):
                    trade(when, -(account.position // share), False, True)
            elif account.position and rnd.below(3) == 0:
                trade(when, -account.position, rnd.below(2) == 0, False)
            else:
                qty = 100 * (1 + rnd.below(300))
                trade(when, qty if rnd.below(2) else -qty, rnd.below(2) == 0, False)
        elif account.position and rnd.below(5) == 0 and after - at >= 60:
            amount = rnd.below(20001) - 10000
            account.wallet += amount
            note(at + 30, "fund", account.mark, amount)
        price += rnd.below(401) - 195
        at = after


def mean(x):
    return math.fsum(x) / len(x)


def deviation(x):
    m = mean(x)
    return math.sqrt(math.fsum((v - m) ** 2 for v in x) / (len(x) - 1))


def ratio(a, b):
    return a / b if b else None


def deepest(start, values):
    peak, worst = start, 0
    for v in values:
        peak = max(peak, v)
        worst = max(worst, (peak - v) / peak)
    return worst


def covers(start, end, since, until):
    return start <= since + 60 and end >= until - 60


def series(samples, base):
    """The ends of days of a series of (time, value), and the returns of whole days."""
    start, end = samples[0][0], samples[-1][0]
    ends, before = [], base
    for day in range(start // DAY, (end - 1) // DAY + 1):
        upto = [v for at, v in samples if at <= (day + 1) * DAY]
        ends.append((day, before, upto[-1]))
        before = upto[-1]
    whole = [b / a - 1 for day, a, b in ends if covers(start, end, day * DAY, (day + 1) * DAY)]
    return ends, whole


def calendar(ends, start, end, months):
    """Compounded returns of months or years: [year, month, return, partial]."""
    out = []
    for day, before, after in ends:
        at = datetime.fromtimestamp(day * DAY, timezone.utc)
        key = [at.year, at.month if months else 0]
        if not out or out[-1][:2] != key:
            since = datetime(at.year, at.month if months else 1, 1, tzinfo=timezone.utc)
            days = monthrange(at.year, at.month)[1] if months else 366 if at.year % 4 == 0 else 365
            since = int(since.timestamp())
            out.append(key + [1.0, not covers(start, end, since, since + days * DAY)])
        out[-1][2] *= after / before
    return [[y, m, r - 1, p] for y, m, r, p in out]


def of_series(samples, base, prefix):
    """The figures of returns of a series, as statistics.json has them."""
    start, end = samples[0][0], samples[-1][0]
    ends, r = series(samples, base)
    n, length, last = len(r), end - start, samples[-1][1]
    enough = n >= 20
    out = {"days": n, "total": last / base - 1, "max_drawdown": deepest(base, [v for _, v in samples]),
           "max_drawdown_daily": deepest(base, [b for _, _, b in ends])}
    out["cagr"] = (last / base) ** (365 * DAY / length) - 1 if length >= 30 * DAY else None
    out["volatility"] = deviation(r) * math.sqrt(365) if n >= 2 else None
    out["sharpe"] = mean(r) / deviation(r) * math.sqrt(365) if enough else None
    down = math.sqrt(math.fsum(min(v, 0) ** 2 for v in r) / n) if n else 0
    out["sortino"] = mean(r) / down * math.sqrt(365) if enough else None
    out["best_day"], out["worst_day"] = (max(r), min(r)) if n else (None, None)
    out["positive_days"] = sum(v > 0 for v in r) / n if n else None
    months = calendar(ends, start, end, True)
    whole = [m[2] for m in months if not m[3]]
    out["best_month"], out["worst_month"] = (max(whole), min(whole)) if whole else (None, None)
    for name, list_ in [("months", months), ("years", calendar(ends, start, end, False))]:
        out[name] = len(list_)
        for i, x in enumerate(list_):
            out["%s.%d.year" % (name, i)], out["%s.%d.return" % (name, i)] = x[0], x[2]
            out["%s.%d.partial" % (name, i)] = x[3]
    return {prefix + "." + k: v for k, v in out.items()}, r


def trips(steps):
    """Round trips from flat to flat: [long, profit, lowest and highest on the way]; and
    closing fills by side: [fills, won]."""
    done, open_, closings, before = [], None, {True: [0, 0], False: [0, 0]}, 0

    def look(price):
        on_the_way = open_["cash"] + worth(open_["position"], price)
        open_["low"], open_["high"] = min(open_["low"], on_the_way), max(open_["high"], on_the_way)

    for step in steps:
        if step[1] == "sample" and open_:
            look(step[2])
        if step[1] != "fill":
            continue
        _, _, _, _, side, qty, price, _, value, fee, realised, _, _, _, position, _ = step
        sign = 1 if side == "Buy" else -1
        closed = min(qty, abs(before)) if before * sign < 0 else 0
        paid = nearest(Fraction(fee * closed, qty))
        if closed:
            count = closings[before > 0]
            count[0] += 1
            count[1] += realised > paid
            open_["profit"] += realised - paid
            open_["cash"] -= worth(sign * closed, price) + paid
            open_["position"] += sign * closed
            look(price)
            if not open_["position"]:
                done.append([open_["long"], open_["profit"], open_["low"], open_["high"]])
                open_ = None
        if qty > closed:
            if not open_:
                open_ = {"long": sign > 0, "profit": 0, "cash": 0, "position": 0, "low": 0, "high": 0}
            open_["profit"] -= fee - paid
            open_["cash"] -= worth(sign * (qty - closed), price) + fee - paid
            open_["position"] += sign * (qty - closed)
            look(price)
        before = position
    return done, closings


def figures(steps):
    samples = [(s[0], s[-3] + s[-1]) for s in steps if s[1] == "sample"]
    marks = [(s[0], s[2]) for s in steps if s[1] == "sample"]
    fills = [s for s in steps if s[1] == "fill"]
    start, end = samples[0][0], samples[-1][0]
    out, own = of_series(samples, BALANCE, "statistics.returns.0")
    for name in ["days", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "max_drawdown_daily"]:
        out["result.metrics." + name] = out["statistics.returns.0." + name]
    first, last = marks[0][1], marks[-1][1]
    total = samples[-1][1] / BALANCE - 1
    out.update({"result.metrics.total_return": total, "result.metrics.total_return_quote": (1 + total) * last / first - 1,
                "result.metrics.benchmark_return": last / first - 1, "result.benchmark.start_price": first,
                "result.benchmark.end_price": last})
    other = [(at, e * m) for (at, e), (_, m) in zip(samples, marks)]
    more, there = of_series(other, BALANCE * first, "statistics.returns.1")
    out.update(more)
    # Dollars held, in the coin; and the coin held, in dollars.
    for i, (r, held) in enumerate([(own, [(at, BALANCE * first / m) for at, m in marks]),
                                   (there, [(at, BALANCE * m) for at, m in marks])]):
        base = BALANCE if i == 0 else BALANCE * first
        ends, h = series(held, base)
        prefix = "statistics.returns.%d.held.0." % i
        out[prefix + "total"] = held[-1][1] / base - 1
        out[prefix + "max_drawdown"] = deepest(base, [v for _, v in held])
        out[prefix + "max_drawdown_daily"] = deepest(base, [b for _, _, b in ends])
        if len(h) >= 2:
            spread = math.fsum((a - mean(r)) * (b - mean(h)) for a, b in zip(r, h)) / (len(h) - 1)
            beta = spread / deviation(h) ** 2
            out[prefix + "beta"] = beta
            out[prefix + "correlation"] = spread / deviation(h) / deviation(r)
            out[prefix + "alpha"] = (mean(r) - beta * mean(h)) * 365 if len(h) >= 20 else None

    done, closings = trips(steps)
    for i, side in enumerate([None, True, False]):
        list_ = [t for t in done if side is None or t[0] == side]
        count = [sum(closings[s][k] for s in closings if side is None or s == side) for k in (0, 1)]
        won, lost = [t[1] for t in list_ if t[1] > 0], [t[1] for t in list_ if t[1] < 0]
        prefix = "statistics.trades.%d." % i
        out.update({prefix + "count": len(list_), prefix + "won": len(won), prefix + "lost": len(lost),
                    prefix + "win_rate": ratio(len(won), len(list_)), prefix + "closing_fills": count[0],
                    prefix + "closing_fills_won": count[1], prefix + "fill_win_rate": ratio(count[1], count[0]),
                    prefix + "profit_factor": ratio(sum(won), -sum(lost)), prefix + "excursions": len(list_),
                    prefix + "expectancy": mean([t[1] for t in list_]) if list_ else None,
                    prefix + "worst_mae": min([t[2] for t in list_], default=None),
                    prefix + "best_mfe": max([t[3] for t in list_], default=None),
                    prefix + "mean_mae": mean([t[2] for t in list_]) if list_ else None,
                    prefix + "mean_mfe": mean([t[3] for t in list_]) if list_ else None,
                    prefix + "captured": ratio(sum(t[1] for t in list_), sum(t[3] for t in list_))})
    for name, there in [("counts.trades", "count"), ("counts.trades_won", "won"), ("counts.closing_fills", "closing_fills"),
                        ("counts.closing_fills_won", "closing_fills_won"), ("metrics.win_rate", "win_rate"),
                        ("metrics.fill_win_rate", "fill_win_rate"), ("metrics.profit_factor", "profit_factor")]:
        out["result." + name] = out["statistics.trades.0." + there]

    ours = [s for s in fills if not s[12]]
    value = sum(s[8] for s in ours)
    out["statistics.execution.forced_fills"] = len(fills) - len(ours)
    out["statistics.execution.orders"] = len(ours)
    out["statistics.execution.fill_ratio"] = 1 if ours else None
    out["statistics.execution.maker_share"] = ratio(sum(s[8] for s in ours if s[11]), value)
    sign = {"Buy": -1, "Sell": 1}
    out["statistics.execution.slippage_bps"] = ratio(math.fsum(s[8] * sign[s[4]] * (s[6] / s[7] - 1) * 1e4 for s in ours), value)
    out["statistics.execution.slippage"] = sum(nearest(s[8] * sign[s[4]] * (Fraction(s[6]) / Fraction(s[7]) - 1))
                                               for s in ours) if ours else None
    held, since, before = 0, None, 0
    for s in fills:
        if before:
            held += s[0] - since
        since, before = s[0], s[-2]
    held += end - since if before else 0
    out["result.metrics.exposure"] = held / (end - start)
    out["result.metrics.turnover"] = sum(s[8] for s in fills) / BALANCE
    return out


def at(text):
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=timezone.utc).timestamp())


RUNS = {
    "forty days, from 00:00 to 00:00": (at("2020-01-30 00:00"), at("2020-03-10 00:00"), 1, 6 * 3600),
    "a minute before midnight, and a part of the last day": (at("2019-12-31 23:59"), at("2020-02-20 07:00"), 2, 5 * 3600),
    "samples further apart than days": (at("2020-01-03 12:00"), at("2020-03-02 12:00"), 3, 168 * 3600),
    "nineteen whole days": (at("2020-01-03 12:00"), at("2020-01-23 12:00"), 4, 6 * 3600),
    "twenty whole days, but for a minute": (at("2020-01-03 00:01"), at("2020-01-22 23:59"), 5, 6 * 3600),
    "within a day": (at("2020-01-03 01:00"), at("2020-01-03 23:00"), 6, 1800),
}


def main():
    out = {}
    for name, (start, end, seed, every) in RUNS.items():
        steps = play(start, end, seed, every)
        out[name] = {"sample_seconds": every, "steps": steps, "figures": figures(steps)}
    lines = []
    for name, run in out.items():
        steps = ",\n    ".join(json.dumps(s, separators=(",", ":")) for s in run["steps"])
        want = ",\n    ".join("%s: %s" % (json.dumps(k), json.dumps(v)) for k, v in run["figures"].items())
        lines.append('  %s: {\n   "sample_seconds": %d,\n   "steps": [\n    %s\n   ],\n   "figures": {\n    %s\n   }\n  }'
                     % (json.dumps(name), run["sample_seconds"], steps, want))
    print("{\n%s\n}" % ",\n".join(lines))


if __name__ == "__main__":
    main()
