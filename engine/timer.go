package engine

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// TimerID identifies a timer of a run. It is never 0.
type TimerID int64

type timer struct {
	at    exchange.Time
	id    TimerID
	every time.Duration
}

// timers is a binary heap by (time, id): equal times fire in the order in which
// they were set.
type timers struct {
	heap []timer
	last TimerID
}

func (q *timers) next() exchange.Time {
	if len(q.heap) == 0 {
		return exchange.Never
	}
	return q.heap[0].at
}

func (q *timers) add(at exchange.Time, every time.Duration) TimerID {
	q.last++
	q.push(timer{at: at, id: q.last, every: every})
	return q.last
}

func (q *timers) push(t timer) {
	q.heap = append(q.heap, t)
	for i := len(q.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.before(i, parent) {
			break
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

// pop removes and returns the earliest timer; a repeating one is set again.
func (q *timers) pop() timer {
	t := q.heap[0]
	q.removeAt(0)
	if t.every > 0 {
		q.push(timer{at: t.at.Add(t.every), id: t.id, every: t.every})
	}
	return t
}

func (q *timers) cancel(id TimerID) bool {
	for i := range q.heap {
		if q.heap[i].id == id {
			q.removeAt(i)
			return true
		}
	}
	return false
}

func (q *timers) removeAt(i int) {
	last := len(q.heap) - 1
	q.heap[i] = q.heap[last]
	q.heap = q.heap[:last]
	if i == last {
		return
	}
	for i > 0 && q.before(i, (i-1)/2) {
		q.heap[i], q.heap[(i-1)/2] = q.heap[(i-1)/2], q.heap[i]
		i = (i - 1) / 2
	}
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && q.before(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}

func (q *timers) before(i, j int) bool {
	a, b := &q.heap[i], &q.heap[j]
	return a.at < b.at || a.at == b.at && a.id < b.id
}
