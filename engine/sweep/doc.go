// Package sweep says which runs a sweep has, and lets them share one reading of
// the data.
//
// A [Space] is what the parameters of a strategy may be: ranges such as
// fast=5..30:5 and lists such as bars=5m,1h. Its points are all of them, the
// grid, or a seeded random sample. A [Tee] hands the events of one feed to
// several engines, so that history is decoded once for all of them.
//
// What a run does depends on its point alone: not on the other points, not on
// how many run at the same time.
package sweep
