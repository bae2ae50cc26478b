package bitmex

import (
	"log/slog"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/secret"
)

// What a configuration leaves out has its default, and what it says is kept.
func TestConfigDefaults(t *testing.T) {
	policy := live.DefaultPolicy()
	policy.Timeout = time.Second
	log, metrics := slog.New(slog.DiscardHandler), live.NewMetrics(nil, "x")
	for _, c := range []struct{ given, want Config }{
		{Config{URL: "http://127.0.0.1:8090/"}, Config{URL: "http://127.0.0.1:8090",
			StreamURL: "ws://127.0.0.1:8090/realtime", Expires: 10 * time.Second, Policy: live.DefaultPolicy()}},
		{Config{URL: "https://venue.example", Expires: time.Hour, Policy: policy, Log: log, Metrics: metrics}, Config{
			URL: "https://venue.example", StreamURL: "wss://venue.example/realtime", Expires: time.Hour, Policy: policy,
			Log: log, Metrics: metrics}},
		{Config{URL: "https://venue.example", StreamURL: "wss://stream.example/x", Key: "k", Secret: secret.New("s")}, Config{
			URL: "https://venue.example", StreamURL: "wss://stream.example/x", Expires: 10 * time.Second,
			Policy: live.DefaultPolicy(), Key: "k", Secret: secret.New("s")}},
	} {
		got := c.given
		require.NoError(t, got.complete())
		require.NotNil(t, got.Log)
		require.NotNil(t, got.Metrics)
		if c.want.Log == nil {
			got.Log, got.Metrics = nil, nil
		}
		require.Equal(t, c.want, got)
	}
	bad := live.DefaultPolicy()
	bad.Lookups = 0
	for want, c := range map[string]Config{
		"URL is needed":                  {},
		`URL "venue.example": want http`: {URL: "venue.example"},
		`URL "ftp://a": want http`:       {URL: "ftp://a"},
		`URL "http://": want http`:       {URL: "http://"},
		`URL "http://%": want http`:      {URL: "http://%"},
		"a key needs its secret":         {URL: "http://a", Key: "k"},
		"and a secret its key":           {URL: "http://a", Secret: secret.New("s")},
		"lookups must be positive":       {URL: "http://a", Policy: bad},
	} {
		require.ErrorContains(t, c.complete(), want)
	}
}

// A signature expires as long after now as the configuration says.
func TestSignatureExpires(t *testing.T) {
	for _, after := range []time.Duration{0, time.Minute, time.Hour} {
		c, err := NewClient(Config{URL: "http://127.0.0.1:1", Key: "k", Secret: secret.New("s"), Expires: after})
		require.NoError(t, err)
		t.Cleanup(c.Close)
		if after == 0 {
			after = 10 * time.Second
		}
		h, began := http.Header{}, time.Now()
		c.sign(h, http.MethodGet, "/api/v1/order", nil)
		at, err := strconv.ParseInt(h.Get("api-expires"), 10, 64)
		require.NoError(t, err)
		require.GreaterOrEqual(t, at, began.Add(after).Unix())
		require.LessOrEqual(t, at, time.Now().Add(after).Unix())
		require.Equal(t, "k", h.Get("api-key"))
		require.Equal(t, c.signer.Sign(http.MethodGet, "/api/v1/order", at, nil), h.Get("api-signature"))
	}
}
