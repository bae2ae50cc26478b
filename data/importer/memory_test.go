package importer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// memory is a catalog in memory that holds what was committed.
type memory struct {
	source    data.Source
	pending   map[data.Key][]exchange.Event
	streams   map[data.Key][]exchange.Event
	begun     int
	aborted   int
	committed int
	fail      error // of Write
}

func (m *memory) begin(src data.Source) (transaction, error) {
	m.source = src
	m.pending = make(map[data.Key][]exchange.Event)
	m.begun++
	return m, nil
}

// Write checks what a catalog checks.
func (m *memory) Write(key data.Key, events []exchange.Event) error {
	if m.fail != nil {
		return m.fail
	}
	for _, e := range events {
		if have := m.pending[key]; len(have) > 0 && e.Time < have[len(have)-1].Time {
			return &data.OrderError{Key: key, Time: e.Time, Before: have[len(have)-1].Time}
		}
		m.pending[key] = append(m.pending[key], e)
	}
	return nil
}

func (m *memory) Commit(context.Context) (data.CommitReport, error) {
	m.streams = m.pending
	m.committed++
	return data.CommitReport{Written: len(m.streams)}, nil
}

func (m *memory) Abort() error {
	m.pending = nil
	m.aborted++
	return nil
}

// read imports content from a file of this name.
func read(tb testing.TB, name, content string, o Options) (*memory, Report, error) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	require.NoError(tb, os.WriteFile(path, []byte(content), 0o600))
	return readFile(tb, path, o)
}

func readFile(tb testing.TB, path string, o Options) (*memory, Report, error) {
	tb.Helper()
	m := new(memory)
	report, err := importFile(tb.Context(), path, o, m.begin)
	return m, report, err
}

// text prints the streams, an event a line.
func (m *memory) text() string {
	var keys []data.Key
	for key := range m.streams {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b data.Key) int { return strings.Compare(a.String(), b.String()) })
	var b strings.Builder
	for _, key := range keys {
		fmt.Fprintln(&b, key)
		for _, e := range m.streams[key] {
			fmt.Fprintln(&b, "  "+line(&e))
		}
	}
	return b.String()
}

// line prints an event.
func line(e *exchange.Event) string {
	at := e.Time.String()
	if d := e.Arrival.Sub(e.Time); d != 0 {
		at += fmt.Sprintf(" %+d us", d.Microseconds())
	}
	switch e.Kind {
	case exchange.KindBar:
		bar := e.Bar()
		text := fmt.Sprintf("%s to %s: %s %s %s %s volume %d turnover %d trades %d", e.Time, bar.End,
			bar.Open, bar.High, bar.Low, bar.Close, bar.Volume, bar.Turnover, bar.Trades)
		return text + flags(e.Flags)
	case exchange.KindTrade, exchange.KindLiquidation:
		t := e.Trade()
		return fmt.Sprintf("%s: %s %d @ %s%s", at, t.Side, t.Qty, t.Price, flags(e.Flags))
	case exchange.KindQuote:
		q := e.Quote()
		return fmt.Sprintf("%s: %d @ %s | %d @ %s%s", at, q.BidQty, q.BidPrice, q.AskQty, q.AskPrice, flags(e.Flags))
	case exchange.KindBook:
		l := e.Level()
		return fmt.Sprintf("%s: %s %d @ %s%s", at, e.Side, l.Qty, l.Price, flags(e.Flags))
	case exchange.KindOrder:
		o := e.BookOrder()
		return fmt.Sprintf("%s: order %d %s %d @ %s%s", at, o.ID, e.Side, o.Qty, o.Price, flags(e.Flags))
	case exchange.KindMark:
		return fmt.Sprintf("%s: mark %s index %s%s", at, e.Mark().Mark, e.Mark().Index, flags(e.Flags))
	case exchange.KindFunding:
		return fmt.Sprintf("%s: rate %s due %s%s", at, e.Funding().Rate, e.Funding().Due, flags(e.Flags))
	}
	return e.String()
}

// flags prints the flags.
func flags(f exchange.Flags) string {
	var b strings.Builder
	for _, n := range []struct {
		flag exchange.Flags
		name string
	}{
		{exchange.FlagClear, " clear"}, {exchange.FlagSnapshot, " snapshot"}, {exchange.FlagQuiet, " quiet"},
		{exchange.FlagLast, " last"},
	} {
		if f&n.flag != 0 {
			b.WriteString(n.name)
		}
	}
	return b.String()
}
