package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Streams of what comes out of a session, each a table of the database.
const (
	outputsTable  = "outputs"  // reports
	commandsTable = "commands" // that were sent to a live venue
	shadowTable   = "shadow"   // reports of the simulator beside it
)

// DivergedError means that a session does not say again what it said the first time:
// its strategy, its settings or the program have changed, or the strategy looks at
// something that was not recorded.
type DivergedError struct {
	What        string // "report", "command", "shadow report"
	Number      int64  // of it, from 1
	First, Then string
}

// Error implements error.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("the session does not repeat itself: %s %d was %s and is %s now; has the strategy or the program changed?", cmp.Or(e.What, "report"), e.Number, e.First, e.Then)
}

// reportNames are the words for kinds of reports in the database.
var reportNames = [...]string{exchange.ReportOrder: "order", exchange.ReportFill: "fill", exchange.ReportPosition: "position",
	exchange.ReportMargin: "margin", exchange.ReportFunding: "funding", exchange.ReportReject: "reject"}

// orderText is what is kept of reports of orders and fills.
type orderText struct {
	Fill  *exchange.Fill    `json:"fill,omitempty"`
	Order *exchange.Order   `json:"order"`
	What  exchange.ExecType `json:"what"`
}

// encodeReport is what is kept of a report. Field order and numbers are the same
// whenever the report is.
func encodeReport(r *exchange.Report) (string, error) {
	var v any
	switch r.Kind {
	case exchange.ReportOrder:
		v = orderText{Order: &r.Order, What: r.ExecType}
	case exchange.ReportFill:
		v = orderText{Fill: &r.Fill, Order: &r.Order, What: r.ExecType}
	case exchange.ReportPosition:
		v = &r.Position
	case exchange.ReportMargin:
		v = &r.Margin
	case exchange.ReportFunding:
		v = &r.Funding
	case exchange.ReportReject:
		v = &r.Reject
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// outputs reads what came out of a session the first time.
type outputs struct {
	store *Store
	table string
	page  []output
	count int64
	read  int64
}

type output struct {
	kind, data string
	at         exchange.Time
}

// outputPage is how many reports are read at a time.
const outputPage = 1000

// nouns are the words for what a table holds.
var nouns = map[string]string{outputsTable: "report", commandsTable: "command", shadowTable: "shadow report"}

// pages are the queries that read a table.
var pages = map[string]string{
	outputsTable:  "SELECT kind, at, data FROM outputs WHERE seq > ? ORDER BY seq LIMIT ?",
	commandsTable: "SELECT kind, at, data FROM commands WHERE seq > ? ORDER BY seq LIMIT ?",
	shadowTable:   "SELECT kind, at, data FROM shadow WHERE seq > ? ORDER BY seq LIMIT ?",
}

func (o *outputs) diverged(first, then string) error {
	return &DivergedError{What: nouns[o.table], Number: o.read + 1, First: first, Then: then}
}

// report checks that a report is the next one.
func (o *outputs) report(ctx context.Context, r *exchange.Report) error {
	text, err := encodeReport(r)
	if err != nil {
		return err
	}
	return o.compare(ctx, output{kind: reportNames[r.Kind], at: r.Time, data: text})
}

// command checks that a command is the next one.
func (o *outputs) command(ctx context.Context, c *Command) error {
	text, err := c.encode()
	if err != nil {
		return err
	}
	return o.compare(ctx, output{kind: c.Kind, at: c.At, data: text})
}

func (o *outputs) compare(ctx context.Context, now output) error {
	if o.read == o.count {
		return o.diverged("not there", now.String())
	}
	if len(o.page) == 0 {
		if err := o.load(ctx); err != nil {
			return fmt.Errorf("session %s: %s %d of %d: %w", o.store.Dir, nouns[o.table], o.read+1, o.count, err)
		}
	}
	then := o.page[0]
	if then != now {
		return o.diverged(then.String(), now.String())
	}
	o.page = o.page[1:]
	o.read++
	return nil
}

func (p output) String() string { return fmt.Sprintf("%s at %s: %s", p.kind, p.at, p.data) }

func (o *outputs) load(ctx context.Context) error {
	rows, err := o.store.db.QueryContext(ctx, pages[o.table], o.read, min(outputPage, o.count-o.read))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p output
		if err := rows.Scan(&p.kind, (*int64)(&p.at), &p.data); err != nil {
			return err
		}
		o.page = append(o.page, p)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(o.page) == 0 {
		return errors.New("it is missing")
	}
	return nil
}

// finish checks that nothing is left.
func (o *outputs) finish() error {
	if o.read < o.count {
		return o.diverged(fmt.Sprintf("there, as were %d in all", o.count), "not there")
	}
	return nil
}
