package reports

import (
	"errors"
	"strconv"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The rows of each table. The tags are the schema; docs/results.md explains it.

// OrderRow is a row of orders.parquet: an order in its final state. Times are
// nanoseconds since 1970, prices are in steps of 1e-10. A missing price is 0
// here and NULL in the file.
type OrderRow struct {
	Time         int64  `parquet:"time,delta,timestamp(nanosecond)"`
	Updated      int64  `parquet:"updated,delta,timestamp(nanosecond)"`
	Symbol       string `parquet:"symbol,dict"`
	OrderID      string `parquet:"order_id"`
	ClientID     string `parquet:"client_id"`
	LinkID       string `parquet:"link_id,dict"`
	Side         string `parquet:"side,dict"`
	Type         string `parquet:"type,dict"`
	TimeInForce  string `parquet:"time_in_force,dict"`
	ExecInst     string `parquet:"exec_inst,dict"`
	Contingency  string `parquet:"contingency,dict"`
	Qty          int64  `parquet:"qty,delta"`
	DisplayQty   int64  `parquet:"display_qty,delta"`
	Price        int64  `parquet:"price,delta,optional,decimal(10:18)"`
	StopPrice    int64  `parquet:"stop_price,delta,optional,decimal(10:18)"`
	PegType      string `parquet:"peg_type,dict"`
	PegOffset    int64  `parquet:"peg_offset,delta,decimal(10:18)"`
	Status       string `parquet:"status,dict"`
	Triggered    string `parquet:"triggered,dict"`
	Filled       int64  `parquet:"filled,delta"`
	Leaves       int64  `parquet:"leaves,delta"`
	AvgPrice     int64  `parquet:"avg_price,delta,optional,decimal(10:18)"`
	RejectReason string `parquet:"reject_reason,dict"`
	Text         string `parquet:"text,dict"`
	ArrivalMid   int64  `parquet:"arrival_mid,delta,optional,decimal(10:18)" since:"later"`
}

// FillRow is a row of fills.parquet. Value, Fee and Realised are in the smallest
// unit of the settlement currency.
type FillRow struct {
	Time      int64  `parquet:"time,delta,timestamp(nanosecond)"`
	Symbol    string `parquet:"symbol,dict"`
	ExecID    string `parquet:"exec_id"`
	OrderID   string `parquet:"order_id"`
	ClientID  string `parquet:"client_id"`
	Side      string `parquet:"side,dict"`
	Qty       int64  `parquet:"qty,delta"`
	Price     int64  `parquet:"price,delta,decimal(10:18)"`
	Value     int64  `parquet:"value,delta"`
	Fee       int64  `parquet:"fee,delta"`
	FeeRate   int64  `parquet:"fee_rate,delta,decimal(10:18)"`
	Realised  int64  `parquet:"realised,delta"`
	Position  int64  `parquet:"position,delta"`
	Liquidity string `parquet:"liquidity,dict"`
	ExecType  string `parquet:"exec_type,dict"`
	Cause     string `parquet:"cause,dict"`
	Ambiguous bool   `parquet:"ambiguous"`
}

// FundingRow is a row of funding.parquet.
type FundingRow struct {
	Time   int64  `parquet:"time,delta,timestamp(nanosecond)"`
	Symbol string `parquet:"symbol,dict"`
	Rate   int64  `parquet:"rate,delta,decimal(10:18)"`
	Qty    int64  `parquet:"qty,delta"`
	Price  int64  `parquet:"price,delta,decimal(10:18)"`
	Amount int64  `parquet:"amount,delta"`
}

// EquityRow is a row of equity.parquet: the account at a sample, money in the
// smallest unit of the settlement currency.
//
// It has one row a minute, so its codecs are chosen by measurement: delta
// encoding leaves nothing to find in the two columns of unrealised PnL, and
// wastes on the mark the zeros below its tick, which Snappy finds as well as
// Zstandard and faster. A year is 30 ms and 3.8 MB; with Zstandard alone it is
// 46 ms and 3.8 MB.
type EquityRow struct {
	Time       int64 `parquet:"time,delta,timestamp(nanosecond)"`
	Wallet     int64 `parquet:"wallet,delta"`
	Unrealised int64 `parquet:"unrealised,delta,uncompressed"`
	Equity     int64 `parquet:"equity,delta,uncompressed"`
	Realised   int64 `parquet:"realised,delta"`
	Fees       int64 `parquet:"fees,delta"`
	Funding    int64 `parquet:"funding,delta"`
	Position   int64 `parquet:"position,delta"`
	Mark       int64 `parquet:"mark,delta,optional,snappy,decimal(10:18)"`
}

// Schemas of the tables whose columns can be NULL. Version 1 has 0 there instead, and is still
// read.
const (
	ordersSchema = "dunamis.orders/2"
	equitySchema = "dunamis.equity/2"
	ordersFirst  = "dunamis.orders/1"
	equityFirst  = "dunamis.equity/1"
)

// tables are the four tables of a run.
type tables struct {
	dir     *directory
	orders  *table[OrderRow]
	fills   *table[FillRow]
	funding *table[FundingRow]
	equity  *table[EquityRow]
}

func openTables(d *directory, o *Options) (*tables, error) {
	t := &tables{dir: d}
	meta := []keyValue{
		{"dunamis.venue", o.Run.Venue}, {"dunamis.symbol", o.Run.Symbols[0]},
		{"dunamis.currency", o.Currency.Code}, {"dunamis.currency_scale", strconv.Itoa(o.Currency.Scale)},
	}
	var err error
	if t.orders, err = openTable[OrderRow](d, OrdersFile, ordersSchema, meta); err != nil {
		return nil, err
	}
	if t.fills, err = openTable[FillRow](d, FillsFile, "dunamis.fills/1", meta); err != nil {
		return nil, errors.Join(err, t.abandon())
	}
	if t.funding, err = openTable[FundingRow](d, FundingFile, "dunamis.funding/1", meta); err != nil {
		return nil, errors.Join(err, t.abandon())
	}
	if t.equity, err = openTable[EquityRow](d, EquityFile, equitySchema, meta); err != nil {
		return nil, errors.Join(err, t.abandon())
	}
	return t, nil
}

// closer is a table of any kind.
type closer interface {
	close() error
	described() File
}

func (t *tables) all() []closer {
	var all []closer
	if t.orders != nil {
		all = append(all, t.orders)
	}
	if t.fills != nil {
		all = append(all, t.fills)
	}
	if t.funding != nil {
		all = append(all, t.funding)
	}
	if t.equity != nil {
		all = append(all, t.equity)
	}
	return all
}

// close makes every table whole and gives it its name. It goes on after an
// error, so that what can be read is there to be read.
func (t *tables) close() error {
	var errs []error
	for _, x := range t.all() {
		name := x.described().Name
		err := x.close()
		if err == nil {
			err = t.dir.publish(name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// abandon closes and removes tables that nothing was written to yet.
func (t *tables) abandon() error {
	var errs []error
	for _, x := range t.all() {
		name := x.described().Name
		errs = append(errs, x.close(), t.dir.discard(name))
	}
	return errors.Join(errs...)
}

func (t *tables) addFill(symbol string, f *exchange.Fill) error {
	row, err := t.fills.add()
	if err != nil {
		return err
	}
	*row = FillRow{Time: int64(f.Time), Symbol: symbol, ExecID: f.ExecID, OrderID: string(f.OrderID),
		ClientID: string(f.ClientID), Side: f.Side.String(), Qty: int64(f.Qty), Price: int64(f.Price), Value: int64(f.Value),
		Fee: int64(f.Fee), FeeRate: int64(f.FeeRate), Realised: int64(f.Realised), Position: int64(f.Position),
		Liquidity: f.Liquidity.String(), ExecType: f.Type.String(), Cause: f.Cause.String(), Ambiguous: f.Ambiguous}
	return nil
}

func (t *tables) addFunding(symbol string, f *exchange.FundingPayment) error {
	row, err := t.funding.add()
	if err != nil {
		return err
	}
	*row = FundingRow{Time: int64(f.Time), Symbol: symbol, Rate: int64(f.Rate), Qty: int64(f.Qty), Price: int64(f.Price),
		Amount: int64(f.Amount)}
	return nil
}

func (t *tables) addEquity(at exchange.Time, m *exchange.Margin, p *exchange.Position, sums *Totals) error {
	row, err := t.equity.add()
	if err != nil {
		return err
	}
	// Field by field: a literal would be built elsewhere and copied, once a sample.
	row.Time = int64(at)
	row.Wallet, row.Unrealised, row.Equity = int64(m.Wallet), int64(m.Unrealised), int64(m.Balance)
	row.Realised, row.Fees, row.Funding = int64(sums.Realised), int64(sums.Fees), int64(sums.Funding)
	row.Position, row.Mark = int64(p.Qty), int64(p.MarkPrice)
	return nil
}

func (t *tables) addOrder(symbol string, x *openOrder) error {
	o := &x.state
	row, err := t.orders.add()
	if err != nil {
		return err
	}
	*row = OrderRow{Time: int64(x.since), Updated: int64(o.Time), Symbol: symbol, OrderID: string(o.OrderID),
		ClientID: string(o.ClientID), LinkID: string(o.LinkID), Side: o.Side.String(), Type: o.Type.String(),
		TimeInForce: o.TimeInForce.String(), ExecInst: o.ExecInst.String(), Contingency: o.Contingency.String(),
		Qty: int64(o.Qty), DisplayQty: int64(o.DisplayQty), Price: int64(o.Price), StopPrice: int64(o.StopPrice),
		PegType: o.PegType.String(), PegOffset: int64(o.PegOffset), Status: o.Status.String(),
		Triggered: o.Triggered.String(), Filled: int64(o.Filled), Leaves: int64(o.Leaves), AvgPrice: int64(o.AvgPrice),
		RejectReason: o.RejectReason, Text: o.Text, ArrivalMid: int64(x.mid)}
	return nil
}
