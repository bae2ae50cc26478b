// Package racetest tells tests whether the race detector runs, which makes them about ten times as slow.
package racetest

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
