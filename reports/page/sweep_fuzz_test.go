package page

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/reports/sweeps"
)

// FuzzSweep reads a sweep.json that anything may have written: no panic, and what was
// read can be shown, drawn and written again.
func FuzzSweep(f *testing.F) {
	for _, seed := range []string{
		`{"schema":"dunamis.sweep/1","search":{"objective":"luck"}}`,
		`{"schema":"dunamis.sweep/1","config":{},"account":{"start_balance":1},"search":{"objective":"sharpe"}}`,
		`{"schema":"dunamis.sweep/1","config":{},"account":{"start_balance":1,"currency_scale":2},"search":{"objective":"fees","where":["fills>0"]},` +
			`"axes":[{"name":"a","values":["1"]}],"runs":[{"n":1,"params":{"a":"1"},"sharpe":1e308},{"n":2,"params":{"a":"x"},"status":"failed","error":"e"}],"best":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := sweeps.Parse(b)
		if err != nil {
			return
		}
		_ = s.Text(10)
		_ = SweepFigures(s)
		require.NoError(t, renderSweep(io.Discard, s, nil))
		_, err = json.Marshal(s)
		require.NoError(t, err)
	})
}
