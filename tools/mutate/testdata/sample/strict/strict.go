// Package strict is tested in full.
package strict

// Larger returns the larger of two numbers.
func Larger(a, b int) int {
	if a > b {
		return a
	}
	return b
}
