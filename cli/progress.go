package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/internal/terminal"
)

// progress draws a bar on a terminal: one line, redrawn a few times a second,
// erased at the end. A nil progress draws nothing.
type progress struct {
	w     io.Writer
	now   func() time.Time
	label string
	began time.Time
	drawn time.Time
}

const (
	progressWidth = 30
	progressEvery = 100 * time.Millisecond
)

// newProgress returns nil unless the app is interactive.
func (a *App) newProgress(label string) *progress {
	if !a.Interactive {
		return nil
	}
	return &progress{w: a.rawStderr, now: a.Now, label: label, began: a.Now()}
}

// set draws that done of total is done; detail follows the bar.
func (p *progress) set(done, total int64, detail string) {
	if p == nil || total <= 0 {
		return
	}
	now := p.now()
	if now.Sub(p.drawn) < progressEvery {
		return
	}
	p.drawn = now
	done = min(max(done, 0), total)
	filled := int(done * progressWidth / total)
	left := ""
	if elapsed := now.Sub(p.began); done > 0 && elapsed > time.Second {
		rest := time.Duration(float64(elapsed) / float64(done) * float64(total-done))
		left = " " + rest.Round(time.Second).String() + " left"
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s [%s%s] %3d%% %s%s", terminal.Line(p.label), strings.Repeat("=", filled),
		strings.Repeat(" ", progressWidth-filled), done*100/total, terminal.Line(detail), left)
}

// clear erases the bar.
func (p *progress) clear() {
	if p != nil && !p.drawn.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
