// Package racetest tells tests whether the race detector runs, which makes them about ten times as slow.
package racetest

import "os"

// T is what it needs of a *testing.T.
type T interface {
	Helper()
	Skip(args ...any)
}

// Skip skips a test that replays much data in one goroutine, looks at a page, or waits for a program of others: the
// race detector has nothing to find there. The run without the detector has it.
func Skip(t T) {
	t.Helper()
	if Enabled {
		t.Skip("it runs without the race detector")
	}
}

// Once skips a test without the race detector where DUNAMIS_RACED is set, which says that the run with the detector
// has passed: the test waits for processes most of its time, and does the same in both runs.
func Once(t T) {
	t.Helper()
	if !Enabled && os.Getenv("DUNAMIS_RACED") != "" {
		t.Skip("it has passed under the race detector")
	}
}
