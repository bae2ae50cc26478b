package live

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what a client counts, as Prometheus sees it.
type Metrics struct {
	requests   *prometheus.CounterVec
	latency    *prometheus.HistogramVec
	repeats    prometheus.Counter
	breaker    prometheus.Gauge
	headroom   *prometheus.GaugeVec
	reconnects prometheus.Counter
	frames     prometheus.Counter
	heard      *prometheus.GaugeVec
	skew       prometheus.Gauge
	// Orders counts commands by what they came to: placed, amended, canceled,
	// rejected, unknown.
	Orders *prometheus.CounterVec
	// Commands is the time from giving a command to knowing what it came to, in
	// seconds: the wait for a rate limit, repeats and lookups included.
	Commands *prometheus.HistogramVec
	// Lag is how long the newest message of market data took from the venue's clock to
	// ours, in seconds.
	Lag prometheus.Gauge
	// Differences counts what a client believed of an account and the venue did not.
	Differences prometheus.Counter
	// Gaps counts the times when messages were missed.
	Gaps prometheus.Counter
	// Refused counts rows with values out of bounds, which were not used, by stream: market,
	// account.
	Refused *prometheus.CounterVec
}

// NewMetrics registers the metrics of a venue's client. A nil registerer is none.
func NewMetrics(r prometheus.Registerer, venue string) *Metrics {
	labels := prometheus.Labels{"venue": venue}
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dunamis_requests_total", Help: "Requests by verb, path and status; status 0 is no answer.",
			ConstLabels: labels}, []string{"verb", "path", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "dunamis_request_seconds", Help: "Time from sending a request to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15), ConstLabels: labels}, []string{"verb", "path"}),
		repeats: prometheus.NewCounter(prometheus.CounterOpts{Name: "dunamis_request_repeats_total", Help: "Requests sent again.", ConstLabels: labels}),
		breaker: prometheus.NewGauge(prometheus.GaugeOpts{Name: "dunamis_breaker_open", Help: "1 while the circuit breaker holds requests back.", ConstLabels: labels}),
		headroom: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "dunamis_rate_limit_remaining", Help: "Requests that the venue's limits leave, by their window.",
			ConstLabels: labels}, []string{"window"}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{Name: "dunamis_stream_reconnects_total", Help: "Times that a socket was connected again.", ConstLabels: labels}),
		frames:     prometheus.NewCounter(prometheus.CounterOpts{Name: "dunamis_stream_frames_total", Help: "Frames received.", ConstLabels: labels}),
		heard: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "dunamis_stream_last_frame_timestamp_seconds",
			Help: "When a stream was last heard; time() less this is how stale it is.", ConstLabels: labels}, []string{"stream"}),
		skew: prometheus.NewGauge(prometheus.GaugeOpts{Name: "dunamis_clock_skew_seconds", Help: "The venue's clock less ours.", ConstLabels: labels}),
		Commands: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "dunamis_command_seconds", Help: "Time from giving a command to knowing what it came to.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 18), ConstLabels: labels}, []string{"command"}),
		Lag: prometheus.NewGauge(prometheus.GaugeOpts{Name: "dunamis_stream_lag_seconds", Help: "Age of the newest market data when it came.", ConstLabels: labels}),
		Orders: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dunamis_orders_total", Help: "Commands by what they came to.", ConstLabels: labels},
			[]string{"outcome"}),
		Differences: prometheus.NewCounter(prometheus.CounterOpts{Name: "dunamis_account_differences_total",
			Help: "Orders and positions that were not what the client believed.", ConstLabels: labels}),
		Refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dunamis_rows_refused_total",
			Help:        "Rows with values out of bounds, which were not used.",
			ConstLabels: labels}, []string{"stream"}),
		Gaps: prometheus.NewCounter(prometheus.CounterOpts{Name: "dunamis_stream_gaps_total", Help: "Times that messages were missed.", ConstLabels: labels}),
	}
	if r != nil {
		r.MustRegister(m.requests, m.latency, m.repeats, m.breaker, m.headroom, m.reconnects, m.frames, m.heard, m.skew, m.Orders,
			m.Commands, m.Lag, m.Gaps, m.Differences, m.Refused)
	}
	return m
}

func (m *Metrics) answered(c *Call, status string, took time.Duration) {
	m.requests.WithLabelValues(c.Verb, c.Name, status).Inc()
	m.latency.WithLabelValues(c.Verb, c.Name).Observe(took.Seconds())
}
