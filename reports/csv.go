package reports

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

// WriteCSV writes the tables of a finished run as CSV files beside them, and returns
// their names. Times are RFC 3339 UTC, prices and rates decimals, money in the
// smallest unit of the settlement currency. A cell without a price is empty.
func WriteCSV(dir string) ([]string, error) {
	if _, err := ReadResult(dir); err != nil {
		return nil, err
	}
	var names []string
	for _, t := range []struct {
		file string
		fill func(w *csv.Writer) error
	}{
		{OrdersFile, func(w *csv.Writer) error { return copyRows(w, dir, ReadOrders, orderHead, orderRecord) }},
		{FillsFile, func(w *csv.Writer) error { return copyRows(w, dir, ReadFills, fillHead, fillRecord) }},
		{FundingFile, func(w *csv.Writer) error { return copyRows(w, dir, ReadFunding, fundingHead, fundingRecord) }},
		{EquityFile, func(w *csv.Writer) error { return copyRows(w, dir, ReadEquity, equityHead, equityRecord) }},
	} {
		name := strings.TrimSuffix(t.file, ".parquet") + ".csv"
		if err := writeCSV(filepath.Join(dir, name), t.fill); err != nil {
			return names, err
		}
		names = append(names, name)
	}
	return names, nil
}

func writeCSV(path string, fill func(*csv.Writer) error) error {
	return disk.Replace(path, 0o644, func(out io.Writer) error {
		buffer := bufio.NewWriterSize(out, 1<<16)
		w := csv.NewWriter(buffer)
		if err := fill(w); err != nil {
			return err
		}
		w.Flush()
		return errors.Join(w.Error(), buffer.Flush())
	})
}

func copyRows[R any](w *csv.Writer, dir string, read func(string, func([]R) error) error, head string, record func([]string, *R) []string) error {
	if err := w.Write(strings.Fields(head)); err != nil {
		return err
	}
	var cells []string
	return read(dir, func(rows []R) error {
		for i := range rows {
			cells = record(cells[:0], &rows[i])
			if err := w.Write(cells); err != nil {
				return err
			}
		}
		return nil
	})
}

func csvTime(ns int64) string { return exchange.Time(ns).String() }

func csvInt(n int64) string { return strconv.FormatInt(n, 10) }

func csvPrice(p int64) string { return exchange.Price(p).String() }

// csvPriceOr is a price, or nothing where there is none.
func csvPriceOr(p int64) string {
	if p == 0 {
		return ""
	}
	return csvPrice(p)
}

func csvRatio(r int64) string { return exchange.Ratio(r).String() }

const orderHead = "time updated symbol order_id client_id link_id side type time_in_force exec_inst contingency qty display_qty price " +
	"stop_price peg_type peg_offset status triggered filled leaves avg_price reject_reason text arrival_mid"

func orderRecord(c []string, o *OrderRow) []string {
	return append(c, csvTime(o.Time), csvTime(o.Updated), o.Symbol, o.OrderID, o.ClientID, o.LinkID, o.Side, o.Type, o.TimeInForce, o.ExecInst,
		o.Contingency, csvInt(o.Qty), csvInt(o.DisplayQty), csvPriceOr(o.Price), csvPriceOr(o.StopPrice), o.PegType,
		csvPrice(o.PegOffset),
		o.Status, o.Triggered, csvInt(o.Filled), csvInt(o.Leaves), csvPriceOr(o.AvgPrice), o.RejectReason, o.Text,
		csvPriceOr(o.ArrivalMid))
}

const fillHead = "time symbol exec_id order_id client_id side qty price value fee fee_rate realised position liquidity exec_type cause ambiguous"

func fillRecord(c []string, f *FillRow) []string {
	return append(c, csvTime(f.Time), f.Symbol, f.ExecID, f.OrderID, f.ClientID, f.Side, csvInt(f.Qty), csvPrice(f.Price), csvInt(f.Value),
		csvInt(f.Fee), csvRatio(f.FeeRate), csvInt(f.Realised), csvInt(f.Position), f.Liquidity, f.ExecType, f.Cause,
		strconv.FormatBool(f.Ambiguous))
}

const fundingHead = "time symbol rate qty price amount"

func fundingRecord(c []string, f *FundingRow) []string {
	return append(c, csvTime(f.Time), f.Symbol, csvRatio(f.Rate), csvInt(f.Qty), csvPrice(f.Price), csvInt(f.Amount))
}

const equityHead = "time wallet unrealised equity realised fees funding position mark"

func equityRecord(c []string, e *EquityRow) []string {
	return append(c, csvTime(e.Time), csvInt(e.Wallet), csvInt(e.Unrealised), csvInt(e.Equity), csvInt(e.Realised), csvInt(e.Fees),
		csvInt(e.Funding), csvInt(e.Position), csvPriceOr(e.Mark))
}
