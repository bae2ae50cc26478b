package dashboard

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
)

// metrics are the Prometheus metrics of a session. Money is in the major unit of the
// settlement currency: metrics are for looking at, not for accounts.
type metrics struct {
	registry  *prometheus.Registry
	names     map[exchange.SymbolID]string
	unit      float64
	events    *prometheus.CounterVec
	orders    *prometheus.CounterVec
	fills     *prometheus.CounterVec
	rejects   prometheus.Counter
	step      prometheus.Histogram
	write     prometheus.Histogram
	equity    prometheus.Gauge
	wallet    prometheus.Gauge
	margin    prometheus.Gauge
	drawdown  prometheus.Gauge
	tripped   prometheus.Gauge
	gaps      prometheus.Gauge
	positions *prometheus.GaugeVec
	peak      exchange.Money
}

func newMetrics(c Config) *metrics {
	labels := prometheus.Labels{"session": c.Name}
	counter := func(name, help string, by ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "dunamis", Subsystem: "session", Name: name, Help: help, ConstLabels: labels}, by)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "dunamis", Subsystem: "session", Name: name, Help: help, ConstLabels: labels})
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "dunamis", Subsystem: "session", Name: name, Help: help, ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(1e-6, 2, 22)})
	}
	m := &metrics{registry: c.Registry, names: map[exchange.SymbolID]string{}, unit: math.Pow10(c.Currency.Scale),
		events:   counter("events_total", "Market events heard, by kind.", "kind"),
		orders:   counter("order_reports_total", "Reports of orders, by what happened.", "symbol", "what"),
		fills:    counter("fills_total", "Fills, by side and liquidity.", "symbol", "side", "liquidity"),
		step:     histogram("step_seconds", "From handing a batch of events to the engine until it had dealt with it."),
		write:    histogram("write_seconds", "Time to commit a transaction."),
		equity:   gauge("equity", "Wallet and unrealised profit."),
		wallet:   gauge("wallet", "Wallet balance."),
		margin:   gauge("margin_ratio", "Share of the equity that margin is held for."),
		drawdown: gauge("drawdown_ratio", "Share of this run's highest equity that is lost."),
		tripped:  gauge("tripped", "1 while the kill switch or a limit of the risk guard has stopped new orders."),
		gaps:     gauge("gaps", "Gaps in what the session heard."),
		positions: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "dunamis", Subsystem: "session", Name: "position_contracts", Help: "Signed position.",
			ConstLabels: labels}, []string{"symbol"}),
	}
	rejects := counter("refused_commands_total", "Commands that the exchange refused.")
	m.rejects = rejects.WithLabelValues()
	m.registry.MustRegister(m.events, m.orders, m.fills, rejects, m.step, m.write, m.equity, m.wallet, m.margin, m.drawdown, m.tripped, m.gaps, m.positions)
	for _, i := range c.Symbols {
		m.names[i.ID] = i.Symbol
	}
	return m
}

func (m *metrics) committed(c *session.Commit) {
	for i := range c.Events {
		m.events.WithLabelValues(c.Events[i].Kind.String()).Inc()
	}
	for i := range c.Reports {
		r := &c.Reports[i]
		switch r.Kind {
		case exchange.ReportOrder:
			m.orders.WithLabelValues(m.names[r.Symbol], r.ExecType.String()).Inc()
		case exchange.ReportFill:
			m.fills.WithLabelValues(m.names[r.Symbol], r.Fill.Side.String(), r.Fill.Liquidity.String()).Inc()
		case exchange.ReportReject:
			m.rejects.Inc()
		}
	}
	if len(c.Events) > 0 {
		m.step.Observe(c.Step.Seconds())
	}
	m.write.Observe(c.Write.Seconds())
	a := &c.State.Margin
	m.equity.Set(float64(a.Balance) / m.unit)
	m.wallet.Set(float64(a.Wallet) / m.unit)
	m.peak = max(m.peak, a.Balance)
	if m.peak > 0 {
		m.drawdown.Set(float64(m.peak-a.Balance) / float64(m.peak))
	}
	if a.Balance > 0 {
		m.margin.Set(float64(a.InitMargin+a.MaintMargin) / float64(a.Balance))
	}
	m.tripped.Set(0)
	if c.State.Tripped != "" {
		m.tripped.Set(1)
	}
	m.gaps.Set(float64(c.State.GapCount))
	for i := range c.State.Positions {
		p := &c.State.Positions[i]
		m.positions.WithLabelValues(m.names[p.Symbol]).Set(float64(p.Qty))
	}
}
