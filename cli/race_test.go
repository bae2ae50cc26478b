package cli_test

// fewer are the cases of a test that run: all, or under the race detector, which makes
// each ten times as slow, the first n.
func fewer[T any](cases []T, n int) []T {
	if raceEnabled {
		return cases[:n]
	}
	return cases
}
