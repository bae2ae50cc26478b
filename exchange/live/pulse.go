package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrPaused ends a connection after a pause of the process: a stopped process, a sleeping
// machine, or a step of its clock. Data that arrived during the pause waited in the socket, so
// the time of reading is not its arrival.
var ErrPaused = errors.New("a pause of the process or a step of its clock")

// pulse detects pauses of the process. beat must be called several times within the longest
// pause that is tolerated.
type pulse struct {
	most time.Duration // 0: every pause is tolerated

	mu    sync.Mutex
	began time.Time     // with a monotonic reading
	mono  time.Duration // of the newest beat, since began
	wall  time.Duration // the same by the wall's clock
	err   error         // of the first pause
}

func newPulse(most time.Duration, now time.Time) *pulse { return &pulse{most: most, began: now} }

// beat takes the present time. From the first pause on it returns an error.
func (p *pulse) beat(now time.Time) error {
	return p.step(now.Sub(p.began), now.Round(0).Sub(p.began.Round(0)))
}

// step is beat with the times since the beginning by both clocks. While the process is
// stopped both clocks run. While the machine sleeps only the wall clock runs. Only the wall
// clock can be set.
func (p *pulse) step(mono, wall time.Duration) error {
	if p.most == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	passed, told := mono-p.mono, wall-p.wall
	p.mono, p.wall = mono, wall
	switch {
	case p.err != nil:
	case passed > p.most:
		p.err = fmt.Errorf("%w: paused for %s", ErrPaused, passed.Round(time.Millisecond))
	case (told - passed).Abs() > p.most:
		p.err = fmt.Errorf(
			"%w: the clock was set by %s",
			ErrPaused,
			(told - passed).Round(time.Millisecond),
		)
	}
	return p.err
}

// run beats until the context ends or there was a pause, which it reports.
func (p *pulse) run(ctx context.Context, paused func()) {
	if p.most == 0 {
		return
	}
	tick := time.NewTicker(p.most / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if p.beat(time.Now()) != nil {
				paused()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
