package sim

import (
	"iter"

	"github.com/dunamis-engine/dunamis/exchange"
)

// report starts a report that the exchange makes at this instant. Everything
// that it says of a symbol at one instant is one message with one latency.
func (x *Exchange) report(s *symbol, kind exchange.ReportKind, exec exchange.ExecType) *exchange.Report {
	if x.reports.made != x.at {
		x.reports.made = x.at
		x.reports.last = max(x.reports.last, x.at.Add(s.latency.Response(x.at)))
	}
	r := x.reports.add(kind)
	r.Kind, r.ExecType, r.Symbol = kind, exec, s.id
	r.Time, r.Arrival = x.at, x.reports.last
	return r
}

func (x *Exchange) reportOrder(o *order, exec exchange.ExecType) {
	o.Time = x.at
	r := x.report(o.s, exchange.ReportOrder, exec)
	r.Order = o.Order
	if o.Status.Final() {
		x.reports.release(o.name)
	}
}

func (x *Exchange) reportFill(o *order, f *exchange.Fill) {
	o.Time = x.at
	r := x.report(o.s, exchange.ReportFill, f.Type)
	r.Fill, r.Order = *f, o.Order
	if o.Status.Final() {
		x.reports.release(o.name)
	}
}

// reportAccount tells the position of a symbol and the margin of the wallet that it
// settles in.
func (x *Exchange) reportAccount(s *symbol) {
	x.revalue(x.at)
	r := x.report(s, exchange.ReportPosition, exchange.NoExecType)
	r.Position = x.account.Position(s.id)
	r.Position.Time = x.at
	s.liquidation = r.Position.LiquidationPrice
	x.reportMargin(s)
}

func (x *Exchange) reportMargin(s *symbol) {
	x.report(s, exchange.ReportMargin, exchange.NoExecType).Margin = x.account.MarginOf(s.id, x.at)
	if c, ok := x.account.Coin(s.id); ok {
		r := x.report(s, exchange.ReportMargin, exchange.NoExecType)
		r.Margin, _ = x.account.MarginIn(c.Code, x.at)
	}
}

func (x *Exchange) reportReject(s *symbol, command string, id exchange.OrderID, client exchange.ClientID, reason string) {
	x.stats.Refused++
	r := x.report(s, exchange.ReportReject, exchange.NoExecType)
	r.Reject = exchange.Reject{Command: command, OrderID: id, ClientID: client, Reason: reason, Time: x.at}
}

// Drain appends every report that has been made, whether it has arrived or not, and then one
// with [exchange.PendingNew] for each order that was sent and has no report: it has not
// arrived, or its request was lost. It is for the end of a run, when an observer adds up the
// account as it is at the exchange.
func (x *Exchange) Drain(reports []exchange.Report) []exchange.Report {
	reports = x.reports.deliver(reports, exchange.Never)
	for c := range x.travelling() {
		n := &c.order
		reports = append(reports, exchange.Report{Kind: exchange.ReportOrder, Symbol: n.Symbol, Time: x.now, Arrival: x.now,
			Order: exchange.Order{
				ClientID: n.ClientID, LinkID: n.LinkID, Symbol: n.Symbol, Side: n.Side, Qty: n.Qty, Leaves: n.Qty,
				DisplayQty: n.DisplayQty, Price: n.Price, StopPrice: n.StopPrice, PegType: n.PegType, PegOffset: n.PegOffset,
				Type: n.Type, TimeInForce: n.TimeInForce, ExecInst: n.ExecInst, Contingency: n.Contingency,
				Status: exchange.PendingNew, Text: n.Text, Time: x.now,
			}})
	}
	x.reschedule()
	return reports
}

// travelling returns the new orders that were sent and have no report.
func (x *Exchange) travelling() iter.Seq[*command] {
	return func(yield func(*command) bool) {
		for i := x.commands.head; i < len(x.commands.buf); i++ {
			if c := &x.commands.buf[i]; c.kind == cmdSubmit && !yield(c) {
				return
			}
		}
		for i := range x.trouble.lost {
			if c := &x.trouble.lost[i].command; c.kind == cmdSubmit && !yield(c) {
				return
			}
		}
	}
}
