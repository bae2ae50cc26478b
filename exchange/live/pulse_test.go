package live

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A pause shows in one of the clocks or in both, and is not forgotten.
func TestPulse(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		mono, wall []time.Duration // of the beats
		want       string          // of the last; empty: there was no pause
	}{
		"runs":                  {[]time.Duration{s, 2 * s, 4 * s}, []time.Duration{s, 2 * s, 4 * s}, ""},
		"just not too long":     {[]time.Duration{s, 6 * s}, []time.Duration{s, 6 * s}, ""},
		"stopped":               {[]time.Duration{s, 41 * s, 42 * s}, []time.Duration{s, 41 * s, 42 * s}, "for 40s"},
		"the machine sleeps":    {[]time.Duration{s, 2 * s}, []time.Duration{s, 3602 * s}, "set by 1h0m0s"},
		"the clock is put back": {[]time.Duration{s, 2 * s}, []time.Duration{s, -58 * s}, "set by -1m0s"},
		"the clock creeps":      {[]time.Duration{s, 2 * s, 3 * s}, []time.Duration{s, 5 * s, 9 * s}, ""},
		"it is not forgotten": {[]time.Duration{40 * s, 41 * s, 42 * s}, []time.Duration{40 * s, 41 * s, 42 * s},
			"for 40s"},
		"the clock goes, stopped": {[]time.Duration{40 * s}, []time.Duration{s}, "for 40s"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPulse(5*s, time.Now())
			var err error
			for i := range c.mono {
				err = p.step(c.mono[i], c.wall[i])
			}
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrPaused)
			require.ErrorContains(t, err, c.want)
		})
	}
	p := newPulse(0, time.Now())
	require.NoError(t, p.step(time.Hour, 2*time.Hour), "every pause is tolerated")
}
