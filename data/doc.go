// Package data is the catalog: market history in Parquet files, written once by
// importers and recorders and read by every backtest.
//
// A catalog is a directory of Hive partitions, so DuckDB, Polars, Spark and
// pandas read it as it is:
//
//	<root>/venue=bitmex/kind=trade/symbol=XBTUSD/date=2021-07-22/part-0f3a5c7e9b1d.parquet
//
// docs/formats/catalog.md describes the files.
//
// Writing is transactional. A [Tx] is one import of one input. Nothing of it is
// visible before [Tx.Commit], a killed process leaves only whole files, and
// importing the same input again changes nothing.
//
// Reading is a [Feed], the exchange.Feed of history: it decodes columns ahead of
// the reader, merges any number of streams in the total order of events, and
// takes the same memory for a day and for ten years.
//
// The package stands above exchange, whose events it stores, and below the
// command line. It knows nothing of engines and simulators.
package data
