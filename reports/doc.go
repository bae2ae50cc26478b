// Package reports is what a run leaves behind: a directory that a person, a
// notebook and another program can each read, and the numbers in it.
//
//	manifest.json    what was run: versions, configuration, data; written last
//	result.json      what came of it: account, counts, metrics, positions
//	summary.md       the same for people
//	orders.parquet   a row per order, in its final state
//	fills.parquet    a row per fill
//	funding.parquet  a row per funding payment
//	equity.parquet   a row per sample of the account
//
// A [Recorder] is the engine's observer. It streams the tables while the run
// goes on and keeps sums, never histories, so a run over ten years takes no more
// memory than one over a day. [Recorder.Finish] checks that the account adds up
// before it says that the run has finished; a directory whose manifest does not
// say so is unfinished, whatever else it holds.
//
// The package knows the vocabulary of package exchange and the engine's
// observer. It does not know the simulator: it reads the account through
// [Account]. docs/results.md describes every file and every metric.
package reports
