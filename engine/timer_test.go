package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The heap fires what a plain list, searched from the front, would fire.
func TestTimersAgreeWithAList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var q timers
		var list []timer
		first := func() int {
			best := -1
			for i := range list {
				if best < 0 || list[i].at < list[best].at || list[i].at == list[best].at && list[i].id < list[best].id {
					best = i
				}
			}
			return best
		}
		now := exchange.Time(0)
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"add", "repeat", "cancel", "pop"}).Draw(rt, "step") {
			case "add":
				at := now + exchange.Time(rapid.IntRange(0, 5).Draw(rt, "in"))
				list = append(list, timer{at: at, id: q.add(at, 0)})
			case "repeat":
				every := time.Duration(rapid.IntRange(1, 3).Draw(rt, "every"))
				at := now.Add(every)
				list = append(list, timer{at: at, id: q.add(at, every), every: every})
			case "cancel":
				id := TimerID(rapid.IntRange(1, 30).Draw(rt, "id"))
				found := false
				for i := range list {
					if list[i].id == id {
						list = append(list[:i], list[i+1:]...)
						found = true
						break
					}
				}
				require.Equal(rt, found, q.cancel(id))
			case "pop":
				i := first()
				if i < 0 {
					require.Equal(rt, exchange.Never, q.next())
					continue
				}
				now = list[i].at
				require.Equal(rt, now, q.next())
				require.Equal(rt, list[i], q.pop())
				if list[i].every > 0 {
					list[i].at = list[i].at.Add(list[i].every)
				} else {
					list = append(list[:i], list[i+1:]...)
				}
			}
			require.Len(rt, q.heap, len(list))
		}
	})
}

// What is pushed comes out once, ordered by arrival and stream, and within a stream
// in the order of pushing.
func TestDeliveriesAgreeWithAList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDeliveries()
		var list []exchange.Event
		latest := map[uint16]exchange.Time{}
		now := exchange.Time(0)
		for n := range rapid.IntRange(1, 120).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "push") {
				ev := exchange.TradeEvent(exchange.Time(n), now+exchange.Time(rapid.IntRange(0, 6).Draw(rt, "delay")), 0, exchange.Trade{Qty: exchange.Qty(n)})
				ev.Stream = uint16(rapid.IntRange(0, 3).Draw(rt, "stream"))
				d.push(&ev)
				require.GreaterOrEqual(rt, ev.Arrival, latest[ev.Stream])
				latest[ev.Stream] = ev.Arrival
				list = append(list, ev)
				continue
			}
			now += exchange.Time(rapid.IntRange(0, 3).Draw(rt, "wait"))
			for {
				best := -1
				for i := range list {
					if list[i].Arrival <= now && (best < 0 || list[i].Arrival < list[best].Arrival ||
						list[i].Arrival == list[best].Arrival && list[i].Stream < list[best].Stream) {
						best = i
					}
				}
				got := d.pop(now)
				if best < 0 {
					require.Nil(rt, got)
					break
				}
				require.Equal(rt, list[best], *got)
				list = append(list[:best], list[best+1:]...)
			}
		}
	})
}
