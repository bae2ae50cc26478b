package sweep_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine/sweep"
	"github.com/dunamis-engine/dunamis/exchange"
)

// counter is a feed of numbered events, in pieces of odd sizes.
type counter struct {
	n, at  int
	err    error // instead of the end
	closed bool
}

func (c *counter) Next(_ context.Context, events []exchange.Event) (int, error) {
	n := 0
	for want := 1 + c.at%1500; n < want && n < len(events) && c.at < c.n; n++ {
		events[n] = exchange.Event{Time: exchange.Time(c.at)}
		c.at++
	}
	if n == 0 {
		return 0, c.end()
	}
	return n, nil
}

func (c *counter) end() error {
	if c.err != nil {
		return c.err
	}
	return io.EOF
}

func (c *counter) Close() error { c.closed = true; return nil }

// read reads a feed in pieces of random sizes until it ends or enough was read.
func read(t *testing.T, f exchange.Feed, seed uint64, most int) (int, error) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	events := make([]exchange.Event, 3000)
	got := 0
	for got < most {
		n, err := f.Next(t.Context(), events[:1+rng.IntN(len(events))])
		for i := range n {
			if events[i].Time != exchange.Time(got+i) {
				t.Errorf("event %d is %d", got+i, events[i].Time)
				return got, err
			}
		}
		got += n
		if err != nil {
			return got, err
		}
	}
	return got, nil
}

// Every reader gets every event in order, however fast the others are and
// whenever they leave.
func TestTee(t *testing.T) { synctest.Test(t, testTee) } // which waits for every goroutine

func testTee(t *testing.T) {
	const n = 200_000
	source := &counter{n: n}
	tee := sweep.NewTee(t.Context(), source, 6)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			f := tee.Feed(i)
			most := n + 1
			if i%2 == 1 {
				most = i * 10_000
			}
			got, err := read(t, f, uint64(i), most)
			if i%2 == 1 {
				if err != nil || f.Close() != nil || f.Close() != nil {
					t.Errorf("reader %d: %v", i, err)
				}
				if _, err := f.Next(t.Context(), make([]exchange.Event, 1)); err == nil {
					t.Errorf("a closed reader reads")
				}
				return
			}
			if got != n || !errors.Is(err, io.EOF) {
				t.Errorf("reader %d: %d events, %v", i, got, err)
			}
			if _, err := f.Next(t.Context(), make([]exchange.Event, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
	all.Wait()
	require.NoError(t, tee.Close())
	require.True(t, source.closed)
}

// Readers that leave at any moment never stop the others.
func TestTeeReadersLeave(t *testing.T) { synctest.Test(t, testTeeReadersLeave) } // which waits for every goroutine

func testTeeReadersLeave(t *testing.T) {
	for round := range 60 {
		tee := sweep.NewTee(t.Context(), &counter{n: 60_000}, 8)
		var all sync.WaitGroup
		for i := range 7 {
			all.Go(func() {
				_, _ = read(t, tee.Feed(i), uint64(round), (round*i*997)%30_000)
				_ = tee.Feed(i).Close()
			})
		}
		got, err := read(t, tee.Feed(7), 1, 1<<30)
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, 60_000, got)
		all.Wait()
		require.NoError(t, tee.Close())
	}
}

// A reader may be closed while its goroutine waits in it, or reads, or does neither.
func TestTeeReadersAreClosed(
	t *testing.T,
) {
	synctest.Test(t, testTeeReadersAreClosed)
} // which waits for every goroutine

func testTeeReadersAreClosed(t *testing.T) {
	for round := range 60 {
		tee := sweep.NewTee(t.Context(), &counter{n: 60_000}, 4)
		var all sync.WaitGroup
		stuck, stop := make(chan struct{}), make(chan struct{})
		all.Go(func() { // in its own code, for ever
			_, _ = read(t, tee.Feed(0), uint64(round), 3000)
			close(stuck)
			<-stop
			if _, err := tee.Feed(0).Next(t.Context(), make([]exchange.Event, 1)); !errors.Is(err, sweep.ErrClosed) {
				t.Errorf("it reads on: %v", err)
			}
		})
		for i := 1; i < 3; i++ { // as fast as the stuck one lets it, and closed at any moment
			all.Go(func() {
				if _, err := read(t, tee.Feed(i), uint64(round), 1<<30); !errors.Is(err, sweep.ErrClosed) &&
					!errors.Is(err, io.EOF) {
					t.Errorf("reader %d: %v", i, err)
				}
			})
		}
		all.Go(func() {
			got, err := read(t, tee.Feed(3), 1, 1<<30)
			if got != 60_000 || !errors.Is(err, io.EOF) {
				t.Errorf("the last one: %d events, %v", got, err)
			}
		})
		<-stuck
		if round%2 == 0 {
			synctest.Wait() // all the others wait for it
		}
		var closing sync.WaitGroup
		for i := range 3 {
			closing.Go(func() { _ = tee.Feed(i).Close() })
		}
		closing.Wait()
		close(stop)
		all.Wait()
		require.NoError(t, tee.Close())
	}
}

func TestTeeFails(t *testing.T) { synctest.Test(t, testTeeFails) } // which waits for every goroutine

func testTeeFails(t *testing.T) {
	broken := errors.New("broken")
	tee := sweep.NewTee(t.Context(), &counter{n: 5000, err: broken}, 1)
	got, err := read(t, tee.Feed(0), 1, 1<<30)
	require.ErrorIs(t, err, broken)
	require.Equal(t, 5000, got)
	require.NoError(t, tee.Close())

	stopped := sweep.NewTee(t.Context(), &counter{n: 1 << 30}, 2)
	require.NoError(t, stopped.Close(), "nobody reads")
	_, err = read(t, stopped.Feed(1), 1, 1<<30)
	require.ErrorIs(t, err, context.Canceled)
}

// A reader that goes without a batch because all is cancelled gets none after it.
func TestTeeCancelled(t *testing.T) {
	for range 200 {
		synctest.Test(t, testTeeCancelled)
	}
}

func testTeeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tee := sweep.NewTee(ctx, &counter{n: 1 << 30}, 2)
	n, err := tee.Feed(0).Next(ctx, nil)
	require.NoError(t, err, "nothing was asked for")
	require.Zero(t, n)
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			if _, err := read(t, tee.Feed(i), 1, 1<<30); !errors.Is(err, context.Canceled) {
				t.Errorf("reader %d: %v", i, err)
			}
		})
	}
	cancel()
	all.Wait()
	require.NoError(t, tee.Close())
}
