package cli_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// kills is how often the process is killed.
const kills = 200

// paperArgs is a session of a generated market in which a market maker is never still.
func paperArgs(state, name, speed string) []string {
	return []string{"run", "--state", state, "--session", name, "--feed", "synthetic", "--symbol", "XBTUSD",
		"--strategy", "grid_maker", "--param", "qty=1000,spacing=10",
		"--param", "limit=10000", "--latency", "5ms", "--to", "2024-01-01T00:10:00Z", "--speed", speed, "--quiet"}
}

// A session whose process is killed at any moment, and whose books are compared after
// each death, ends with the books of one that was never interrupted.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process many times")
	}
	state := t.TempDir()
	out, err := exec.Command("paper", paperArgs(state, "whole", "max")...).CombinedOutput()
	require.NoError(t, err, string(out))
	whole := openBooks(t, state, "whole")
	n, longest := kills, 60*time.Millisecond
	if racetest.Enabled {
		n, longest = n/10, 400*time.Millisecond // it takes that much longer to begin
	}
	random := rand.New(rand.NewPCG(8, 9))
	early, ended := 0, false
	seen := map[int64]bool{}
	for range n {
		if ended = killOnce(t, state, time.Duration(random.Int64N(int64(longest))), random.IntN(5) == 0); ended {
			break
		}
		at, begun := comparePrefix(t, whole, state)
		if !begun {
			early++
		}
		seen[at] = true
	}
	require.False(t, ended, "it is to be killed before it has ended")
	require.Greater(t, len(seen), n/20, "it came forward between deaths")
	out, err = exec.Command("paper", paperArgs(state, "killed", "max")...).CombinedOutput()
	require.NoError(t, err, string(out))
	killed := openBooks(t, state, "killed")
	for _, query := range bookQueries {
		require.Equal(t, rowsOf(t, whole, query, -1), rowsOf(t, killed, query, -1), query)
	}
	t.Logf("%d deaths, %d before the first transaction, %d different places, %d reports", n, early, len(seen), len(rowsOf(t, whole, bookQueries[0], -1)))
	out, err = exec.Command("backtest", "replay", filepath.Join(state, "sessions", "killed"), "--no-report").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "no difference")
}

// killOnce runs the session and kills it some time after it has begun, or, if that is
// wanted, after its process has. It reports whether the session has ended before.
func killOnce(t *testing.T, state string, after time.Duration, anywhere bool) (ended bool) {
	t.Helper()
	c := exec.Command("paper", paperArgs(state, "killed", "60")...)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	var stderr strings.Builder
	c.Stderr = &stderr
	require.NoError(t, c.Start())
	if !anywhere {
		_, _ = bufio.NewReader(out).ReadString('\n')
	}
	time.Sleep(after)
	_ = c.Process.Kill()
	err = c.Wait()
	require.Empty(t, stderr.String())
	return err == nil
}

func openBooks(t *testing.T, state, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(state, "sessions", name, "session.db")+"?_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// bookQueries list the books, so that a prefix of each is what was known earlier.
var bookQueries = []string{"SELECT * FROM outputs ORDER BY seq", "SELECT * FROM fills ORDER BY seq", "SELECT * FROM samples ORDER BY at", "SELECT * FROM orders"}

// comparePrefix checks that what is committed of the session that was killed is the
// beginning of the whole one. That the account is the same again, the session checks.
func comparePrefix(t *testing.T, whole *sql.DB, state string) (at int64, begun bool) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(state, "sessions", "killed", "session.db"))
	require.NoError(t, err)
	defer db.Close()
	if err := db.QueryRow("SELECT outputs FROM state").Scan(&at); err != nil {
		return 0, false // killed while the database was made, or before
	}
	for _, query := range bookQueries[:3] {
		rows := rowsOf(t, db, query, -1)
		require.Equal(t, rowsOf(t, whole, query, len(rows)), rows, query)
	}
	return at, at > 0
}

func rowsOf(t *testing.T, db *sql.DB, query string, limit int) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), fmt.Sprintf("%s LIMIT %d", query, limit))
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		require.NoError(t, rows.Scan(into...))
		list = append(list, fmt.Sprint(values...))
	}
	require.NoError(t, rows.Err())
	return list
}
