package cli_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports"
)

// shown finds the figures of a page that name their place in result.json.
var shown = regexp.MustCompile(`data-key="([a-z_.\-]+)"[^>]*>([^<]*)<`)

func demoPage(t *testing.T) (dir, page string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run")
	out := mustBacktest(t, "demo", "--param", "bars=1h,fast=10,slow=40", "--out", dir) // with more than a page of fills
	require.Regexp(t, `equity in XBT   [▁-█]{60}\n +equity in USD   [▁-█]{60}\n`, out)
	text, err := os.ReadFile(filepath.Join(dir, reports.PageFile))
	require.NoError(t, err)
	return dir, string(text)
}

// requireFigures compares every figure of a page with result.json.
func requireFigures(t *testing.T, dir, page string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, reports.ResultFile))
	require.NoError(t, err)
	var result map[string]any
	require.NoError(t, json.Unmarshal(text, &result))
	account := result["account"].(map[string]any) //nolint:errcheck // a wrong type fails the test
	scale := account["currency_scale"].(float64)  //nolint:errcheck // the same
	found := shown.FindAllStringSubmatch(page, -1)
	require.Greater(t, len(found), 25)
	for _, m := range found {
		var value any = result
		for _, name := range strings.Split(m[1], ".") {
			value = value.(map[string]any)[name] //nolint:errcheck // the same
		}
		have := html.UnescapeString(m[2])
		if value == nil {
			require.Equal(t, "–", have, m[1]) // not every figure is defined
			continue
		}
		number, isNumber := value.(float64)
		switch {
		case !isNumber:
			require.Equal(t, value, have, m[1])
		case strings.HasSuffix(have, " %"):
			require.Equal(t, fmt.Sprintf("%.2f %%", 100*number), have, m[1])
		case strings.HasPrefix(m[1], "account."):
			require.Equal(t, strconv.FormatFloat(number/pow10(scale), 'f', int(scale), 64)+" XBT", have, m[1])
		case strings.HasPrefix(m[1], "counts."):
			require.Equal(t, strconv.FormatFloat(number, 'f', 0, 64), have, m[1])
		default:
			require.Equal(t, fmt.Sprintf("%.2f", number), have, m[1])
		}
	}
}

// told finds the figures that name their place in statistics.json.
var told = regexp.MustCompile(`data-stat="([a-z_.0-9]+)"[^>]*>([^<]*)<`)

// Every figure of the page is the one of statistics.json, as far as it is shown.
func requireStatistics(t *testing.T, dir, page string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, reports.StatisticsFile))
	require.NoError(t, err)
	var all map[string]any
	require.NoError(t, json.Unmarshal(text, &all))
	found := told.FindAllStringSubmatch(page, -1)
	require.Greater(t, len(found), 120)
	for _, m := range found {
		var value any = all
		for _, name := range strings.Split(m[1], ".") {
			if i, err := strconv.Atoi(name); err == nil {
				value = value.([]any)[i] //nolint:errcheck // a wrong type fails the test
				continue
			}
			fields := value.(map[string]any) //nolint:errcheck // the same
			require.Contains(t, fields, name, m[1])
			value = fields[name]
		}
		have := html.UnescapeString(m[2])
		if value == nil {
			require.Equal(t, "–", have, m[1])
			continue
		}
		number := value.(float64) //nolint:errcheck // the same
		if d, err := time.ParseDuration(have); err == nil && strings.HasSuffix(m[1], "_seconds") {
			require.InDelta(t, number, d.Seconds(), 0.5, m[1])
			continue
		}
		shown, unit, _ := strings.Cut(have, " ")
		switch unit {
		case "%":
			number *= 100
		case "XBT":
			number /= 1e8
		case "days":
			number /= 86400
		}
		digits := 0
		if _, after, ok := strings.Cut(shown, "."); ok {
			digits = len(after)
		}
		v, err := strconv.ParseFloat(shown, 64)
		require.NoError(t, err, m[1])
		require.InDelta(t, number, v, 0.5001/pow10(float64(digits)), m[1])
	}
}

func pow10(n float64) float64 {
	p := 1.0
	for range int(n) {
		p *= 10
	}
	return p
}

func TestPageShowsTheResult(t *testing.T) {
	racetest.Skip(t)
	dir, page := demoPage(t)
	requireFigures(t, dir, page)
	requireStatistics(t, dir, page)
	require.Less(t, len(page), 3<<20)
	// Nothing is asked of a network: no address but names of XML and of the chart's home.
	for _, m := range regexp.MustCompile(`(?:src|href)\s*=\s*"([^"#][^"]*)"|url\(([^)]*)\)|@import`).FindAllString(page, -1) {
		require.Fail(t, "the page needs something", m)
	}
}

// A browser runs the page: the script draws and lists everything and reports no
// error, and the figures are still those of the result.
func TestPageInABrowser(t *testing.T) {
	racetest.Skip(t)
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	if testing.Short() {
		t.Skip("starts a browser")
	}
	dir, _ := demoPage(t)
	page := browse(t, browser, filepath.Join(dir, reports.PageFile))
	requireFigures(t, dir, page)
	requireStatistics(t, dir, page)
	require.Equal(t, 6, strings.Count(page, `class="uplot`), "price, position, exposure, equity in two currencies, drawdown")
	require.Contains(t, page, "1–50 of 66", "the first page of the fills")

	compared := filepath.Join(t.TempDir(), "compare.html")
	other := filepath.Join(t.TempDir(), "other")
	mustBacktest(t, "demo", "--strategy", "buy_and_hold", "--out", other)
	mustBacktest(t, "compare", dir, other, "--html", compared)
	page = browse(t, browser, compared)
	require.Equal(t, 2, strings.Count(page, `class="uplot`), "equity and drawdown")
}

// browse returns a page as it is after its script has run, without a complaint.
func browse(t *testing.T, browser, file string) string {
	t.Helper()
	cmd := exec.Command(browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
		"--user-data-dir="+t.TempDir(), "--virtual-time-budget=8000", "--dump-dom", "file://"+file)
	cmd.WaitDelay = time.Minute
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	page := string(out)
	require.Contains(t, page, `data-ready="yes"`, "the script ran to its end")
	require.NotContains(t, stderr.String(), "CONSOLE", "no error, no warning")
	return page
}

func TestCompareCommand(t *testing.T) {
	racetest.Skip(t)
	first, _ := demoPage(t)
	second := filepath.Join(t.TempDir(), "other")
	mustBacktest(t, "demo", "--param", "bars=1h,fast=20,slow=40", "--out", second)
	out := mustBacktest(t, "compare", first, second)
	require.Regexp(t, `param fast +10 +20\n`, out)
	require.Regexp(t, `total return +-?\d+\.\d\d % `, out)
	require.Regexp(t, `what choosing the best is worth\n  runs +2\n`, out)
	var c reports.Comparison
	require.NoError(t, json.Unmarshal([]byte(mustBacktest(t, "compare", "--json", first, second)), &c))
	require.Len(t, c.Runs, 2)
	require.Equal(t, "param fast", c.Settings[0].Name)

	code, _, stderr := backtest(t, "compare", first)
	require.Equal(t, cli.ExitUsage, code, stderr)
	code, _, stderr = backtest(t, "compare", first, t.TempDir())
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "not a run")
}

// A year of minutes with thousands of fills stays small enough to mail.
func TestPageOfAYearIsSmall(t *testing.T) {
	if testing.Short() || racetest.Enabled {
		t.Skip("generates a year of minutes, too many for -short and for the race detector")
	}
	catalog, _ := history(t, "2019-01-01", 365*24*time.Hour, "bar-1m")
	dir := filepath.Join(t.TempDir(), "run")
	mustBacktest(t, "run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--param",
		"bars=1m,qty=10000", "--balance", "100 XBT",
		"--out", dir)
	info, err := os.Stat(filepath.Join(dir, reports.PageFile))
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(3<<20))
	requireFigures(t, dir, read(t, filepath.Join(dir, reports.PageFile)))
}

// What a page says of how to make it again is true.
func TestPageIsReproduced(t *testing.T) {
	catalog, _ := history(t, "2019-01-01", 5*24*time.Hour, "bar-1m")
	dir := filepath.Join(t.TempDir(), "run")
	mustBacktest(t, "run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "donchian", "--param",
		"bars=1m,qty=10000", "--balance", "50 XBT", "--seed", "4", "--latency", "3s",
		"--to", "2019-01-04", "--out", dir)
	page := read(t, filepath.Join(dir, reports.PageFile))
	shown := regexp.MustCompile(`(?s)aria-label="Configuration"><code>(.*?)</code>`).FindStringSubmatch(page)
	require.NotNil(t, shown)
	file := filepath.Join(t.TempDir(), "run.yaml")
	require.NoError(t, os.WriteFile(file, []byte(html.UnescapeString(shown[1])), 0o600))
	var again reports.Result
	require.NoError(t, json.Unmarshal([]byte(mustBacktest(t, "run", "-c", file, "--no-report", "--json")), &again))
	require.Contains(t, page, again.Digest)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func TestReportCommand(t *testing.T) {
	racetest.Skip(t)
	dir, page := demoPage(t)
	require.NoError(t, os.Remove(filepath.Join(dir, reports.PageFile)))
	out := mustBacktest(t, "report", dir)
	require.Contains(t, out, "digest sha256:")
	again, err := os.ReadFile(filepath.Join(dir, reports.PageFile))
	require.NoError(t, err)
	require.Equal(t, page, string(again), "the same run gives the same page")
	stored, err := os.ReadFile(filepath.Join(dir, reports.ResultFile))
	require.NoError(t, err)
	require.Equal(t, string(stored), mustBacktest(t, "report", "--json", dir))

	mustBacktest(t, "report", "--csv", dir)
	for name, rows := range map[string]int{"orders": 66, "fills": 66, "funding": 358, "equity": 121*24*60 + 1} {
		table, err := csv.NewReader(strings.NewReader(read(t, filepath.Join(dir, name+".csv")))).ReadAll()
		require.NoError(t, err, name)
		require.Len(t, table, rows+1, name)
		require.NotContains(t, table[0], "")
	}
	fills := strings.Split(read(t, filepath.Join(dir, "fills.csv")), "\n")
	require.True(t, strings.HasPrefix(fills[1], "2020-01-02T16:00:00Z,XBTUSD,"), fills[1])

	require.Contains(t, mustBacktest(t, "report", "--plots", "svg", dir), "drawn: "+filepath.Join(dir, "equity-usd.svg"))
	require.Contains(t, read(t, filepath.Join(dir, "equity.svg")), "sma_cross on XBTUSD")
	code, _, stderr := backtest(t, "report", "--plots", "bmp", dir)
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, `--plots "bmp": want svg or png`)

	code, _, stderr = backtest(t, "report", t.TempDir())
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "no run: it has no manifest.json")
	code, _, _ = backtest(t, "report")
	require.Equal(t, cli.ExitUsage, code)

	require.NoError(t, os.WriteFile(filepath.Join(dir, reports.FillsFile), []byte("PAR1"), 0o644))
	code, _, stderr = backtest(t, "report", dir)
	require.Equal(t, cli.ExitData, code)
	require.Contains(t, stderr, "fills.parquet: not a table of a run")
	again, err = os.ReadFile(filepath.Join(dir, reports.PageFile))
	require.NoError(t, err)
	require.Equal(t, page, string(again), "the old page is still whole")
	left, err := filepath.Glob(filepath.Join(dir, ".report*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
