package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/spf13/pflag"
)

// logFlags choose which lines of a strategy's log are shown, and the file for all of them.
type logFlags struct {
	level string
	file  string
}

func (f *logFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.level, "log", "info",
		"what the strategy logs is shown from this level on: debug, info, warn, error or off;\n"+
			"a message that repeats is shown 20 times, and 100 different ones")
	fs.StringVar(&f.file, "log-file", "", "`file` for every line that the strategy logs, as JSON")
}

// logOff is above every level.
const logOff = slog.LevelError + 100

func parseLogLevel(text string) (slog.Level, error) {
	if text == "off" || text == "" {
		return logOff, nil
	}
	level, known := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[text]
	if !known {
		return 0, usage(fmt.Errorf("--log %q: want debug, info, warn, error or off", text))
	}
	return level, nil
}

// strategyLog is what a strategy logs in a backtest. Close writes what was left out.
type strategyLog struct {
	*slog.Logger
	capped *cappedLog
	file   *os.File
}

// open makes the log of a run. Lines on the terminal erase the progress bar first.
func (f *logFlags) open(stderr io.Writer, bar *progress) (*strategyLog, error) {
	level, err := parseLogLevel(f.level)
	if err != nil {
		return nil, err
	}
	l := &strategyLog{}
	text := slog.NewTextHandler(clearing{stderr, bar}, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime})
	l.capped = &cappedLog{out: stderr, counts: &lineCounts{of: map[string]int{}}, Handler: text}
	handlers := slog.NewMultiHandler(l.capped)
	if f.file != "" {
		if l.file, err = os.Create(f.file); err != nil {
			return nil, fmt.Errorf("--log-file: %w", err)
		}
		handlers = slog.NewMultiHandler(l.capped,
			slog.NewJSONHandler(l.file, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime}))
	}
	l.Logger = slog.New(handlers)
	return l, nil
}

// close says how many lines were left out, and closes the file.
func (l *strategyLog) close() error {
	l.capped.summary()
	if l.file == nil {
		return nil
	}
	if err := errors.Join(l.file.Sync(), l.file.Close()); err != nil {
		return fmt.Errorf("--log-file: %w", err)
	}
	return nil
}

// withoutTime leaves out the machine's time: the time of the run is an attribute.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// clearing is a writer that erases the progress bar before each write.
type clearing struct {
	io.Writer
	bar *progress
}

// Write implements io.Writer.
func (c clearing) Write(b []byte) (int, error) {
	c.bar.clear()
	return c.Writer.Write(b)
}

const (
	shownLines    = 20  // of a message
	shownMessages = 100 // that differ
)

// lineCounts counts the lines of each message that is shown, and those of all others.
type lineCounts struct {
	mu     sync.Mutex
	of     map[string]int
	others int
}

// next counts a line of a message and reports whether to show it.
func (c *lineCounts) next(message string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, known := c.of[message]
	if !known && len(c.of) == shownMessages {
		c.others++
		return false
	}
	c.of[message] = n + 1
	return n < shownLines
}

// cappedLog shows the first lines of each message and counts the others.
type cappedLog struct {
	slog.Handler
	out    io.Writer
	counts *lineCounts
}

// Handle implements slog.Handler.
func (l *cappedLog) Handle(ctx context.Context, r slog.Record) error {
	if !l.counts.next(r.Message) {
		return nil
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l *cappedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &cappedLog{l.Handler.WithAttrs(attrs), l.out, l.counts}
}

// WithGroup implements slog.Handler.
func (l *cappedLog) WithGroup(name string) slog.Handler {
	return &cappedLog{l.Handler.WithGroup(name), l.out, l.counts}
}

func (l *cappedLog) summary() {
	for _, message := range slices.Sorted(maps.Keys(l.counts.of)) {
		if n := l.counts.of[message]; n > shownLines {
			fmt.Fprintf(l.out, "%d more lines of %q were left out; --log-file FILE keeps all\n", n-shownLines, message)
		}
	}
	if n := l.counts.others; n > 0 {
		fmt.Fprintf(l.out, "%d lines of other messages were left out; --log-file FILE keeps all\n", n)
	}
}
