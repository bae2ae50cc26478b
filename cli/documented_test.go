//go:build unix

package cli_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli/sample"
	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports/sweeps"
)

// What is documented is run: each command of README.md and of the examples of help, as it is
// written, but for these substitutions. Addresses become those of a venue that the test serves.
// Commands that go on are interrupted after a moment.
var substitutions = []struct{ pattern, by string }{
	{`^bin/`, ``},
	{`^go run \./cmd/`, ``},
	{`\s+#\s.*$`, ``}, // comments
	// A sweep reads a part of the data, and a random one draws fewer points.
	{`^(backtest sweep .*)$`, `$1 --from 2020-02-01 --to 2020-03-01`},
	{`--points 200`, `--points 8`},
	// Sessions of the test are short.
	{`--min-length 1m`, `--min-length 1ms`},
	{`^paper promote xbtusd-grid_maker (.*)$`, `paper promote maker $1 --min-length 1ms`},
	// A hundred orders that rested are not there in seconds: TestCalibrate has them.
	{`^backtest calibrate .*$`, ``},
	{`http://10\.0\.0\.5:8090`, `http://VENUE`},
	{`127\.0\.0\.1:8090`, `VENUE`},
	{`--listen \S+`, `--listen 127.0.0.1:0`},
	{`^(paper serve.*)$`, `$1 --listen 127.0.0.1:0`},
	// There are no books order by order; orders.txtar has them.
	{`^backtest data cancels .*$`, ``},
	// Books of XBTUSD and ETHUSD are in a catalog of their own.
	{`^(paper serve .*)--catalog catalog(.*ETHUSD.*)$`, `$1--catalog books$2`},
	{`^(backtest run -c run\.yaml --data book.*)$`, `$1 --catalog books`},
}

// withoutRecordings are substitutions where there are no real recordings: four months of
// generated minutes stand for two years of them.
var withoutRecordings = []struct{ pattern, by string }{
	{`--from 2019-06-01 --to 2020-01-01`, ``},
	{`^backtest data import .* binance-delivery_.*$`, ``},
}

// documented is a directory in which documented commands are run.
type documented struct {
	t       *testing.T
	dir     string
	venue   string // address
	env     []string
	real    bool
	keyed   bool // env has a key of the venue
	results int
	live    *exec.Cmd // a session that goes on until paper stop
}

func TestDocumentedCommands(t *testing.T) {
	if testing.Short() || racetest.Enabled {
		t.Skip("runs dozens of commands, some for seconds")
	}
	d := newDocumented(t)
	readme := read(t, "../README.md")
	require.NoError(t, os.WriteFile(filepath.Join(d.dir, "run.yaml"), []byte(blocks(readme, "yaml")[0]), 0o600))
	count := 0
	for _, block := range blocks(readme, "sh") {
		for _, line := range commands(block) {
			count += d.run(line, "")
		}
	}
	require.Greater(t, count, 15, "commands of README.md")
	d.fixtures()
	count = 0
	var examples []string
	eachCommand(t, func(_ *testing.T, _ string, c *cobra.Command) { examples = append(examples, commands(c.Example)...) })
	for _, line := range examples {
		state := ""
		switch words := strings.Fields(line); {
		case strings.HasPrefix(line, "paper run"), strings.HasPrefix(line, "paper doctor"):
			state = t.TempDir() // a session of its own
		case strings.HasPrefix(line, "paper limits"), strings.HasPrefix(line, "paper stop"):
			state = t.TempDir() // with a session that runs
			end := d.running(state, words[2])
			count += d.run(line, state)
			end()
			continue
		}
		count += d.run(line, state)
	}
	require.Greater(t, count, 45, "examples")
	d.sessionsAreSound()
}

// blocks are the code blocks of a language.
func blocks(text, language string) (list []string) {
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// commands are the lines of a block, joined where they go on.
func commands(block string) (list []string) {
	joined := regexp.MustCompile(`\s*\\\n\s*`).ReplaceAllString(block, " ")
	for _, line := range strings.Split(joined, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

func newDocumented(t *testing.T) *documented {
	t.Helper()
	dir := t.TempDir()
	d := &documented{
		t:   t,
		dir: dir,
		env: append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+filepath.Join(dir, ".local", "state")),
	}
	if root := os.Getenv("DUNAMIS_SHARED"); root != "" {
		for _, pattern := range []string{"bitmex/XBTUSD-1m-*.csv.gz", "tardis/binance-delivery_*_BTCUSD_PERP.csv.gz"} {
			found, err := filepath.Glob(filepath.Join(root, "data", pattern))
			require.NoError(t, err)
			for _, file := range found {
				d.real = true
				require.NoError(t, os.Symlink(file, filepath.Join(dir, filepath.Base(file))))
			}
		}
	}
	if !d.real {
		for _, year := range []string{"2019", "2020"} {
			f, err := os.Create(filepath.Join(dir, "XBTUSD-1m-"+year+".csv.gz"))
			require.NoError(t, err)
			z := gzip.NewWriter(f)
			require.NoError(t, sample.Generate(t.Context(), z))
			require.NoError(t, z.Close())
			require.NoError(t, f.Close())
		}
		d.generate("catalog", "binance", "BTCUSD_PERP", "2024-08-08T23:55:00Z")
	}
	d.generate("books", "bitmex", "XBTUSD", "2020-03-12")
	d.generate("books", "bitmex", "ETHUSD", "2020-03-12")
	row := "2020-03-12D00:00:%02d.000000000,XBTUSD,Buy,100,7900,ZeroPlusTick,498350a3-0000-4000-8000-%012d," +
		"1265800,0.012658,100\n"
	trades := "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n"
	for n := range 3 {
		trades += fmt.Sprintf(row, n, n)
	}
	f, err := os.Create(filepath.Join(dir, "20200312.csv.gz"))
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	_, err = io.WriteString(z, trades)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "models.yaml"), []byte("latency: 5ms\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "paper.yaml"),
		[]byte("feed: synthetic\nsession: yaml\nsymbol: XBTUSD\nstrategy: sma_cross\n"), 0o600))
	return d
}

// generate puts ten minutes of a book into a catalog.
func (d *documented) generate(catalog, venue, symbol, from string) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(d.t, err)
	i, err := set.Lookup(exchange.CanonicalVenue(venue), symbol)
	require.NoError(d.t, err)
	start, err := exchange.ParseTime(from)
	require.NoError(d.t, err)
	cat, err := data.Create(filepath.Join(d.dir, catalog))
	if err != nil {
		cat, err = data.Open(filepath.Join(d.dir, catalog))
	}
	require.NoError(d.t, err)
	price := exchange.Price(8000)
	if symbol == "ETHUSD" {
		price = 200
	}
	_, err = synth.Write(
		context.Background(),
		cat,
		synth.Config{Instrument: i, From: start, To: start.Add(10 * time.Minute), Seed: 3,
			Kinds: []string{"book", "trade"}, Price: price * exchange.PriceUnit},
	)
	require.NoError(d.t, err)
}

// moment is how long a command that goes on is left alone.
const moment = time.Second

// writesResults are commands that write a directory of results.
var writesResults = regexp.MustCompile(`^backtest (run|sweep|demo)\b`)

// run runs a line as a shell would, and returns how many commands it was.
func (d *documented) run(line, state string) int {
	d.t.Helper()
	began := time.Now()
	defer func() { d.t.Logf("%.1fs %s", time.Since(began).Seconds(), line) }()
	all := substitutions
	if !d.real {
		all = slices.Concat(substitutions, withoutRecordings)
	}
	written := line
	for _, s := range all {
		line = regexp.MustCompile(s.pattern).ReplaceAllString(line, s.by)
	}
	line = strings.ReplaceAll(line, "VENUE", d.venue)
	if writesResults.MatchString(line) && !strings.Contains(line, " --out ") && !strings.Contains(line, "--no-report") {
		d.results++ // two within a second would go to one directory
		line += fmt.Sprintf(" --out runs/documented-%d", d.results)
	}
	program, rest, _ := strings.Cut(line, " ")
	switch {
	case program == "export":
		return 0 // the key is that of paper keys add
	case program != "backtest" && program != "paper":
		return 0 // make, go build, comments
	case strings.HasPrefix(rest, "completion"):
		return 0
	case program == "paper" && strings.HasPrefix(rest, "serve --synthetic") && d.venue == "":
		d.serve()
		return 1
	}
	cmd := exec.Command("sh", "-c", "exec "+line)
	cmd.Dir, cmd.Env = d.dir, d.env
	if state != "" {
		cmd.Env = slices.Concat(d.env, []string{"XDG_STATE_HOME=" + state})
	}
	var out, errs output
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Stdin = strings.NewReader(answer(rest))
	require.NoError(d.t, cmd.Start(), written)
	if strings.HasPrefix(rest, "run -c live.yaml") && state == "" {
		d.live = cmd // until it is stopped
		time.Sleep(moment)
		return 1
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	interrupted := false
	if goesOn(program, rest) {
		select {
		case err = <-ended:
		case <-d.enough(rest):
			interrupted = true
			require.NoError(d.t, cmd.Process.Signal(os.Interrupt))
			err = <-ended
		}
	} else {
		select {
		case err = <-ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			d.t.Fatalf("%s goes on after a minute", written)
		}
	}
	if interrupted && strings.HasSuffix(errs.String(), "interrupted\n") {
		err = nil // before it had begun
	}
	if err != nil {
		assert.Fail(d.t, "exit code", "%s\n%s\n%v\n%s\n%s", written, line, err, out.String(), errs.String())
		return 1 // the others are worth trying
	}
	d.examine(written, out.String())
	if strings.HasPrefix(rest, "stop ") && d.live != nil {
		require.NoError(d.t, d.live.Wait(), "the session that was stopped")
		d.live = nil
	}
	if strings.HasPrefix(rest, "keys add") && !d.keyed {
		if m := regexp.MustCompile(`key +(\S+)\nsecret +(\S+)`).FindStringSubmatch(out.String()); m != nil {
			d.keyed = true
			d.env = append(d.env, "DUNAMIS_BITMEX_KEY="+m[1], "DUNAMIS_BITMEX_SECRET="+m[2])
		}
	}
	return 1
}

// enough says when a command that goes on is interrupted: after a moment, but what is promoted
// must have traded.
func (d *documented) enough(rest string) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(moment)
		for end := time.Now().Add(30 * time.Second); strings.Contains(rest, "--session maker ") && time.Now().Before(end); {
			cmd := exec.Command("paper", "status", "maker", "--json")
			cmd.Dir, cmd.Env = d.dir, d.env
			var l looked
			if out, err := cmd.Output(); err == nil && json.Unmarshal(out, &l) == nil && l.Fills > 0 {
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
	}()
	return done
}

// goesOn reports whether a command runs until it is interrupted.
func goesOn(program, rest string) bool {
	return program == "paper" && (strings.HasPrefix(rest, "run") || strings.HasPrefix(rest, "record") ||
		strings.HasPrefix(rest, "serve") || strings.Contains(rest, "--watch"))
}

// answer is what is typed at the question of a command.
func answer(rest string) string {
	words := strings.Fields(rest)
	switch {
	case words[0] == "promote":
		return words[1] + "\n"
	case strings.HasPrefix(rest, "run -c live.yaml"):
		return "maker-live\n"
	case strings.HasPrefix(rest, "run --mode live"):
		return "xbtusd-grid_maker\n"
	}
	return ""
}

// serve starts the venue that the commands trade at.
func (d *documented) serve() {
	l, err := new(net.ListenConfig).Listen(d.t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(d.t, err)
	d.venue = l.Addr().String()
	require.NoError(d.t, l.Close())
	cmd := exec.Command("paper", "serve", "--synthetic", "--listen", d.venue)
	var errs output
	cmd.Dir, cmd.Env, cmd.Stderr = d.dir, d.env, &errs
	require.NoError(d.t, cmd.Start())
	d.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := new(net.Dialer).DialContext(d.t.Context(), "tcp", d.venue); err == nil {
			_ = c.Close()
			return
		}
		require.True(d.t, time.Now().Before(end), errs.String())
	}
}

// counts are those of a result.
type counts struct{ Fills, Rejected, Liquidations int64 }

func (d *documented) sound(c counts, what string) {
	require.Zero(d.t, c.Liquidations, "%s: liquidations", what)
	require.LessOrEqual(d.t, c.Rejected, c.Fills, "%s: rejections, of as many fills", what)
}

// examine looks at the results of runs and sweeps.
func (d *documented) examine(line, stdout string) {
	d.t.Helper()
	if strings.HasPrefix(stdout, "{") {
		var r struct {
			Counts *counts
			Runs   []sweeps.Run
		}
		require.NoError(d.t, json.Unmarshal([]byte(stdout), &r), line)
		if r.Counts != nil {
			d.sound(*r.Counts, line)
		}
		d.soundSweep(r.Runs, line)
		return
	}
	for _, m := range regexp.MustCompile(`(?:results|sweep) in (\S+?),`).FindAllStringSubmatch(stdout, -1) {
		dir := filepath.Join(d.dir, m[1])
		if text, err := os.ReadFile(filepath.Join(dir, "result.json")); err == nil {
			var r struct{ Counts counts }
			require.NoError(d.t, json.Unmarshal(text, &r), line)
			d.sound(r.Counts, line)
			continue
		}
		var s sweeps.Sweep
		require.NoError(d.t, json.Unmarshal([]byte(read(d.t, filepath.Join(dir, "sweep.json"))), &s), line)
		d.soundSweep(s.Runs, line)
	}
}

func (d *documented) soundSweep(runs []sweeps.Run, line string) {
	for i := range runs {
		r := &runs[i]
		d.sound(counts{r.Fills, r.Rejected, r.Liquidations}, fmt.Sprintf("%s, run %v", line, r.Params))
	}
}

// fixtures are the sessions and runs that examples of help speak of.
func (d *documented) fixtures() {
	d.t.Helper()
	state := filepath.Join(d.dir, ".local", "state", "dunamis", "sessions")
	require.NoError(d.t, os.Rename(filepath.Join(state, "xbtusd-grid_maker"), filepath.Join(state, "of-readme")))
	shadow := []string{
		"run", "--mode", "shadow", "--unattended", "--feed", "bitmex", "--live-url", "http://" + d.venue, "--symbol",
		"XBTUSD", "--strategy", "grid_maker", "--param", "spacing=2", "--max-order", "100000", "--max-position", "500000",
		"--max-daily-loss", "0.1 XBT", "--max-orders-per-minute", "600", "--quiet",
	}
	d.interrupted(shadow...)
	d.interrupted("record", "--feed", "bitmex", "--live-url", "http://"+d.venue, "--symbol", "XBTUSD", "--quiet")
	require.NoError(d.t, os.Remove(filepath.Join(d.dir, "live.yaml")))
	for _, args := range [][]string{
		{"paper", "run", "--feed", "synthetic", "--symbol", "XBTUSD", "--strategy", "sma_cross", "--to",
			"2024-01-01T00:01:00Z",
			"--speed", "max", "--quiet"},
		{"backtest", "demo", "--out", "runs/fast"}, {"backtest", "demo", "--strategy", "donchian", "--out", "runs/slow"},
		{"backtest", "demo", "--out", "runs/20260101-120000-sma_cross"},
		{"backtest", "demo", "--strategy", "donchian", "--out", "runs/20260101-120000-donchian"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = d.dir, d.env
		out, err := cmd.CombinedOutput()
		require.NoError(d.t, err, string(out))
	}
}

// running begins a session, and returns what ends it, unless a command has.
func (d *documented) running(state, name string) (end func()) {
	d.t.Helper()
	cmd := exec.Command(
		"paper", "run", "--session", name, "--feed", "synthetic", "--symbol", "XBTUSD", "--strategy", "grid_maker",
		"--quiet",
	)
	var out output
	cmd.Dir, cmd.Stdout, cmd.Stderr = d.dir, &out, &out
	cmd.Env = slices.Concat(d.env, []string{"XDG_STATE_HOME=" + state})
	require.NoError(d.t, cmd.Start())
	soonIn := time.Now().Add(20 * time.Second)
	for !strings.Contains(out.String(), "Ctrl-C suspends it") {
		require.True(d.t, time.Now().Before(soonIn), out.String())
		time.Sleep(20 * time.Millisecond)
	}
	return func() {
		_ = cmd.Process.Signal(os.Interrupt)
		require.NoError(d.t, cmd.Wait(), out.String())
	}
}

// interrupted runs paper for a moment.
func (d *documented) interrupted(args ...string) {
	d.t.Helper()
	cmd := exec.Command("paper", args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = d.dir, d.env, &out, &out
	require.NoError(d.t, cmd.Start())
	time.Sleep(3 * moment)
	require.NoError(d.t, cmd.Process.Signal(os.Interrupt))
	require.NoError(d.t, cmd.Wait(), out.String())
}

// sessionsAreSound replays the sessions of README.md and counts. They last for seconds: of what was rejected, orders
// count, and not cancellations that a fill or an earlier cancellation has overtaken.
func (d *documented) sessionsAreSound() {
	d.t.Helper()
	for _, name := range []string{"of-readme", "maker"} {
		cmd := exec.Command("backtest", "replay", name, "--json", "--no-report")
		cmd.Dir, cmd.Env = d.dir, d.env
		out, err := cmd.Output()
		require.NoError(d.t, err, name)
		var r struct{ Counts counts }
		require.NoError(d.t, json.Unmarshal(out, &r), name)
		db := openBooks(d.t, filepath.Join(d.dir, ".local", "state", "dunamis"), name)
		query := "SELECT count(*) FROM orders WHERE status = 'Rejected'"
		require.NoError(d.t, db.QueryRowContext(d.t.Context(), query).Scan(&r.Counts.Rejected))
		d.sound(r.Counts, "session "+name)
	}
}
