package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrPaused ends a connection after a pause of the process: a stopped process, a sleeping
// machine, or a step of its clock. What came meanwhile waited in the socket, so the time at
// which it is read is not the time at which it came.
var ErrPaused = errors.New("the process or its clock stood still")

// pulse finds out whether the process has run all the time. Somebody calls beat several
// times in the longest pause that is tolerated.
type pulse struct {
	most time.Duration // 0: every pause is tolerated

	mu    sync.Mutex
	began time.Time     // with a monotonic reading
	mono  time.Duration // of the newest beat, since began
	wall  time.Duration // the same by the wall's clock
	err   error         // of the first pause
}

func newPulse(most time.Duration, now time.Time) *pulse { return &pulse{most: most, began: now} }

// beat takes in what time it is. Once there was a pause it returns an error, and goes on
// doing so.
func (p *pulse) beat(now time.Time) error {
	return p.step(now.Sub(p.began), now.Round(0).Sub(p.began.Round(0)))
}

// step is beat with the times since the beginning by both clocks. The monotonic clock goes
// on while the process is stopped, and stands while the machine sleeps; the wall's goes on
// in both, and can be set.
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
		p.err = fmt.Errorf("%w for %s", ErrPaused, passed.Round(time.Millisecond))
	case (told - passed).Abs() > p.most:
		p.err = fmt.Errorf(
			"%w: the clock was put forward by %s",
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
