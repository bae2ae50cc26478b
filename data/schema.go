package data

import (
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/dunamis-engine/dunamis/exchange"
)

const (
	// schemaVersion changes when a reader of the old files could misread the new.
	schemaVersion = "1"
	rowGroupRows  = 262_144
	// pageBytes is how much of a column is encoded at once: 16384 integers, which
	// stay in the second-level cache while they are decoded.
	pageBytes = 128 << 10

	metaSchema   = "dunamis.schema"
	metaSource   = "dunamis.source"
	metaImporter = "dunamis.importer"
	metaInput    = "dunamis.input"
	metaRows     = "dunamis.rows"
)

// The rows of each kind. The tags are the schema: docs/formats/catalog.md
// explains it, and a golden file in testdata holds it.

type tradeRow struct {
	Time    int64 `parquet:"time,delta,timestamp(nanosecond)"`
	Arrival int64 `parquet:"arrival,delta,timestamp(nanosecond)"`
	Price   int64 `parquet:"price,delta,decimal(10:18)"`
	Qty     int64 `parquet:"qty,delta"`
	Buy     bool  `parquet:"buy"`
}

type quoteRow struct {
	Time     int64 `parquet:"time,delta,timestamp(nanosecond)"`
	Arrival  int64 `parquet:"arrival,delta,timestamp(nanosecond)"`
	BidPrice int64 `parquet:"bid_price,delta,decimal(10:18)"`
	BidQty   int64 `parquet:"bid_qty,delta"`
	AskPrice int64 `parquet:"ask_price,delta,decimal(10:18)"`
	AskQty   int64 `parquet:"ask_qty,delta"`
}

type bookRow struct {
	Time    int64 `parquet:"time,delta,timestamp(nanosecond)"`
	Arrival int64 `parquet:"arrival,delta,timestamp(nanosecond)"`
	Price   int64 `parquet:"price,delta,decimal(10:18)"`
	Qty     int64 `parquet:"qty,delta"`
	Buy     bool  `parquet:"buy"`
	Flags   int32 `parquet:"flags,delta"`
}

type orderRow struct {
	Time    int64 `parquet:"time,delta,timestamp(nanosecond)"`
	Arrival int64 `parquet:"arrival,delta,timestamp(nanosecond)"`
	Price   int64 `parquet:"price,delta,decimal(10:18)"`
	Qty     int64 `parquet:"qty,delta"`
	Order   int64 `parquet:"order,delta"`
	Buy     bool  `parquet:"buy"`
	Flags   int32 `parquet:"flags,delta"`
}

type markRow struct {
	Time    int64 `parquet:"time,delta,timestamp(nanosecond)"`
	Arrival int64 `parquet:"arrival,delta,timestamp(nanosecond)"`
	Mark    int64 `parquet:"mark,delta,decimal(10:18)"`
	Index   int64 `parquet:"index,delta,decimal(10:18)"`
}

type fundingRow struct {
	Time    int64 `parquet:"time,delta,timestamp(nanosecond)"`
	Arrival int64 `parquet:"arrival,delta,timestamp(nanosecond)"`
	Rate    int64 `parquet:"rate,delta,decimal(10:18)"`
	Due     int64 `parquet:"due,delta,timestamp(nanosecond)"`
}

type barRow struct {
	Time     int64 `parquet:"time,delta,timestamp(nanosecond)"`
	End      int64 `parquet:"end,delta,timestamp(nanosecond)"`
	Open     int64 `parquet:"open,delta,decimal(10:18)"`
	High     int64 `parquet:"high,delta,decimal(10:18)"`
	Low      int64 `parquet:"low,delta,decimal(10:18)"`
	Close    int64 `parquet:"close,delta,decimal(10:18)"`
	Volume   int64 `parquet:"volume,delta"`
	Turnover int64 `parquet:"turnover,delta"`
	Trades   int64 `parquet:"trades,delta"`
	Quiet    bool  `parquet:"quiet"`
}

// layout is how one kind of stream is stored.
type layout struct {
	event  exchange.EventKind
	ints   []string // INT64 columns: time first
	small  []string // BOOLEAN and INT32 columns, read as bytes
	keyed  bool     // a row is known by its time: two inputs may bring the same one
	schema *parquet.Schema
	open   func(w io.Writer, o ...parquet.WriterOption) tableWriter
}

// The layouts are constants in all but name.
var (
	tradeLayout = layout{
		event: exchange.KindTrade, ints: []string{"time", "arrival", "price", "qty"}, small: []string{"buy"},
		schema: parquet.SchemaOf(tradeRow{}), open: opener(tradeOf),
	}
	liquidationLayout = layout{
		event: exchange.KindLiquidation, ints: tradeLayout.ints, small: tradeLayout.small,
		schema: tradeLayout.schema, open: opener(tradeOf),
	}
	quoteLayout = layout{
		event: exchange.KindQuote, ints: []string{"time", "arrival", "bid_price", "bid_qty", "ask_price", "ask_qty"},
		schema: parquet.SchemaOf(quoteRow{}), open: opener(quoteOf),
	}
	bookLayout = layout{
		event: exchange.KindBook, ints: []string{"time", "arrival", "price", "qty"}, small: []string{"buy", "flags"},
		schema: parquet.SchemaOf(bookRow{}), open: opener(bookOf),
	}
	orderLayout = layout{
		event: exchange.KindOrder, ints: []string{"time", "arrival", "price", "qty", "order"}, small: []string{"buy", "flags"},
		schema: parquet.SchemaOf(orderRow{}), open: opener(orderOf),
	}
	markLayout = layout{
		event: exchange.KindMark, ints: []string{"time", "arrival", "mark", "index"}, keyed: true,
		schema: parquet.SchemaOf(markRow{}), open: opener(markOf),
	}
	fundingLayout = layout{
		event: exchange.KindFunding, ints: []string{"time", "arrival", "rate", "due"}, keyed: true,
		schema: parquet.SchemaOf(fundingRow{}), open: opener(fundingOf),
	}
	barLayout = layout{
		event: exchange.KindBar, keyed: true,
		ints:   []string{"time", "end", "open", "high", "low", "close", "volume", "turnover", "trades"},
		small:  []string{"quiet"},
		schema: parquet.SchemaOf(barRow{}), open: opener(barOf),
	}
)

// layoutOf returns the layout of a kind of stream, or nil for an unknown kind.
func layoutOf(kind string) *layout {
	switch kind {
	case KindTrade:
		return &tradeLayout
	case KindQuote:
		return &quoteLayout
	case KindBook:
		return &bookLayout
	case KindOrder:
		return &orderLayout
	case KindMark:
		return &markLayout
	case KindFunding:
		return &fundingLayout
	case KindLiquidation:
		return &liquidationLayout
	}
	if _, ok := ParseBarKind(kind); ok {
		return &barLayout
	}
	return nil
}

func tradeOf(e *exchange.Event) tradeRow {
	t := e.Trade()
	return tradeRow{int64(e.Time), int64(e.Arrival), int64(t.Price), int64(t.Qty), e.Side == exchange.Buy}
}

func quoteOf(e *exchange.Event) quoteRow {
	q := e.Quote()
	return quoteRow{int64(e.Time), int64(e.Arrival), int64(q.BidPrice), int64(q.BidQty), int64(q.AskPrice), int64(q.AskQty)}
}

func bookOf(e *exchange.Event) bookRow {
	l := e.Level()
	return bookRow{int64(e.Time), int64(e.Arrival), int64(l.Price), int64(l.Qty), e.Side == exchange.Buy, int32(e.Flags)}
}

func orderOf(e *exchange.Event) orderRow {
	o := e.BookOrder()
	return orderRow{int64(e.Time), int64(e.Arrival), int64(o.Price), int64(o.Qty), int64(o.ID), e.Side == exchange.Buy, int32(e.Flags)}
}

func markOf(e *exchange.Event) markRow {
	m := e.Mark()
	return markRow{int64(e.Time), int64(e.Arrival), int64(m.Mark), int64(m.Index)}
}

func fundingOf(e *exchange.Event) fundingRow {
	f := e.Funding()
	return fundingRow{int64(e.Time), int64(e.Arrival), int64(f.Rate), int64(f.Due)}
}

func barOf(e *exchange.Event) barRow {
	b := e.Bar()
	return barRow{int64(e.Time), int64(b.End), int64(b.Open), int64(b.High), int64(b.Low), int64(b.Close),
		int64(b.Volume), int64(b.Turnover), b.Trades, b.Quiet}
}

// tableWriter writes events as the rows of one Parquet file.
type tableWriter interface {
	write(events []exchange.Event) error
	setMeta(key, value string)
	close() error
}

// writeRows is how many rows are turned into columns at a time.
const writeRows = 1024

type table[R any] struct {
	w    *parquet.GenericWriter[R]
	row  func(*exchange.Event) R
	rows []R
}

func opener[R any](row func(*exchange.Event) R) func(io.Writer, ...parquet.WriterOption) tableWriter {
	return func(w io.Writer, o ...parquet.WriterOption) tableWriter {
		return &table[R]{w: parquet.NewGenericWriter[R](w, o...), row: row, rows: make([]R, 0, writeRows)}
	}
}

func (t *table[R]) write(events []exchange.Event) error {
	for len(events) > 0 {
		n := min(len(events), writeRows)
		t.rows = t.rows[:0]
		for i := range events[:n] {
			t.rows = append(t.rows, t.row(&events[i]))
		}
		if _, err := t.w.Write(t.rows); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

func (t *table[R]) setMeta(key, value string) { t.w.SetKeyValueMetadata(key, value) }
func (t *table[R]) close() error              { return t.w.Close() }

func writerOptions() []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.DataPageVersion(2),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.PageBufferSize(pageBytes),
		parquet.CreatedBy("dunamis", schemaVersion, "catalog"), // not the library's version: equal inputs give equal bytes
	}
}
