package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Commands come out in the order in which they went in, none before one that went in
// earlier, however many wait and whatever was taken back.
func TestCommandQueueIsAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := commandQueue{due: exchange.Never}
		var want []command
		sent, last := exchange.Money(0), exchange.Time(0)
		push := func(at exchange.Time) {
			c := q.push()
			if sent++; rapid.IntRange(0, 9).Draw(t, "taken back") == 0 {
				q.drop()
				return
			}
			c.amount = sent
			q.sent(c, at)
			last = max(last, at)
			want = append(want, command{amount: sent, arrival: last})
		}
		for range rapid.IntRange(1, 8).Draw(t, "rounds") {
			for range rapid.IntRange(0, 150).Draw(t, "in") {
				push(exchange.Time(rapid.IntRange(0, 1000).Draw(t, "at")))
			}
			for range rapid.IntRange(0, 150).Draw(t, "out") {
				if len(want) == 0 {
					break
				}
				require.Equal(t, want[0].arrival, q.due)
				c := q.pop()
				require.Equal(t, want[0].amount, c.amount)
				require.Equal(t, want[0].arrival, c.arrival)
				want = want[1:]
			}
			if len(want) == 0 {
				require.Equal(t, exchange.Never, q.due)
			}
		}
	})
}

// A queue that always holds a few commands does not grow with those that passed.
func TestCommandQueueStaysSmall(t *testing.T) {
	var q commandQueue
	for n := range 100_000 {
		q.sent(q.push(), exchange.Time(n))
		if n >= 3 {
			q.pop()
		}
	}
	require.Less(t, cap(q.buf), 1000)
}
