package analysis_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/stats"
)

// daily records a run whose equity changes by these amounts a day.
func daily(t *testing.T, name string, n int, change func(int) exchange.Money) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	r := record(t, dir)
	r.at = r.at.Date()
	r.sample()
	for i := range n {
		r.at = r.at.Date().Add(24 * time.Hour)
		r.funding(r.symbols[0], change(i))
		r.sample()
	}
	r.finish()
	return dir
}

func TestTrials(t *testing.T) {
	good := daily(t, "good", 40, func(i int) exchange.Money { return 2_000_000 + exchange.Money(i%3)*100_000 })
	fair := daily(t, "fair", 40, func(i int) exchange.Money { return 1_000_000 - exchange.Money(i%2)*1_500_000 })
	bad := daily(t, "bad", 40, func(i int) exchange.Money { return -1_000_000 - exchange.Money(i%4)*500_000 })
	got, err := analysis.OfTrials([]string{fair, good, bad})
	require.NoError(t, err)
	require.Equal(t, good, got.Best)
	require.Equal(t, 40, got.Days)
	require.Empty(t, got.Reason)
	require.Zero(t, *got.Overfitting, "the best is the best in every half")
	require.Greater(t, *got.Expected, 0.0)
	alone, err := analysis.OfTrials([]string{good, good})
	require.NoError(t, err)
	require.Zero(t, *alone.Expected, "a run tried twice")
	require.GreaterOrEqual(t, *alone.Deflated, *got.Deflated)

	for name, c := range map[string]struct{ dir, reason string }{
		"short": {daily(t, "short", 39, func(int) exchange.Money { return 1 }), "covers other days"},
	} {
		got, err := analysis.OfTrials([]string{good, c.dir})
		require.NoError(t, err, name)
		require.Contains(t, got.Reason, c.reason)
		require.Nil(t, got.Deflated)
	}
	broke := daily(t, "broke", 40, func(i int) exchange.Money { return -balance / exchange.Money(10+i) })
	failed, err := analysis.OfTrials([]string{fair, good, broke})
	require.NoError(t, err)
	require.Equal(t, good, failed.Best)
	require.Zero(t, *failed.Overfitting, "a run that lost everything is a trial too")
	require.NotNil(t, failed.Deflated)
	still := daily(t, "still", 40, func(int) exchange.Money { return 0 })
	got, err = analysis.OfTrials([]string{still, still})
	require.NoError(t, err)
	require.Equal(t, "no run has a Sharpe ratio", got.Reason)
	few := daily(t, "few", 8, func(i int) exchange.Money { return exchange.Money(i) })
	got, err = analysis.OfTrials([]string{few, few})
	require.NoError(t, err)
	require.Equal(t, "the runs have 8 whole days, and it takes 20", got.Reason)
	require.Equal(t, 8, got.Days)
	require.Nil(t, got.Sharpe)
	require.Nil(t, got.Deflated)
	require.Nil(t, got.Overfitting)
	_, err = analysis.OfTrials([]string{good, t.TempDir()})
	require.Error(t, err)
}

// Losers, of which one that is bankrupt has the least bad Sharpe ratio.
func TestBankruptRunsAreNeverTheBest(t *testing.T) {
	start := exchange.Money(balance)
	losing := func(k int) string {
		return daily(t, "losing", 40, func(i int) exchange.Money { return -start/100 - start/1000*exchange.Money((i*k)%7) })
	}
	one, two := losing(2), losing(3)
	for name, left := range map[string]exchange.Money{"nothing": 0, "dust": start / 200, "one in a hundred": start / 100} {
		t.Run(name, func(t *testing.T) {
			broke := daily(t, "broke", 40, func(i int) exchange.Money {
				switch i {
				case 10:
					return start/10 - start + left
				case 0, 1:
					return -start / 20
				}
				return 0
			})
			got, err := analysis.OfTrials([]string{broke, one, two})
			require.NoError(t, err)
			require.NotEqual(t, broke, got.Best)
			require.Equal(t, []int{3, 1, 3}, []int{got.Runs, got.Bankrupt, got.Distinct})
			without, err := analysis.OfTrials([]string{one, two})
			require.NoError(t, err)
			require.Equal(t, without.Best, got.Best)
			require.Equal(t, without.Sharpe, got.Sharpe)
			require.Greater(t, *got.Expected, *without.Expected, "it was tried, so there is more to choose from")
			want := *without.Expected * stats.ExpectedMaxSharpe(1, 3) / stats.ExpectedMaxSharpe(1, 2)
			require.InDelta(t, want, *got.Expected, 1e-9, "of three trials with the variance of two")
			alone, err := analysis.OfTrials([]string{broke, broke})
			require.NoError(t, err)
			require.Empty(t, alone.Best)
			require.Equal(t, "each run that traded lost everything", alone.Reason)
		})
	}
}

// Runs that did nothing, and copies, change nothing.
func TestIdleAndEqualRunsAreNoTrials(t *testing.T) {
	change := func(k int) func(int) exchange.Money {
		return func(i int) exchange.Money { return exchange.Money((i*i*k+i)%11-5) * 100_000 }
	}
	still := daily(t, "still", 40, func(int) exchange.Money { return 0 })
	a, b, c := daily(t, "a", 40, change(3)), daily(t, "b", 40, change(5)), daily(t, "c", 40, change(7))
	want, err := analysis.OfTrials([]string{a, b, c})
	require.NoError(t, err)
	require.NotNil(t, want.Overfitting)
	got, err := analysis.OfTrials([]string{still, a, b, still, b, c, a, still})
	require.NoError(t, err)
	require.Equal(t, []int{8, 3, 3}, []int{got.Runs, got.Idle, got.Distinct})
	got.Runs, got.Idle = want.Runs, want.Idle
	require.Equal(t, want, got)
	copies, err := analysis.OfTrials([]string{a, still, a})
	require.NoError(t, err)
	require.Nil(t, copies.Overfitting)
	require.Equal(t, "the probability of overfitting takes two runs that trade and differ", copies.Reason)
}

// A run that ended early keeps what it had until the others end.
func TestDailyUntil(t *testing.T) {
	at := func(text string) exchange.Time {
		v, err := exchange.ParseTime(text)
		require.NoError(t, err)
		return v
	}
	d := analysis.NewDaily(100)
	d.Add(at("2020-01-01T12:00:00Z"), 100)
	d.Add(at("2020-01-02T06:00:00Z"), 150)
	d.Finish()
	d.Until(at("2020-01-04T10:00:00Z"))
	want := []analysis.Day{{At: at("2020-01-02"), Equity: 100}, {At: at("2020-01-03"), Equity: 150}, {At: at("2020-01-04"), Equity: 150},
		{At: at("2020-01-04T10:00:00Z"), Equity: 150}}
	require.Equal(t, want, d.Days())
	d.Until(at("2020-01-04"))
	require.Equal(t, want, d.Days(), "it ends later already")
	again := analysis.DailyOf(100, at("2020-01-01T12:00:00Z"), d.Days())
	require.Equal(t, []float64{0.5, 0}, again.Returns(), "of whole days")
	require.Equal(t, again.Returns(), d.Returns())
}

// A minute before midnight, and the hours after the last one, are no days of a trial: the
// same whole days are judged alike, whatever was gained or lost beside them.
func TestTrialsAreOverWholeDays(t *testing.T) {
	const days = 40
	at := exchange.TimeOf(time.Date(2020, 2, 1, 0, 0, 0, 0, time.UTC))
	equity := func(k, i int) exchange.Money { return 1_000_000 + exchange.Money(1000*i+((i*i*k)%11)*700) }
	judge := func(parts bool, last exchange.Money) *analysis.Trials {
		var all []analysis.Daily
		for k := range 3 {
			d := analysis.NewDaily(500_000)
			if parts {
				d.Add(at.Add(-time.Minute), 500_000)
				d.Add(at, equity(k, 0))
			} else {
				d = analysis.NewDaily(equity(k, 0))
			}
			for i := range days + 1 {
				d.Add(at.Add(time.Duration(i)*24*time.Hour), equity(k, i))
			}
			if parts {
				d.Add(at.Add(days*24*time.Hour+6*time.Hour), last)
			}
			d.Finish()
			all = append(all, *d)
		}
		return analysis.Judge([]string{"a", "b", "c"}, all)
	}
	want := judge(false, 0)
	require.Equal(t, days, want.Days)
	require.NotNil(t, want.Sharpe)
	require.NotNil(t, want.Overfitting)
	require.Equal(t, want, judge(true, 900_000))
	broke := judge(true, 0)
	require.Equal(t, 3, broke.Bankrupt)
	require.Equal(t, "each run that traded lost everything", broke.Reason)
}
