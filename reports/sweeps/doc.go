// Package sweeps is what a sweep leaves behind: many runs of one strategy over the
// same data, and what choosing the best of them is worth.
//
// A directory of a sweep has sweep.json, the tables runs.parquet and daily.parquet,
// and report.html, which package page makes. While the sweep goes on it has a
// journal instead, to which each run is added when it ends, and from which an
// interrupted sweep goes on. Equal inputs give equal files, however many runs went at
// the same time.
package sweeps
