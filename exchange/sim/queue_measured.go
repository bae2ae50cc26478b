package sim

import (
	"strconv"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// MeasuredCancels places cancels as they were found to be: of all that is cancelled at
// a level, Ahead[i] stood in the first (i+1)/(n+1) of its queue, n being the number of
// shares, and what stood between is interpolated. The shares must be from 0 to 1 and
// not fall.
//
//	cancels:0.25/0.5/0.75   wherever one stands (prob-power:1)
//	cancels:0.1/0.3/0.6     more of those who came late: in the first quarter of a queue
//	                        stands a tenth of what is cancelled
type MeasuredCancels struct{ Ahead []float64 }

// Join implements [QueueModel].
func (MeasuredCancels) Join(shown exchange.Qty) int64 { return int64(shown) * QueueUnit }

// Change implements [QueueModel].
func (m MeasuredCancels) Change(c LevelChange) int64 {
	if c.Front <= 0 {
		return 0
	}
	f := float64(c.Front) / QueueUnit
	b := max(float64(c.Before)-f-float64(c.Traded), 0)
	return leftAhead(b, f, float64(c.Cancelled()), 1-m.within(f/(f+b)))
}

// within is the share of cancels that stand in the first part of a queue.
func (m MeasuredCancels) within(part float64) float64 {
	at := float64(part * float64(len(m.Ahead)+1))
	i := min(int(at), len(m.Ahead))
	from, to := m.knot(i), m.knot(i+1)
	return from + float64((to-from)*(at-float64(i)))
}

func (m MeasuredCancels) knot(i int) float64 {
	switch {
	case i == 0:
		return 0
	case i > len(m.Ahead):
		return 1
	}
	return m.Ahead[i-1]
}

// String implements [QueueModel].
func (m MeasuredCancels) String() string {
	texts := make([]string, len(m.Ahead))
	for i, share := range m.Ahead {
		texts[i] = strconv.FormatFloat(share, 'g', -1, 64)
	}
	return "cancels:" + strings.Join(texts, "/")
}

func parseCancels(s, param string) (QueueModel, error) {
	var m MeasuredCancels
	least := 0.0
	for text := range strings.SplitSeq(param, "/") {
		share, err := strconv.ParseFloat(text, 64)
		if err != nil || !(share >= least && share <= 1) {
			return nil, badQueue(s)
		}
		m.Ahead = append(m.Ahead, share)
		least = share
	}
	return m, nil
}
