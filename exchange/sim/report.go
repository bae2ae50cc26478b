package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// systemOrder is the order id of executions that no order caused.
const systemOrder exchange.OrderID = "00000000-0000-0000-0000-000000000000"

// reportQueue holds reports on their way to the strategy, in order of arrival.
type reportQueue struct {
	buf  []queuedReport
	head int
	last exchange.Time // arrival of the newest report
	made exchange.Time // when it was made
}

type queuedReport struct {
	exchange.Report
	release exchange.ClientID // free for new orders once this has arrived
}

func (q *reportQueue) arrival() exchange.Time {
	if q.head == len(q.buf) {
		return exchange.Never
	}
	return q.buf[q.head].Arrival
}

// add returns a zero report to fill in.
func (q *reportQueue) add() *queuedReport {
	if q.head > 64 && q.head > len(q.buf)/2 {
		n := copy(q.buf, q.buf[q.head:])
		clear(q.buf[n:])
		q.buf, q.head = q.buf[:n], 0
	}
	if len(q.buf) < cap(q.buf) {
		q.buf = q.buf[:len(q.buf)+1]
		q.buf[len(q.buf)-1] = queuedReport{}
	} else {
		q.buf = append(q.buf, queuedReport{})
	}
	return &q.buf[len(q.buf)-1]
}

// deliver appends what has arrived by now.
func (q *reportQueue) deliver(dst []exchange.Report, now exchange.Time, known map[exchange.ClientID]struct{}) []exchange.Report {
	for q.head < len(q.buf) && q.buf[q.head].Arrival <= now {
		r := &q.buf[q.head]
		q.head++
		dst = append(dst, r.Report)
		if r.release != "" {
			delete(known, r.release)
		}
	}
	if q.head == len(q.buf) {
		q.buf, q.head = q.buf[:0], 0
	}
	return dst
}

// report starts a report that the exchange makes at this instant. Everything
// that it says of a symbol at one instant is one message with one latency.
func (x *Exchange) report(s *symbol, kind exchange.ReportKind, exec exchange.ExecType) *queuedReport {
	if x.reports.made != x.at {
		x.reports.made = x.at
		x.reports.last = max(x.reports.last, x.at.Add(s.latency.Response(x.at)))
	}
	r := x.reports.add()
	r.Kind, r.ExecType, r.Symbol = kind, exec, s.id
	r.Time, r.Arrival = x.at, x.reports.last
	return r
}

func (x *Exchange) reportOrder(o *order, exec exchange.ExecType) {
	o.Time = x.at
	r := x.report(o.s, exchange.ReportOrder, exec)
	r.Order = o.Order
	if o.Status.Final() {
		r.release = o.ClientID
	}
}

func (x *Exchange) reportFill(o *order, f *exchange.Fill) {
	o.Time = x.at
	r := x.report(o.s, exchange.ReportFill, f.Type)
	r.Fill, r.Order = *f, o.Order
	if o.Status.Final() {
		r.release = o.ClientID
	}
}

// reportAccount tells the position of a symbol and the margin of the account.
func (x *Exchange) reportAccount(s *symbol) {
	x.revalue(x.at)
	r := x.report(s, exchange.ReportPosition, exchange.NoExecType)
	r.Position = x.account.Position(s.id)
	r.Position.Time = x.at
	s.liquidation = r.Position.LiquidationPrice
	x.reportMargin(s)
}

func (x *Exchange) reportMargin(s *symbol) {
	x.report(s, exchange.ReportMargin, exchange.NoExecType).Margin = x.account.Margin(x.at)
}

func (x *Exchange) reportReject(s *symbol, command string, id exchange.OrderID, client exchange.ClientID, reason string) *queuedReport {
	x.stats.Refused++
	r := x.report(s, exchange.ReportReject, exchange.NoExecType)
	r.Reject = exchange.Reject{Command: command, OrderID: id, ClientID: client, Reason: reason, Time: x.at}
	return r
}

// Drain appends every report that has been made, whether it has arrived or not.
// It is for the end of a run, when an observer adds up the account as it is at
// the exchange.
func (x *Exchange) Drain(reports []exchange.Report) []exchange.Report {
	reports = x.reports.deliver(reports, exchange.Never, x.known)
	x.reschedule()
	return reports
}
