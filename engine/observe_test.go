package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Whatever the interval is, every day ends with a sample, and the first one is taken
// when the first price is known.
func TestSamplesAtMidnight(t *testing.T) {
	const hour = time.Hour
	for name, tt := range map[string]struct {
		every time.Duration
		want  []string
	}{
		"none":     {0, []string{"22h59m30s sample", "49h0m0s sample"}},
		"a day":    {24 * hour, []string{"22h59m30s sample", "24h0m0s sample", "48h0m0s sample", "49h0m0s sample"}},
		"two days": {48 * hour, []string{"22h59m30s sample", "24h0m0s sample", "48h0m0s sample", "49h0m0s sample"}},
		"a week":   {168 * hour, []string{"22h59m30s sample", "24h0m0s sample", "48h0m0s sample", "49h0m0s sample"}},
		// Multiples count since 1970, so that the first midnight is none of them.
		"seven hours": {7 * hour, []string{"22h59m30s sample", "24h0m0s sample", "27h0m0s sample", "34h0m0s sample",
			"41h0m0s sample",
			"48h0m0s sample", "49h0m0s sample"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, trade(23*hour-30*time.Second, 1, 1), trade(24*hour, 2, 1), trade(49*hour, 3, 1))
			r.config.Observer, r.config.SampleEvery = &ledger{journal: &r.journal}, tt.every
			require.Equal(t, tt.want, r.heard(t, "sample"))
		})
	}
}

// curious is an observer that waits for a price.
type curious struct {
	ledger

	ready int // the instant at which it knows enough, from 1
}

func (c *curious) Priced(t exchange.Time) bool {
	c.add(t, "priced")
	c.ready--
	return c.ready <= 0
}

func TestObserverWaitsForAPrice(t *testing.T) {
	r := newRun(t, trade(0, 1, 1), trade(time.Second, 2, 1), trade(2*time.Second, 3, 1))
	r.config.Observer = &curious{ledger: ledger{journal: &r.journal}, ready: 2}
	require.Equal(t, []string{"0s priced", "0s sample", "1s priced", "2s sample"}, r.heard(t, "priced", "sample"))
}
