package cli

import (
	"fmt"
	"io"
	"time"
)

// sweepBar shows how far a sweep is.
type sweepBar interface {
	set(done, total int64, detail string)
	clear()
}

// sweepBar is a bar on a terminal, lines where they are asked for, and nil otherwise.
func (a *App) sweepBar(label string, asked bool) sweepBar {
	if p := a.newProgress(label); p != nil {
		return p
	}
	if !asked {
		return nil
	}
	now := a.Now()
	return &progressLines{w: a.Stderr, now: a.Now, label: label, began: now, said: now}
}

// linesEvery is how often progress is told where it cannot be redrawn.
const linesEvery = 10 * time.Second

// progressLines tells progress in lines, for a log.
type progressLines struct {
	w           io.Writer
	now         func() time.Time
	label       string
	began, said time.Time
}

func (p *progressLines) set(done, total int64, detail string) {
	now := p.now()
	if now.Sub(p.said) < linesEvery || total <= 0 {
		return
	}
	p.said = now
	left := ""
	if done > 0 {
		rest := time.Duration(float64(now.Sub(p.began)) / float64(done) * float64(max(total-done, 0)))
		left = ", " + rest.Round(time.Second).String() + " left"
	}
	fmt.Fprintf(p.w, "%s: %d %%, %s%s\n", p.label, min(done, total)*100/total, detail, left)
}

// clear leaves the lines where they are.
func (p *progressLines) clear() {}
