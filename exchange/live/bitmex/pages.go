package bitmex

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// pageSize is the count of a page if the query has none. The venue's maximum is 500 for
// most tables, and 1000 for trades, quotes and bins.
const pageSize = 500

// Timed is a row that has an instant.
type Timed interface{ At() api.Time }

// Pages returns every row that a query selects, a page at a time:
//
//	for trade, err := range bitmex.Pages(ctx, client.Trades, q) { ... }
//
// Pages are turned by time, because offsets have a ceiling on the venue: the next one
// begins at the last instant seen, behind the rows of that instant that are known.
// q.Count is the size of a page, q.Start is not heeded; an error ends the rows.
func Pages[T Timed](ctx context.Context, ask func(context.Context, Query) ([]T, error), q Query) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		turn := newTurner(q)
		for {
			rows, err := ask(ctx, turn.q)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range rows {
				turn.saw(exchange.Time(row.At()))
				if !yield(row, nil) {
					return
				}
			}
			if !turn.next(len(rows)) {
				return
			}
		}
	}
}

// Offsets does the same for rows that have no instant of their own, or one that
// changes, such as orders. Rows that come or go meanwhile may be missed or come twice.
func Offsets[T any](ctx context.Context, ask func(context.Context, Query) ([]T, error), q Query) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if q.Count == 0 {
			q.Count = pageSize
		}
		for {
			rows, err := ask(ctx, q)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if len(rows) < q.Count {
				return
			}
			q.Start += len(rows)
		}
	}
}

// turner turns pages by time.
type turner struct {
	q    Query
	last exchange.Time // of the newest row seen; of the oldest in reverse
	same int           // rows seen of that instant, those of pages before included
}

func newTurner(q Query) turner {
	if q.Count == 0 {
		q.Count = pageSize
	}
	q.Start = 0
	t := turner{q: q, last: q.From}
	if q.Reverse {
		t.last = q.To
	}
	return t
}

func (t *turner) saw(at exchange.Time) {
	if at != t.last {
		t.last, t.same = at, 0
	}
	t.same++
}

// next makes the query of the next page, if there may be one.
func (t *turner) next(rows int) bool {
	if rows < t.q.Count {
		return false
	}
	t.q.Start = t.same
	if t.q.Reverse {
		t.q.To = t.last
	} else {
		t.q.From = t.last
	}
	return true
}

// errNoTime means that a table cannot be paged by time.
var errNoTime = errors.New("its rows have no timestamp")

// Download writes every row that a query selects of a table, "trade", "trade/bucketed",
// "quote", "funding", as CSV with one header line, as the venue's _format=csv has it.
// It returns the number of rows. No more than a page is in memory.
func (c *Client) Download(ctx context.Context, table string, q Query, to io.Writer) (rows int, err error) {
	turn := newTurner(q)
	for first := true; ; first = false {
		page, err := c.page(ctx, table, turn.q)
		if err != nil {
			return rows, err
		}
		n, err := copyPage(to, page, first, turn.saw)
		rows += n
		if err != nil {
			return rows, fmt.Errorf("%s, row %d: %w", table, rows+1, err)
		}
		if !turn.next(n) {
			return rows, nil
		}
	}
}

// page reads one page as CSV.
func (c *Client) page(ctx context.Context, table string, q Query) ([]byte, error) {
	v, err := q.values()
	if err != nil {
		return nil, err
	}
	v.Set("_format", "csv")
	a, err := c.ask(ctx, request{verb: http.MethodGet, path: "/" + table, query: v, repeat: true})
	if err != nil {
		return nil, err
	}
	return a.Body, nil
}

// copyPage copies the rows of a page, its header only if it is wanted, and tells when
// each of them was.
func copyPage(to io.Writer, page []byte, header bool, saw func(exchange.Time)) (rows int, err error) {
	in, out := csv.NewReader(bytes.NewReader(page)), csv.NewWriter(to)
	in.ReuseRecord = true
	at := -1
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			out.Flush()
			return rows, out.Error()
		}
		if err != nil {
			return rows, err
		}
		if at < 0 {
			if at = column(record, "timestamp"); at < 0 {
				return rows, errNoTime
			}
			if !header {
				continue
			}
		} else {
			when, err := exchange.ParseTime(record[at])
			if err != nil {
				return rows, fmt.Errorf("timestamp: %w", err)
			}
			saw(when)
			rows++
		}
		if err := out.Write(record); err != nil {
			return rows, err
		}
	}
}

func column(header []string, name string) int {
	for n, h := range header {
		if h == name {
			return n
		}
	}
	return -1
}
