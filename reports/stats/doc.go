// Package stats computes the statistics of performance from plain series: simple
// returns per period, levels of equity, and profits of trades. It knows nothing
// of exchanges, currencies or calendars; package reports/analysis reads a run's
// tables and calls it.
//
// Conventions hold for every function:
//
//   - Returns are simple, r = v / v before - 1, one a period, all periods of equal
//     weight. The risk-free rate is 0.
//   - periods is the number of periods in a year: 365 for days, since crypto
//     markets never close.
//   - The standard deviation is that of a sample, with n-1.
//   - A value that is not defined (too few samples, a division by zero) is NaN,
//     as in gonum. Nothing is ever replaced by 0, and an infinite ratio is NaN too.
//
// Where well-known Python packages differ in convention, the function says so;
// docs/statistics.md lists the differences. The golden values in testdata come
// from those packages, or from the publications named.
package stats
