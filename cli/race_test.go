package cli_test

import "testing"

// skipUnderRace skips a test that replays much data in one goroutine, or looks at a page: the race detector has
// nothing to find there and makes it ten times as slow. The run without the detector has it.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("one goroutine; it runs without the race detector")
	}
}
