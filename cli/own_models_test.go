package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/strategies"
)

// lastInLine never lets an order forward but by trades, and doubles the queue.
type lastInLine struct{ times int64 }

func (m lastInLine) Join(shown exchange.Qty) int64    { return m.times * int64(shown) * sim.QueueUnit }
func (m lastInLine) Change(c sim.LevelChange) int64   { return c.Front }
func (m lastInLine) String() string                   { return "last-in-line" }
func readLastInLine(p string) (sim.QueueModel, error) { return readTimes(p) }
func readTimes(p string) (m lastInLine, err error) {
	if p != "2" {
		return m, errors.New("want last-in-line:2")
	}
	return lastInLine{2}, nil
}

// A binary adds models, and they stand in the manifest under the names they give
// themselves.
func TestModelsOfABinary(t *testing.T) {
	racetest.Skip(t)
	dir := t.TempDir()
	demo := func(args ...string) (string, int) {
		var out, errs bytes.Buffer
		app := &cli.App{Args: append([]string{"demo", "--json"}, args...), Stdout: &out, Stderr: &errs, Strategies: strategies.All(), Now: time.Now}
		cli.WithQueue("last-in-line", readLastInLine)(app)
		cli.WithLatency("slow", func(string) (sim.Latency, error) { return sim.ConstantLatency{ToExchange: time.Second}, nil })(app)
		code := app.Run(t.Context())
		return errs.String(), code
	}
	out := filepath.Join(dir, "run")
	said, code := demo("--queue", "last-in-line:2", "--latency", "slow", "--out", out)
	require.Zero(t, code, said)
	manifest, err := os.ReadFile(filepath.Join(out, "manifest.json"))
	require.NoError(t, err)
	var m struct {
		Models []struct{ Name, Value string }
	}
	require.NoError(t, json.Unmarshal(manifest, &m))
	choices := map[string]string{}
	for _, model := range m.Models {
		choices[model.Name] = model.Value
	}
	require.Equal(t, "last-in-line", choices["queue"])
	require.Equal(t, "1s/0s", choices["latency"])
	said, code = demo("--queue", "last-in-line:3", "--no-report")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, said, "want last-in-line:2")
	said, _ = demo("--queue", "first-in-line", "--no-report")
	require.Contains(t, said, "or of this program last-in-line")
}
