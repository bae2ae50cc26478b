package dashboard

import (
	"fmt"
	"strings"
	"sync"
)

// logLines is how many lines of the log are shown.
const logLines = 200

// longestLine is how many characters of a line are kept.
const longestLine = 4096

// Log keeps the newest lines that are written to it.
type Log struct {
	mu    sync.Mutex
	lines []string
}

// Write implements io.Writer. Each call is one line; a long one is cut.
func (l *Log) Write(b []byte) (int, error) {
	line := strings.TrimRight(string(b), "\n")
	if cut := fmt.Sprintf("%.*s", longestLine, line); cut != line {
		line = cut + "…"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 2*logLines {
		l.lines = append(l.lines[:0], l.lines[logLines:]...)
	}
	l.lines = append(l.lines, line)
	return len(b), nil
}

// Lines returns the newest lines, oldest first.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.lines[max(0, len(l.lines)-logLines):]...)
}
