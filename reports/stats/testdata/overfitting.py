#!/usr/bin/env python3
"""Makes overfitting.json: the probability of overfitting of trials that are idle, equal
or ruined, from the definition and in exact arithmetic. Needs nothing but Python.

    python3 overfitting.py > overfitting.json

Bailey, Borwein, Lopez de Prado and Zhu 2017: of every way to halve the blocks, the best
trial of one half is ranked in the other, and those that rank at or below the median are
counted. Sharpe ratios are compared without a root: by the sign of the mean and its
square over the variance.
"""
import itertools
import json
import random
from fractions import Fraction


def performance(returns, ruined):
    """A key that sorts like the Sharpe ratio; one that is ruined sorts before all."""
    if ruined:
        return (-2, Fraction(0))
    mean = Fraction(sum(returns), len(returns))
    variance = sum((x - mean) ** 2 for x in returns) / (len(returns) - 1)
    if mean == 0:  # among others, no position
        return (0, Fraction(0))
    if variance == 0:  # a ratio without end
        return (2 if mean > 0 else -1.5, Fraction(0))
    sign = 1 if mean > 0 else -1
    return (sign, sign * mean * mean / variance)


def overfitting(trials, ruins, blocks):
    kept = []
    for t, ruin in zip(trials, ruins):
        if all(t != other for other, _ in kept):
            kept.append((t, ruin))
    if len(kept) < 2:
        return None
    size = len(trials[0]) // blocks
    failed, ways = Fraction(0), 0
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        def half(t, ruin, members):
            returns = [x for b in members for x in t[b * size : (b + 1) * size]]
            return performance(returns, ruin >= 0 and any(ruin < (b + 1) * size for b in members))

        rest = [b for b in range(blocks) if b not in chosen]
        here = [half(t, ruin, chosen) for t, ruin in kept]
        there = [half(t, ruin, rest) for t, ruin in kept]
        best = [i for i, p in enumerate(here) if p == max(here)]
        for i in best:
            below = sum(p < there[i] for p in there)
            equal = sum(p == there[i] for p in there)
            rank = below + Fraction(equal + 1, 2)
            if rank / (len(kept) + 1) <= Fraction(1, 2):
                failed += Fraction(1, len(best))
        ways += 1
    return float(failed / ways)


def main():
    rng = random.Random(20170131)

    def noise(n, drift=0):
        return [Fraction(rng.randrange(-1000, 1001) + drift, 1 << 16) for _ in range(n)]

    def idle(n):
        return [Fraction(0)] * n

    def early(n, until):
        return noise(until) + idle(n - until)

    def ruined(n, at):
        return noise(at, 700) + [Fraction(-1)] + idle(n - at - 1)

    n, list_ = 60, []

    def case(name, blocks, trials, ruins=None):
        ruins = ruins or [-1] * len(trials)
        list_.append({
            "name": name, "blocks": blocks, "ruins": ruins, "overfitting": overfitting(trials, ruins, blocks),
            "trials": [[float(x) for x in t] for t in trials],
        })

    for k in range(4):
        case(f"noise {k}", 10, [noise(n) for _ in range(5 + k)])
    base = [noise(n, -120) for _ in range(7)]
    case("losers", 10, base)
    case("losers and an idle one", 10, base + [idle(n)])
    case("losers and many idle ones", 10, base + [idle(n) for _ in range(12)])
    case("two losers and many idle ones", 10, base[:2] + [idle(n) for _ in range(12)])
    case("each three times", 10, [t for t in base for _ in range(3)])
    case("a copy alone", 10, [base[0], list(base[0])])
    case("a copy and another", 10, [base[0], list(base[0]), base[1]])
    case("those that trade in one half", 10, [early(n, 30) for _ in range(5)] + [noise(n, -50) for _ in range(2)])
    case("those that trade in one block", 6, [early(n, 10) for _ in range(6)])
    case("half of them are idle in parts", 8, [early(n, 8 * k) for k in range(1, 7)] + [noise(n, -90) for _ in range(4)])
    good = [noise(n, 60) for _ in range(5)]
    for at in (3, 29, 47, 59):
        case(f"one is ruined at {at}", 10, good + [ruined(n, at)], [-1] * 5 + [at])
    case("most are ruined", 10, good[:2] + [ruined(n, 5 + 9 * k) for k in range(6)], [-1] * 2 + [5 + 9 * k for k in range(6)])
    case("all are ruined", 10, [ruined(n, 5 + 9 * k) for k in range(4)], [5 + 9 * k for k in range(4)])
    case("what does not fill a block", 8, [noise(n) for _ in range(5)])
    print("[" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in list_) + "]")


main()
