package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// reportQueue holds reports on their way to the strategy, in order of arrival.
//
// Most need not wait: what is made while the owner is asking and has arrived at once
// is written into the slice that the owner gave. That is where open is.
type reportQueue struct {
	buf  []queuedReport
	head int
	last exchange.Time // arrival of the newest report
	made exchange.Time // when it was made

	names *names

	open  bool
	until exchange.Time     // the owner's time
	out   []exchange.Report // the owner's slice
}

type queuedReport struct {
	exchange.Report
	release *clientName // free for new orders once this has arrived
}

func (q *reportQueue) arrival() exchange.Time {
	if q.head == len(q.buf) {
		return exchange.Never
	}
	return q.buf[q.head].Arrival
}

// begin lets reports that arrive by now go to a slice, first those that have waited.
func (q *reportQueue) begin(dst []exchange.Report, now exchange.Time) {
	if q.head < len(q.buf) {
		dst = q.deliver(dst, now)
	}
	q.out, q.until, q.open = dst, now, true
}

// end returns the slice.
func (q *reportQueue) end() []exchange.Report {
	out := q.out
	q.out, q.open = nil, false
	return out
}

// add returns a zero report to fill in, valid until the next one. Of the order of one
// that tells of an order the caller fills in all.
func (q *reportQueue) add(kind exchange.ReportKind) *exchange.Report {
	if q.direct() {
		return q.addOut(kind)
	}
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
	return &q.buf[len(q.buf)-1].Report
}

// direct reports whether the newest report goes straight to the owner. Reports
// arrive in order, so then nothing is waiting.
func (q *reportQueue) direct() bool { return q.open && q.last <= q.until }

func (q *reportQueue) addOut(kind exchange.ReportKind) *exchange.Report {
	n := len(q.out)
	if n == cap(q.out) {
		q.out = append(q.out, exchange.Report{})
	} else {
		q.out = q.out[:n+1]
		empty(&q.out[n], kind)
	}
	return &q.out[n]
}

// empty makes a report the zero one, but for what is written in any case. Only the parts
// that its kind names hold anything, which is why it need not write all of it.
func empty(r *exchange.Report, kind exchange.ReportKind) {
	r.ExecID = ""
	switch r.Kind {
	case exchange.ReportOrder:
	case exchange.ReportFill:
		r.Fill = exchange.Fill{}
	case exchange.ReportPosition:
		r.Position = exchange.Position{}
	case exchange.ReportMargin:
		r.Margin = exchange.Margin{}
	case exchange.ReportFunding:
		r.Funding = exchange.FundingPayment{}
	case exchange.ReportReject:
		r.Reject = exchange.Reject{}
	default:
		*r = exchange.Report{}
	}
	if kind != exchange.ReportOrder && kind != exchange.ReportFill {
		r.Order = exchange.Order{}
	}
}

// release frees an id for new orders once the newest report has arrived.
func (q *reportQueue) release(c *clientName) {
	if q.direct() {
		q.names.release(c)
		return
	}
	q.buf[len(q.buf)-1].release = c
}

// deliver appends what has arrived by now.
func (q *reportQueue) deliver(dst []exchange.Report, now exchange.Time) []exchange.Report {
	for q.head < len(q.buf) && q.buf[q.head].Arrival <= now {
		r := &q.buf[q.head]
		q.head++
		dst = append(dst, r.Report)
		if r.release != nil {
			q.names.release(r.release)
		}
	}
	if q.head == len(q.buf) {
		q.buf, q.head = q.buf[:0], 0
	}
	return dst
}
