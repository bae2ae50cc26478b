package gateway

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a gateway counts, as Prometheus sees it.
type metrics struct {
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	sockets  prometheus.Gauge
	accounts prometheus.Gauge
	slow     prometheus.Counter
	refused  prometheus.Counter
	events   prometheus.Counter
}

// newMetrics registers the metrics; a nil registerer is none.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dunamis_gateway_requests_total", Help: "Requests by endpoint and status."},
			[]string{"endpoint", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "dunamis_gateway_request_seconds", Help: "Time from a request to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16)}, []string{"endpoint"}),
		sockets:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "dunamis_gateway_sockets", Help: "WebSockets that are connected."}),
		accounts: prometheus.NewGauge(prometheus.GaugeOpts{Name: "dunamis_gateway_accounts", Help: "Accounts that are open."}),
		slow:     prometheus.NewCounter(prometheus.CounterOpts{Name: "dunamis_gateway_slow_sockets_total", Help: "WebSockets that were cut off for not reading."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "dunamis_gateway_refused_sockets_total",
			Help: "WebSockets that were refused: too many were open."}),
		events: prometheus.NewCounter(prometheus.CounterOpts{Name: "dunamis_gateway_refused_events_total",
			Help: "Events of the market that were out of bounds and became gaps."}),
	}
	if r != nil {
		r.MustRegister(m.requests, m.latency, m.sockets, m.accounts, m.slow, m.refused, m.events)
	}
	return m
}

func (m *metrics) answered(endpoint string, status int, began time.Time) {
	m.requests.WithLabelValues(endpoint, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(endpoint).Observe(time.Since(began).Seconds())
}
