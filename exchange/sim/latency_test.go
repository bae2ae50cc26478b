package sim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

const ms = time.Millisecond

func trip(request, entry, response time.Duration) RoundTrip {
	t := RoundTrip{Request: epoch.Add(request), Exchange: epoch.Add(request + entry)}
	t.Response = t.Exchange.Add(response)
	return t
}

func rejection(request, after time.Duration) RoundTrip {
	return RoundTrip{Request: epoch.Add(request), Response: epoch.Add(request + after)}
}

// Worked out by hand: 10 ms and 20 ms on the way there, a second apart; 6 ms and 12 ms
// on the way back, from 10 ms to 1020 ms at the exchange.
func TestRecordedLatencyInterpolates(t *testing.T) {
	l, err := NewRecordedLatency("x", []RoundTrip{trip(time.Second, 20*ms, 12*ms), trip(0, 10*ms, 6*ms)})
	require.NoError(t, err)
	for _, c := range []struct{ at, entry, response time.Duration }{
		{-time.Hour, 10 * ms, 6 * ms},
		{0, 10 * ms, 6 * ms},
		{250 * ms, 12500 * time.Microsecond, 7425742},
		{500 * ms, 15 * ms, 8910891},
		{515 * ms, 15150 * time.Microsecond, 9 * ms},
		{time.Second, 20 * ms, 11881188},
		{time.Hour, 20 * ms, 12 * ms},
	} {
		require.Equal(t, c.entry, l.Entry(epoch.Add(c.at)), "%s", c.at)
		require.Equal(t, c.response, l.Response(epoch.Add(c.at)), "%s", c.at)
	}
	require.Equal(t, 12*ms, l.Typical())
	require.Equal(t, "recorded:x", l.String())
	require.Equal(t, 2, l.Trips())
	l.Offset = -8 * ms
	require.Equal(t, 2*ms, l.Entry(epoch))
	require.Zero(t, l.Response(epoch), "nothing is shorter than nothing")
	require.Equal(t, "recorded:x-8ms", l.String())
	l.Offset = 3 * ms
	require.Equal(t, 13*ms, l.Entry(epoch))
	require.Equal(t, "recorded:x+3ms", l.String())
}

// A request next to one that was rejected never arrives; its sender hears of it when
// the rejection has come back, and its id is free then.
func TestRecordedRejections(t *testing.T) {
	l, err := NewRecordedLatency("x", []RoundTrip{trip(0, 10*ms, 10*ms), rejection(time.Second, 40*ms), trip(2*time.Second, 10*ms, 10*ms),
		trip(3*time.Second, 10*ms, 10*ms)})
	require.NoError(t, err)
	s := newScript(t)
	s.x = newExchange(t, func(c *Config) { c.Latency = l })
	s.said("book bid 100 10 ask 101 10", "at 500ms", "submit a buy 5 limit 100")
	_, err = s.x.Submit(t.Context(), exchange.NewOrder{ClientID: "a", Side: exchange.Buy, Qty: 1, Price: 99 * exchange.PriceUnit})
	require.ErrorIs(t, err, exchange.ErrDuplicateID, "nobody knows yet")
	require.Equal(t, []string{"+530ms a: Rejected, Request was rejected on its way"}, s.said("at 530ms"), "20 ms and 40 ms, half way")
	require.Equal(t, 1, s.x.Stats().Bounced)
	require.Equal(t, []string{"+1.53s b: cancel refused, Request was rejected on its way"}, s.said("at 1.5s", "cancel b", "at 1.9s"))
	require.Equal(t, []string{"+2.51s (2.52s) a: New Buy 5 @ 100 working"}, s.said("at 2.5s", "submit a buy 5 limit 100", "at 4s"))
}

func newExchange(t *testing.T, change func(*Config)) *Exchange {
	c := testConfig(t)
	c.Queue = RiskAverse{}
	change(&c)
	x, err := New(c)
	require.NoError(t, err)
	return x
}

// H3: latencies that were recorded in several files were wrong after the first.
func TestFaultH03RecordingsInSeveralFiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var trips []RoundTrip
		at := time.Duration(0)
		for range rapid.IntRange(2, 60).Draw(t, "trips") {
			at += time.Duration(rapid.IntRange(1, 900).Draw(t, "after")) * ms
			trips = append(trips, trip(at, time.Duration(rapid.IntRange(1, 90).Draw(t, "entry"))*ms, time.Duration(rapid.IntRange(1, 90).Draw(t, "back"))*ms))
		}
		whole, err := NewRecordedLatency("x", trips)
		require.NoError(t, err)
		// As four files would be read, whatever their order.
		var parts []RoundTrip
		cut := len(trips) / 2
		parts = append(append(parts, trips[cut:]...), trips[:cut]...)
		split, err := NewRecordedLatency("x", parts)
		require.NoError(t, err)
		for now := time.Duration(0); now < at+time.Second; now += 37 * ms {
			require.Equal(t, whole.Entry(epoch.Add(now)), split.Entry(epoch.Add(now)))
			require.Equal(t, whole.Response(epoch.Add(now)), split.Response(epoch.Add(now)))
		}
		// A look-up keeps no place: asked backwards it answers the same.
		require.Equal(t, whole.Entry(epoch.Add(at/2)), split.Entry(epoch.Add(at/2)))
	})
}

func TestReadRoundTrips(t *testing.T) {
	trips, err := ReadRoundTrips(strings.NewReader("id,request,exchange,response\n1,1600000000000000000,1600000000010000000,1600000000016000000\n" +
		"2,2020-09-13T12:26:41Z,,2020-09-13T12:26:41.04Z\n3,2020-09-13T12:26:42Z,0,2020-09-13T12:26:42.04Z\n"))
	require.NoError(t, err)
	require.Equal(t, []RoundTrip{trip(0, 10*ms, 6*ms), rejection(time.Second, 40*ms), rejection(2*time.Second, 40*ms)}, trips)
	for text, want := range map[string]string{
		"":                                   "the header",
		"request,response\n1,2\n":            `no column "exchange"`,
		"request,exchange,response\n1,2,x\n": `line 2, response "x"`,
		"request,exchange,response\n1,2\n":   "wrong number of fields",
		"request,exchange,response\n1,2,3\n2020-13-01,2,3\n":   `line 3, request "2020-13-01"`,
		"request,exchange,response\n\"1,2,3\n2020-13-01,2,3\n": "line",
	} {
		_, err := ReadRoundTrips(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
	for _, wrong := range [][]RoundTrip{nil, {rejection(0, ms)}, {trip(0, -ms, 0)}, {trip(0, ms, -ms)}, {{Exchange: 5, Response: 7}}} {
		_, err := NewRecordedLatency("x", wrong)
		var v *exchange.ValidationError
		require.ErrorAs(t, err, &v, "%v", wrong)
	}
}

func FuzzReadRoundTrips(f *testing.F) {
	f.Add("request,exchange,response\n1,2,3\n2020-09-13T12:26:41Z,,2020-09-13T12:26:41.04Z\n")
	f.Fuzz(func(t *testing.T, text string) {
		trips, err := ReadRoundTrips(strings.NewReader(text))
		if err != nil {
			return
		}
		if l, err := NewRecordedLatency("x", trips); err == nil {
			for _, at := range []exchange.Time{0, 1, trips[0].Request, epoch, exchange.Never - 1} {
				require.GreaterOrEqual(t, l.Entry(at), time.Duration(0))
				require.GreaterOrEqual(t, l.Response(at), time.Duration(0))
			}
		}
	})
}

func follows(t *testing.T, l Latency) observer {
	t.Helper()
	o, ok := l.(observer)
	require.True(t, ok)
	return o
}

func mayReject(t *testing.T, l Latency) rejecter {
	t.Helper()
	r, ok := l.(rejecter)
	require.True(t, ok)
	return r
}

// A venue that is busy takes longer, until the events have left the window.
func TestLoadLatency(t *testing.T) {
	parsed, err := ParseLatency("load:5ms+1ms/160ms")
	require.NoError(t, err)
	require.Equal(t, "load:5ms+1ms/160ms", fmt.Sprint(parsed))
	require.Equal(t, 5*ms, Typical(parsed))
	l := startLatency(parsed, 1, "a")
	watch := follows(t, l)
	require.Equal(t, 5*ms, l.Entry(epoch))
	for i := range 10 {
		watch.observe(epoch.Add(time.Duration(i)*10*ms), 0)
	}
	require.Equal(t, 15*ms, l.Entry(epoch.Add(100*ms)))
	require.Equal(t, 15*ms, l.Response(epoch.Add(100*ms)))
	require.Equal(t, 10*ms, l.Entry(epoch.Add(200*ms)), "half of them are gone")
	require.Equal(t, 5*ms, l.Entry(epoch.Add(time.Hour)))
	for _, text := range []string{"load", "load:5ms", "load:x+1ms", "load:5ms+x", "load:5ms+1ms/x", "load:5ms+1ms/1us"} {
		_, err := ParseLatency(text)
		var v *exchange.ValidationError
		require.ErrorAs(t, err, &v, text)
	}
}

// Each way can have a model of its own, also one that draws, follows the data or
// rejects.
func TestSplitLatency(t *testing.T) {
	recorded, err := NewRecordedLatency("x", []RoundTrip{trip(0, 10*ms, 6*ms), rejection(time.Second, 40*ms)})
	require.NoError(t, err)
	l := startLatency(SplitLatency{recorded, FeedLatency{Multiplier: 1}}, 1, "a")
	follows(t, l).observe(epoch, 7*ms)
	require.Equal(t, 7*ms, l.Response(epoch))
	require.Equal(t, 10*ms, l.Entry(epoch))
	after, rejected := mayReject(t, l).rejects(epoch.Add(500 * ms))
	require.True(t, rejected)
	require.Equal(t, 28*ms, after)
	require.Equal(t, "to the exchange recorded:x, back feed", describe(SplitLatency{recorded, FeedLatency{Multiplier: 1}}))
	require.Equal(t, 3*ms, Typical(SplitLatency{recorded, ConstantLatency{ms, 3 * ms}}))
	draws := startLatency(SplitLatency{LogNormalLatency{Median: 5 * ms, Sigma: 0.5}, ConstantLatency{}}, 1, "a")
	_, watches := draws.(observer)
	require.False(t, watches)
	seen := map[time.Duration]bool{}
	for range 50 {
		seen[draws.Entry(epoch)] = true
		require.Zero(t, draws.Response(epoch))
	}
	require.Greater(t, len(seen), 20)
	_, rejected = mayReject(t, draws).rejects(epoch)
	require.False(t, rejected)
}

// Fewer orders of a maker fill the longer they travel: on one market, every model
// gives orders that never arrive before they could.
func TestNothingArrivesBeforeItsLatency(t *testing.T) {
	var trips []RoundTrip
	for i := range 100 {
		trips = append(trips, trip(time.Duration(i)*time.Second, time.Duration(100+i%7*30)*ms, 50*ms))
	}
	recorded, err := NewRecordedLatency("x", trips)
	require.NoError(t, err)
	check(t, func(t *rapid.T, w *world) {
		w.c.Latency = rapid.SampledFrom([]Latency{recorded, LoadLatency{Base: 100 * ms, PerEvent: 30 * ms, Window: time.Second},
			SplitLatency{LogNormalLatency{Median: 300 * ms, Sigma: 1}, recorded}}).Draw(t, "model")
		w.c.Faults = Faults{}
		w = w.anew()
		w.run(worldSteps)
		var last exchange.Time
		for i := range w.reports {
			r := &w.reports[i]
			require.GreaterOrEqual(t, r.Arrival, last, "a report overtook another")
			last = r.Arrival
			require.LessOrEqual(t, r.Time, r.Arrival)
			if at, ok := w.sentAt[r.Order.ClientID]; ok {
				require.Less(t, at, r.Time)
			}
		}
		require.True(t, slices.IsSortedFunc(w.reports, func(a, b exchange.Report) int { return int(a.Time.Sub(b.Time)) }))
	})
}

// With a memory the logarithms of latencies are normal, each as if it were drawn alone,
// and correlate by e^(-gap/memory).
func TestLatencyRemembers(t *testing.T) {
	const memory = 800 * ms
	model := LogNormalLatency{Median: time.Second, Sigma: 0.5, Memory: memory}
	require.Equal(t, time.Second, Typical(model))
	l := startLatency(model, 7, "a")
	const n = 200_000
	z := make([]float64, n)
	for i := range z {
		// Between knots and on them.
		z[i] = math.Log(l.Entry(epoch.Add(time.Duration(i)*50*ms)).Seconds()) / 0.5
	}
	var mean, square, tail float64
	for _, v := range z {
		mean += v / n
		square += v * v / n
		if v > 1 {
			tail++
		}
	}
	require.InDelta(t, 0, mean, 0.05)
	require.InDelta(t, 1, square, 0.05)
	require.InDelta(t, 0.1587, tail/n, 0.01)
	for _, lag := range []int{1, 2, 4, 8, 16, 32, 80} {
		var product float64
		for i := range z[:n-lag] {
			product += z[i] * z[i+lag] / float64(n-lag)
		}
		gap := time.Duration(lag) * 50 * ms
		require.InDelta(t, math.Exp(-gap.Seconds()/memory.Seconds()), product, 0.05, "%s apart", gap)
	}
}

// A latency with a memory depends on the time since the first message and on the seed,
// and not on who asked before: one more command changes no other.
func TestLatencyWithAMemoryIsAFunctionOfTime(t *testing.T) {
	model := LogNormalLatency{Median: 5 * ms, Sigma: 1, Memory: time.Second}
	rapid.Check(t, func(t *rapid.T) {
		a, b := startLatency(model, 3, "x"), startLatency(model, 3, "x")
		other, seeded := startLatency(model, 3, "y"), startLatency(model, 4, "x")
		for _, l := range []Latency{a, b, other, seeded} {
			l.Entry(epoch)
		}
		same := 0
		times := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 30).Draw(t, "times")
		for _, at := range times {
			now := epoch.Add(time.Duration(at))
			if rapid.Bool().Draw(t, "asked before") {
				b.Entry(now.Add(time.Duration(rapid.Int64Range(-int64(time.Second), int64(time.Second)).Draw(t, "off"))))
			}
			d := a.Entry(now)
			require.Equal(t, d, b.Entry(now))
			require.Equal(t, a.Response(now), b.Response(now))
			for _, l := range []time.Duration{a.Response(now), other.Entry(now), seeded.Entry(now)} {
				if l == d {
					same++
				}
			}
		}
		require.LessOrEqual(t, same, 1+len(times), "ways, symbols and seeds have draws of their own")
		require.Equal(t, a.Entry(epoch), a.Entry(0), "nothing was before the first")
		later := startLatency(model, 3, "x")
		later.Entry(epoch.Add(time.Hour))
		require.Equal(t, a.Entry(epoch.Add(time.Minute)), later.Entry(epoch.Add(time.Hour+time.Minute)))
	})
}

// Neighbours in time are alike, where those without a memory are not.
func TestNeighboursAreAlike(t *testing.T) {
	apart := func(l LogNormalLatency) (sum float64) {
		x := startLatency(l, 1, "x")
		for i := range exchange.Time(1000) {
			at := epoch + i*exchange.Time(time.Minute)
			sum += math.Abs(math.Log(x.Entry(at).Seconds() / x.Entry(at+exchange.Time(10*ms)).Seconds()))
		}
		return sum / 1000
	}
	long := LogNormalLatency{Median: time.Second, Sigma: 1, Memory: 10 * time.Second}
	require.Less(t, apart(long), 0.1)
	require.Greater(t, apart(LogNormalLatency{Median: time.Second, Sigma: 1}), 0.5)
}
