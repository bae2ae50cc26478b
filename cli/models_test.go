package cli_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports"
)

var update = flag.Bool("update", false, "rewrite the tables in docs")

const modelsDoc = "../docs/fill-models.md"

// The tables that show how much a result rests on the models are made by running
// them, so that they cannot grow old.
func TestFillModelsDocument(t *testing.T) {
	if racetest.Enabled {
		t.Skip("eighty runs over a recorded day, which the race detector makes ten times as slow")
	}
	catalog := t.TempDir()
	args := []string{"data", "import", "--catalog", catalog, "--clock-offset", "auto"}
	for _, kind := range []string{"book_ticker", "incremental_book_L2", "trades"} {
		args = append(args, shared(t, "tardis/binance-delivery_"+kind+"_2024-08-08_BTCUSD_PERP.csv.gz"))
	}
	mustBacktest(t, args...)
	text, err := os.ReadFile(modelsDoc)
	require.NoError(t, err)
	want := string(text)
	queues := []string{"front", "prob-power:3", "prob-power:3,compat", "prob-log", "prob-log2", "prob-power2:3", "prob-power3:3",
		"cancels:0.1/0.3/0.6", "risk-averse"}
	simple := []string{"0", "5ms", "50ms", "feed"}
	touch := "levels=1,spacing=1,skew=1,qty=10,limit=20"
	for name, table := range map[string]struct {
		params            string
		queues, latencies []string
	}{
		"at the touch": {touch, queues, simple},
		"behind it":    {"levels=3,spacing=10,skew=20,qty=10,limit=100", queues, simple},
		"other latencies": {touch, []string{"prob-power:3"}, []string{"5ms/50ms", "50ms/5ms", "lognormal:5ms:1", "lognormal:5ms:1:10s", "lognormal:50ms:1", "lognormal:50ms:1:10s", "load:5ms+10us/100ms",
			"recorded:" + trips(t)}},
	} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end -->\n"
		i := strings.Index(want, begin)
		require.Positive(t, i, begin)
		i += len(begin)
		n := strings.Index(want[i:], end)
		require.GreaterOrEqual(t, n, 0, begin)
		want = want[:i] + modelTable(t, catalog, table.params, table.queues, table.latencies) + want[i+n:]
	}
	if *update {
		require.NoError(t, os.WriteFile(modelsDoc, []byte(want), 0o644))
	}
	require.Equal(t, want, string(text), "make the tables again with: go test ./cli -run FillModelsDocument -update")
}

// trips writes a recording of round trips: 5 ms each way, with a minute in the middle
// in which the venue took ten times as long and rejected every fourth request.
func trips(t *testing.T) string {
	var b strings.Builder
	b.WriteString("request,exchange,response\n")
	start := time.Date(2024, 8, 8, 23, 54, 0, 0, time.UTC)
	for i := range 600 {
		at, took := start.Add(time.Duration(i)*time.Second), 5*time.Millisecond
		if i >= 240 && i < 300 {
			took *= 10
		}
		arrived := at.Add(took).UnixNano()
		if i >= 240 && i < 300 && i%4 == 0 {
			arrived = 0
		}
		fmt.Fprintf(&b, "%d,%d,%d\n", at.UnixNano(), arrived, at.Add(2*took).UnixNano())
	}
	name := filepath.Join(t.TempDir(), "trips.csv")
	require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o600))
	return name
}

func modelTable(t *testing.T, catalog, params string, queues, latencies []string) string {
	var b strings.Builder
	b.WriteString("| queue | latency | fills | maker | price PnL | fees | result |\n|---|---|---:|---:|---:|---:|---:|\n")
	for _, latency := range latencies {
		for _, queue := range queues {
			out := mustBacktest(t, "run", "--catalog", catalog, "--venue", "binance", "--symbol", "BTCUSD_PERP", "--balance", "1 BTC",
				"--strategy", "grid_maker", "--param", params, "--data", "book", "--json", "--no-report", "--queue", queue, "--latency", latency)
			var r reports.Result
			require.NoError(t, json.Unmarshal([]byte(out), &r))
			require.Positive(t, r.Counts.Fills)
			a := &r.Account
			coins := func(m exchange.Money) string { return fmt.Sprintf("%+.6f", m.Decimal(8).InexactFloat64()) }
			latency, _, _ = strings.Cut(latency, ":/") // of a recording, not where it is
			fmt.Fprintf(&b, "| `%s` | %s | %d | %.1f %% | %s | %s | %s |\n", queue, latency, r.Counts.Fills,
				100*float64(r.Counts.MakerFills)/float64(r.Counts.Fills), coins(a.RealisedPnL+a.UnrealisedPnL), coins(-a.Fees),
				coins(a.EndEquity-a.StartBalance))
		}
	}
	return b.String()
}
