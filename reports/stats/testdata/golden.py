#!/usr/bin/env python3
"""Makes golden.json: series, and what independent packages say of them.

    pip install numpy scipy pandas empyrical-reloaded quantstats
    python3 golden.py > golden.json

A year has 365 periods. Where no package has a statistic in the convention of
package stats, it is written out here with numpy from its definition.
"""
import itertools
import json
import math
import sys
import warnings

import empyrical as ep
import numpy as np
import pandas as pd
import quantstats.stats as qs
from scipy import stats as sp

warnings.filterwarnings("ignore")
YEAR = 365


def rolling(w):
    """Equal returns have no Sharpe ratio; their deviation in floats is not quite 0."""
    return None if np.ptp(w) == 0 else w.mean() / w.std(ddof=1) * math.sqrt(YEAR)


class PCG:
    """PCG-DXSM with 128 bits (O'Neill 2014), as Go's math/rand/v2 draws from it."""

    M64, M128 = (1 << 64) - 1, (1 << 128) - 1

    def __init__(self, hi, lo):
        self.state = hi << 64 | lo

    def uint64(self):
        self.state = (self.state * (2549297995355413924 << 64 | 4865540595714422341)
                      + (6364136223846793005 << 64 | 1442695040888963407)) & self.M128
        hi, lo = self.state >> 64, self.state & self.M64
        hi ^= hi >> 32
        hi = hi * 0xDA942042E4DD58B5 & self.M64
        hi ^= hi >> 48
        return hi * (lo | 1) & self.M64

    def below(self, n):
        if n & (n - 1) == 0:
            return self.uint64() & (n - 1)
        while True:
            hi, lo = divmod(self.uint64() * n, 1 << 64)
            if lo >= (1 << 64) % n:
                return hi

    def share(self):
        return (self.uint64() & ((1 << 53) - 1)) / (1 << 53)


def bootstrap(r, draws, seed):
    """95 % interval of the yearly Sharpe ratio by the stationary bootstrap, from its definition."""
    rng, n = PCG(seed, 0x5BA7), len(r)
    values = []
    for _ in range(draws):
        places = []
        for i in range(n):
            if i == 0 or rng.share() < 1 / np.cbrt(n):
                places.append(rng.below(n))
            else:
                places.append((places[-1] + 1) % n)
        x = r[places]
        values.append(x.mean() / x.std(ddof=1) * math.sqrt(YEAR))
    return np.percentile(values, [2.5, 97.5])


def track_record(r):
    """Bailey and Lopez de Prado 2012, for 95 %; none for a ratio that is not above 0."""
    sr = r.mean() / r.std(ddof=1)
    if sr <= 0:
        return None
    spread = 1 - sp.skew(r, bias=False) * sr + (sp.kurtosis(r, bias=False) + 2) / 4 * sr**2
    return 1 + spread * (sp.norm.ppf(0.95) / sr) ** 2


def returns(r, b):
    r, b = np.array(r), np.array(b)
    s = pd.Series(r, index=pd.date_range("2020-01-01", periods=len(r)))
    level = np.cumprod(1 + r)
    dd = level / np.maximum.accumulate(np.concatenate([[1.0], level]))[1:] - 1
    var = np.percentile(r, 5)
    line = sp.linregress(b, r)
    sr = r.mean() / r.std(ddof=1)
    low, high = bootstrap(r, 200, 1)
    return {
        "sharpe_low": low,
        "sharpe_high": high,
        "track_record": track_record(r),
        "total": ep.cum_returns_final(r),
        "cagr": ep.annual_return(r, annualization=YEAR),
        "mean": r.mean(),
        "volatility": ep.annual_volatility(r, annualization=YEAR),
        "sharpe": ep.sharpe_ratio(r, annualization=YEAR),
        "sharpe_error": math.sqrt((1 + sr**2 / 2) / len(r)) * math.sqrt(YEAR),
        "sortino": ep.sortino_ratio(r, annualization=YEAR),
        "downside": ep.downside_risk(r, annualization=1),
        "omega": ep.omega_ratio(r, annualization=1),
        "skew": sp.skew(r, bias=False),
        "kurtosis": sp.kurtosis(r, bias=False),
        "quantile_30": np.percentile(r, 30),
        "tail_ratio": ep.tail_ratio(r),
        "var": ep.value_at_risk(r, cutoff=0.05),
        "cvar": ep.conditional_value_at_risk(r, cutoff=0.05),
        "share": float((r > 0).mean()),
        "max_drawdown": -ep.max_drawdown(r),
        "ulcer": math.sqrt((dd**2).mean()),
        "under_water": float((dd < 0).mean()),
        "calmar": ep.calmar_ratio(r, annualization=YEAR),
        "beta": line.slope,
        "alpha": line.intercept * YEAR,
        "correlation": line.rvalue,
        "information": qs.information_ratio(s, pd.Series(b, index=s.index)) * math.sqrt(YEAR),
        "probabilistic": sp.norm.cdf(
            sr * math.sqrt(len(r) - 1)
            / math.sqrt(1 - sp.skew(r, bias=False) * sr + (sp.kurtosis(r, bias=False) + 2) / 4 * sr**2)
        ),
        "rolling_30": [rolling(r[i - 30 : i]) for i in range(30, len(r) + 1)],
    }


def trades(p):
    p = np.array(p)
    s = pd.Series(p, index=pd.date_range("2020-01-01", periods=len(p)))
    return {
        "win_rate": float((p > 0).mean()),
        "average_win": qs.avg_win(s),
        "average_loss": qs.avg_loss(s),
        "payoff": qs.payoff_ratio(s),
        "profit_factor": qs.profit_factor(s),
        "expectancy": p.mean(),
        "deviation": p.std(ddof=1),
        "sqn": math.sqrt(len(p)) * p.mean() / p.std(ddof=1),
        "kelly": qs.kelly_criterion(s),
        "best": p.max(),
        "worst": p.min(),
        "win_streak": int(max((len(list(g)) for k, g in itertools.groupby(p > 0) if k), default=0)),
        "loss_streak": int(max((len(list(g)) for k, g in itertools.groupby(p < 0) if k), default=0)),
    }


def overfitting(m, blocks):
    """Columns are trials, from the definition: rank of the best in one half among all in the other."""
    rows = len(m) // blocks * blocks
    parts = np.split(m[:rows], blocks)
    sharpe = lambda x: x.mean(axis=0) / x.std(axis=0, ddof=1)
    logits = []
    for pick in itertools.combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[i] for i in pick])
        outside = np.concatenate([parts[i] for i in range(blocks) if i not in pick])
        best = int(np.argmax(sharpe(inside)))
        w = sp.rankdata(sharpe(outside))[best] / (m.shape[1] + 1)
        logits.append(math.log(w / (1 - w)))
    return float((np.array(logits) <= 0).mean())


def deflated(m):
    """Of the best column, with the trials' own variance."""
    sr = m.mean(axis=0) / m.std(axis=0, ddof=1)
    best, n, k = int(np.argmax(sr)), len(m), m.shape[1]
    g, v = np.euler_gamma, sr.var(ddof=1)
    top = math.sqrt(v) * ((1 - g) * sp.norm.ppf(1 - 1 / k) + g * sp.norm.ppf(1 - 1 / (k * math.e)))
    r = m[:, best]
    s, x = sp.skew(r, bias=False), sp.kurtosis(r, bias=False)
    z = (sr[best] - top) * math.sqrt(n - 1) / math.sqrt(1 - s * sr[best] + (x + 2) / 4 * sr[best] ** 2)
    return {"best": best, "expected": top, "deflated": sp.norm.cdf(z)}


def main():
    rng = np.random.default_rng(20200101)
    n = 400
    market = sp.t.rvs(4, size=n, random_state=rng) * 0.025 + 0.001
    series = {
        "fat tails": 0.6 * market + rng.normal(0.0005, 0.01, n),
        "losing": rng.normal(-0.004, 0.03, n),
        "lucky and rare": np.where(rng.random(n) < 0.05, rng.normal(0.04, 0.02, n), -0.0005),
        "short": rng.normal(0.001, 0.02, 31),
        "crash": np.concatenate([rng.normal(0.002, 0.005, 60), [-0.85], rng.normal(0.002, 0.005, 60)]),
    }
    out = {"returns": [], "trades": [], "trials": []}
    for name, r in series.items():
        r = np.round(r, 9)
        b = np.round(market[: len(r)], 9)
        out["returns"].append({"name": name, "returns": list(r), "benchmark": list(b), "want": returns(r, b)})
    for name, p in {
        "mixed": np.round(rng.normal(120, 900, 250)),
        "few": np.array([100.0, -50, -50, -25, 300, 20, -10]),
        "mostly small wins": np.where(rng.random(90) < 0.8, 40.0, -130.0),
    }.items():
        out["trades"].append({"name": name, "profits": list(p), "want": trades(p)})
    for name, edge in {"noise": 0.0, "one that works": 0.004}.items():
        m = np.round(rng.normal(0, 0.02, (203, 12)), 9)
        m[:, 7] = np.round(m[:, 7] + edge, 9)
        out["trials"].append(
            {"name": name, "trials": m.T.tolist(), "blocks": 8, "overfitting": overfitting(m, 8), **deflated(m)})
    json.dump(out, sys.stdout, indent=None, separators=(",", ":"), default=float)
    print()


main()
