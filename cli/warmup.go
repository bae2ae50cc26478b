package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
)

// warmupAuto asks for as much history as the strategy says that it needs.
const warmupAuto = "auto"

func warmupFlag(fs *pflag.FlagSet, into *string) {
	fs.StringVar(into, "warmup", "0", "history that the strategy hears before its first decision, without trading: a time\n"+
		"such as 30d or 36h, or auto, as much as it says that it needs; results begin after it")
}

// maxWarmup bounds the history, so that times stay within their range.
const maxWarmup = 3660 * 24 * time.Hour

// warmup is how much history a strategy hears first.
func (p *plan) warmup(s engine.Strategy) (time.Duration, error) {
	text := p.flags.warmup
	if text == warmupAuto {
		return min(engine.WarmupOf(s), maxWarmup), nil
	}
	d, err := parseSpan(text)
	if err != nil || d < 0 || d > maxWarmup {
		return 0, usage(fmt.Errorf("--warmup %q: want a time such as 30d or 36h, up to 3660d, or auto", text))
	}
	return d, nil
}

// parseSpan reads a duration or a number of days such as 30d; nothing is 0.
func parseSpan(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if n, isDays := strings.CutSuffix(text, "d"); isDays {
		count, err := strconv.ParseInt(n, 10, 16) // whose days a Duration can hold
		return time.Duration(count) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// history is what a strategy hears first. The zero value is none.
type history struct {
	feed    exchange.Feed
	sources []engine.Source
	parts   []reports.DataPart
	warning string // of history that is shorter than asked for
}

func (h *history) close() {
	if h.feed != nil {
		_ = h.feed.Close() // only read
	}
}

// before opens the history of a run. Without --from the run begins as much later as the
// history is long; then p.from is set.
func (p *plan) before(ctx context.Context, cat *data.Catalog, c *choice, s engine.Strategy) (*history, error) {
	length, err := p.warmup(s)
	if err != nil || length == 0 {
		return new(history), err
	}
	first, err := c.first(ctx, cat)
	if err != nil {
		return nil, dataError(err)
	}
	if p.from == 0 {
		p.from = first.Add(length)
	}
	h, from := &history{sources: slices.Clone(c.sources)}, max(p.from.Add(-length), 0)
	if first > from {
		h.warning = fmt.Sprintf("the warm-up is shorter than the %s asked for: the data begin at %s", length, first)
	}
	streams := slices.Clone(c.streams)
	for {
		feed, err := cat.Feed(ctx, data.Query{Instruments: p.set, Streams: streams, From: from, To: p.from})
		var none *data.NoDataError
		if err == nil {
			h.feed = feed
			h.parts, err = partsOf(feed)
			return h, err
		}
		if !errors.As(err, &none) || !optional(none.Key.Kind) {
			return nil, dataError(fmt.Errorf("--warmup: %w", err))
		}
		streams = slices.DeleteFunc(streams, func(k data.Key) bool { return k == none.Key })
	}
}

// first is when the data of a choice begin.
func (c *choice) first(ctx context.Context, cat *data.Catalog) (exchange.Time, error) {
	list, err := cat.Info(ctx)
	first := exchange.Never
	for i := range list {
		if slices.Contains(c.streams, list[i].Key) && !optional(list[i].Key.Kind) && list[i].Rows > 0 {
			first = min(first, list[i].First)
		}
	}
	if err == nil && first == exchange.Never {
		err = errors.New("--warmup: the catalog has no data of the run")
	}
	return first, err
}

// warmupFile is the history of a session, in its directory: a session that goes on, and its
// replay, hear the same one again, whatever has become of the catalog.
const warmupFile = "warmup.events"

// keptHistory is the first line of the file. The events follow, as exchange.AppendEvent writes
// them.
type keptHistory struct {
	Sources []keptSource `json:"sources"`
}

// keepHistory writes the history of a session that begins.
func (a *App) keepHistory(ctx context.Context, p *plan, m *market, dir string) error {
	_, s, err := p.makeRecovered()
	if err != nil {
		return err
	}
	if length, err := p.warmup(s); err != nil || length == 0 {
		return err
	}
	if p.flags.catalog == "" {
		return usage(errors.New("--warmup needs --catalog, which has the history"))
	}
	cat, c, err := p.open()
	if err != nil {
		return err
	}
	then := *p
	switch {
	case m.live:
		then.from = exchange.TimeOf(a.Now())
	case then.from == 0:
		return usage(errors.New("--warmup needs --from: the history is what comes before it"))
	}
	h, err := then.before(ctx, cat, c, s)
	if err != nil {
		return err
	}
	defer h.close()
	if h.warning != "" {
		fmt.Fprintf(a.Stderr, "warning: %s\n", h.warning)
	}
	return disk.Replace(filepath.Join(dir, warmupFile), 0o644,
		func(w io.Writer) error { return writeHistory(ctx, w, p, h) })
}

func writeHistory(ctx context.Context, w io.Writer, p *plan, h *history) error {
	head, err := json.Marshal(keptHistory{keptSources(p, h.sources)})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	_, _ = out.Write(append(head, '\n')) // Flush returns the error
	events := make([]exchange.Event, 1024)
	var prev exchange.Event
	var buf []byte
	for {
		n, err := h.feed.Next(ctx, events)
		for i := range events[:n] {
			buf = exchange.AppendEvent(buf[:0], &events[i], &prev)
			prev = events[i]
			_, _ = out.Write(buf)
		}
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return dataError(err)
		}
	}
}

// readHistory opens the history of a session, which may have none.
func readHistory(dir string, set *exchange.Instruments, symbols map[string]exchange.SymbolID) (*history, error) {
	f := &historyFile{path: filepath.Join(dir, warmupFile)}
	err := f.open()
	if errors.Is(err, fs.ErrNotExist) {
		return new(history), nil
	}
	if err != nil {
		return nil, dataError(err)
	}
	h := &history{feed: f}
	head, err := f.in.ReadSlice('\n')
	var k keptHistory
	if err == nil {
		err = json.Unmarshal(head, &k)
	}
	var ids []exchange.SymbolID
	for _, s := range k.Sources {
		id, known := symbols[s.Symbol]
		if !known {
			err = cmp.Or(err, fmt.Errorf("symbol %q is not the session's", s.Symbol))
			continue
		}
		ids = append(ids, id)
		h.sources = append(h.sources, engine.Source{Symbol: id, Kind: s.Kind, Interval: s.Interval})
	}
	if err != nil {
		return nil, errors.Join(f.damaged(err), f.Close())
	}
	f.screen = exchange.NewScreen(set, ids, 0)
	return h, nil
}

// historyFile is the events of the file of a session's history. It reads as it is asked: the history of a book
// does not fit into memory.
type historyFile struct {
	path   string
	file   *os.File
	in     *bufio.Reader
	screen *exchange.Screen // of the session's symbols
	prev   exchange.Event
}

// historyBuffer is how much of the file is read at a time, in bytes. It holds the first line, and an event.
const historyBuffer = 64 << 10

func (f *historyFile) open() (err error) {
	if f.file, err = os.Open(f.path); err == nil {
		f.in = bufio.NewReaderSize(f.file, historyBuffer)
	}
	return err
}

func (f *historyFile) damaged(err error) error {
	return dataError(fmt.Errorf("%s: damaged: %w", f.path, err))
}

// Next implements exchange.Feed.
func (f *historyFile) Next(_ context.Context, events []exchange.Event) (n int, err error) {
	for ; n < len(events); n++ {
		text, err := f.in.Peek(exchange.LongestEvent)
		if len(text) == 0 && errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return n, dataError(err)
		}
		e, rest, err := exchange.DecodeEvent(text, &f.prev)
		if err != nil {
			return n, f.damaged(err)
		}
		f.prev, events[n] = e, e
		if err := f.screen.Check(&events[n]); err != nil {
			return n, f.damaged(err)
		}
		_, _ = f.in.Discard(len(text) - len(rest)) // of what Peek has read
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Close implements exchange.Feed.
func (f *historyFile) Close() error { return f.file.Close() }
