//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
)

// restsArgs is a session of a generated market in which orders rest, until a time of day.
func restsArgs(state, name, speed, until string) []string {
	return []string{"run", "--state", state, "--session", name, "--feed", "synthetic", "--symbol", "XBTUSD", "--strategy",
		"rests", "--queue", "fragile", "--latency", "5ms", "--to", "2024-01-01T" + until + ":00Z", "--speed", speed,
		"--quiet"}
}

// changesOf are the changes of a level that a model has written down.
func changesOf(t *testing.T, file string) []string {
	t.Helper()
	if _, err := os.Stat(file); os.IsNotExist(err) {
		return nil
	}
	return strings.Split(strings.TrimSpace(read(t, file)), "\n")
}

// A fault of the program at one event ends the session with its own exit code. At an event
// that is not kept yet the message says that the same command goes on. At one that is in the
// journal, where the same command would come to it again, the message gives its number, and
// the session goes on without that event, now and later; its replay agrees.
func TestFaultAtOneEvent(t *testing.T) {
	state := t.TempDir()
	log := filepath.Join(state, "changes")
	t.Setenv(fragileLog, log)
	out, err := exec.Command("paper-fragile", restsArgs(state, "whole", "max", "00:10")...).CombinedOutput()
	require.NoError(t, err, string(out))
	changes := changesOf(t, log)
	require.Greater(t, len(changes), 20)
	n := slices.IndexFunc(changes, func(c string) bool { // which is there once
		return slices.Index(changes, c) >= 5 && strings.Count("\n"+strings.Join(changes, "\n")+"\n", "\n"+c+"\n") == 1
	})
	require.GreaterOrEqual(t, n, 5)
	at := changes[n]

	// It is not kept yet.
	args := restsArgs(state, "s", "60", "06:00")
	require.NoError(t, os.Remove(log))
	t.Setenv(fragileAt, at)
	said := beginAs(t, "paper-fragile", args...).fails(cli.ExitFault)
	require.Equal(t, changes[:n+1], changesOf(t, log))
	require.Contains(t, said, "1·1/0 overflows", "what happened")
	require.Contains(t, said, "bitmex:XBTUSD", "where")
	require.Contains(t, said, "the session goes on with the same command, from what it has kept")
	require.NotContains(t, said, "--skip-event")
	kept := lookAs(t, "paper-fragile", state, "s").Events

	// The program is corrected, and the same command goes on.
	t.Setenv(fragileAt, "")
	p := beginAs(t, "paper-fragile", args...)
	p.line()
	soonAs(t, "paper-fragile", state, "s", "it goes on", func(l looked) bool {
		return l.Events > kept+500 && slices.Contains(changesOf(t, log)[n+1:], at)
	})
	p.suspend()
	before := lookAs(t, "paper-fragile", state, "s").Events

	// The program has the mistake again, and the event is in the journal.
	t.Setenv(fragileAt, at)
	again := func() string { return beginAs(t, "paper-fragile", args...).fails(cli.ExitFault) }
	said = again()
	number := regexp.MustCompile(`it is event (\d+) of the session's journal: ` +
		`paper run --session s --skip-event (\d+) goes on without it`).FindStringSubmatch(said)
	require.Len(t, number, 3, said)
	require.Equal(t, number[1], number[2])
	require.Equal(t, before, lookAs(t, "paper-fragile", state, "s").Events, "nothing has changed")
	require.Contains(t, again(), number[0], "the same again")

	// Without it the session goes on, and does so from then on.
	for _, more := range [][]string{{"--skip-event", number[1]}, nil} {
		p = beginAs(t, "paper-fragile", slices.Concat(args, more)...)
		p.line()
		soonAs(t, "paper-fragile", state, "s", "it goes on without the event", func(l looked) bool {
			return l.Events > before+500 && l.Status == "running"
		})
		p.suspend()
		before = lookAs(t, "paper-fragile", state, "s").Events
	}
	replay := exec.Command("backtest-fragile", "replay", filepath.Join(state, "sessions", "s"), "--no-report")
	out, err = replay.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "no difference")
}

// The number of an event that is not there is wrong usage.
func TestSkippedEventThatIsNotThere(t *testing.T) {
	state := t.TempDir()
	args := restsArgs(state, "s", "60", "06:00")
	p := beginAs(t, "paper-fragile", args...)
	p.line()
	soonAs(t, "paper-fragile", state, "s", "it hears prices", func(l looked) bool { return l.Events > 10 })
	p.suspend()
	for _, number := range []string{"0", "-3", "99999999"} {
		said := beginAs(t, "paper-fragile", slices.Concat(args, []string{"--skip-event=" + number})...).fails(cli.ExitUsage)
		require.Contains(t, said, "there is no event", number)
		require.Contains(t, said, number)
	}
}
