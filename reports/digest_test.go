package reports

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// digestOf is the digest of a run that hears one report.
func digestOf(t *testing.T, rep exchange.Report) string {
	t.Helper()
	d := newDigest()
	o := testOptions(t, &model{}, 1000)
	d.run(&o)
	switch rep.Kind {
	case exchange.ReportOrder:
		d.order("XBTUSD", rep.ExecType, rep.Arrival, &rep.Order)
	case exchange.ReportFill:
		d.fill("XBTUSD", rep.Arrival, &rep.Fill, &rep.Order)
	case exchange.ReportFunding:
		d.funding("XBTUSD", rep.Arrival, &rep.Funding)
	case exchange.ReportReject:
		d.reject("XBTUSD", rep.Arrival, &rep.Reject)
	}
	return d.sum(&Balance{})
}

// TestDigestSeesEveryField changes each field of each payload in turn. A field
// that is added to the vocabulary and forgotten in the digest fails here.
func TestDigestSeesEveryField(t *testing.T) {
	for kind, payloads := range map[exchange.ReportKind][]func(*exchange.Report) any{
		exchange.ReportOrder:   {func(r *exchange.Report) any { return &r.Order }},
		exchange.ReportFill:    {func(r *exchange.Report) any { return &r.Fill }, func(r *exchange.Report) any { return &r.Order }},
		exchange.ReportFunding: {func(r *exchange.Report) any { return &r.Funding }},
		exchange.ReportReject:  {func(r *exchange.Report) any { return &r.Reject }},
	} {
		base := digestOf(t, exchange.Report{Kind: kind})
		require.Equal(t, base, digestOf(t, exchange.Report{Kind: kind}))
		require.NotEqual(t, base, digestOf(t, exchange.Report{Kind: kind, Arrival: 1}))
		for _, payload := range payloads {
			n := reflect.TypeOf(payload(new(exchange.Report))).Elem().NumField()
			for i := range n {
				rep := exchange.Report{Kind: kind}
				v := reflect.ValueOf(payload(&rep)).Elem()
				if v.Type().Field(i).Name == "Symbol" {
					continue // by name, with the report
				}
				change(t, v.Field(i))
				require.NotEqual(t, base, digestOf(t, rep), "%s.%s", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
}

func change(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64, reflect.Int:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(1)
	default:
		t.Fatalf("a field of kind %s", v.Kind())
	}
}

func TestDigestOfRuns(t *testing.T) {
	base := scripted(t, "").finish().Digest
	require.Regexp(t, "^sha256:[0-9a-f]{64}$", base)
	require.Equal(t, base, scripted(t, t.TempDir()).finish().Digest, "with and without files")

	for name, change := range map[string]func(m *model){
		"a sample more":     func(m *model) { m.sample() },
		"another mark":      func(m *model) { m.mark(0, "7051"); m.sample() },
		"an order more":     func(m *model) { m.order(exchange.Order{OrderID: "z", Symbol: m.symbols[0]}, exchange.ExecNew) },
		"a payment of zero": func(m *model) { m.funding(0, "0") },
	} {
		m := scripted(t, "")
		change(m)
		require.NotEqual(t, base, m.finish().Digest, name)
	}
	// Texts cannot run into each other.
	a, b := newDigest(), newDigest()
	a.text("ab")
	a.text("c")
	b.text("a")
	b.text("bc")
	require.NotEqual(t, a.sum(&Balance{}), b.sum(&Balance{}))
}
