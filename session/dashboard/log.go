package dashboard

import (
	"strings"
	"sync"
)

// logLines is how many lines of the log are shown.
const logLines = 200

// Log keeps the newest lines that are written to it.
type Log struct {
	mu    sync.Mutex
	lines []string
}

// Write implements io.Writer. Each call is one line.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 2*logLines {
		l.lines = append(l.lines[:0], l.lines[logLines:]...)
	}
	l.lines = append(l.lines, strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

// Lines returns the newest lines, oldest first.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.lines[max(0, len(l.lines)-logLines):]...)
}
