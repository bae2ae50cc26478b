// Package analysis makes the statistics of a finished run out of its tables, and
// writes them beside them as statistics.json: returns in both currencies of the
// contract against holding either, drawdowns, trades with their excursions, the
// quality of execution, and where the result came from.
//
// It stands between package reports, which writes the tables while a run goes on,
// and package reports/page, which draws; the formulas are those of package
// reports/stats. docs/statistics.md explains every field.
package analysis
