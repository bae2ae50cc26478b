package sim

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/exchangetest"
)

// set gives every field below a value something that is not zero.
func set(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			set(v.Field(i))
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(1)
	default:
		panic("a report has a field of kind " + v.Kind().String())
	}
}

// What earlier reports left in the owner's slice does not shine through, whatever they
// told and the new ones tell.
func TestReportsBeginEmpty(t *testing.T) {
	const last = exchange.ReportReject
	for was := exchange.ReportKind(0); was <= last+1; was++ {
		for kind := exchange.ReportOrder; kind <= last; kind++ {
			used := make([]exchange.Report, 3)
			for i := range used {
				set(reflect.ValueOf(&used[i]).Elem())
				used[i].Kind = was
				if 0 < was && was <= last {
					used[i] = exchangetest.OfKind(&used[i])
				}
			}
			q := reportQueue{last: 5}
			q.begin(used[:1], 5)
			for n := range 3 { // the last one beyond what the slice holds
				r := q.add(kind)
				r.Kind, r.ExecType, r.Symbol, r.Time, r.Arrival = kind, 0, 0, 0, 0
				if kind <= exchange.ReportFill {
					r.Order = exchange.Order{}
				}
				require.Equal(t, exchange.Report{Kind: kind}, *r, "%d after %d, report %d", kind, was, n)
			}
			require.Len(t, q.end(), 4)
		}
	}
}

// Reports come out in order, those that have waited before those that need not.
func TestReportsWaitInOrder(t *testing.T) {
	n := newNames()
	q := reportQueue{names: &n}
	a := n.claim("a")
	add := func(arrival exchange.Time, text string) {
		q.last = arrival
		r := q.add(exchange.ReportFunding)
		r.Arrival, r.Reject.Reason = arrival, text
	}
	heard := func(now exchange.Time, f func()) (texts []string) {
		q.begin(nil, now)
		f()
		for _, r := range q.end() {
			texts = append(texts, r.Reject.Reason)
		}
		return texts
	}
	add(5, "one")
	q.release(a)
	require.Equal(t, exchange.Time(5), q.arrival())
	require.Nil(t, n.claim("a"), "nobody has heard of its end")
	require.Equal(t, []string{"one", "two"}, heard(6, func() { add(6, "two"); add(7, "three") }))
	require.NotNil(t, n.claim("a"))
	require.Equal(t, []string{"three", "four"}, heard(7, func() { add(7, "four"); q.release(a) }))
	require.NotNil(t, n.claim("a"))
	require.Empty(t, heard(8, func() {}))
	require.Equal(t, exchange.Never, q.arrival())
}
