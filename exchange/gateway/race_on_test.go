//go:build race

package gateway_test

// raceEnabled reports whether the race detector runs, which makes work on many rows ten
// times as slow.
const raceEnabled = true
