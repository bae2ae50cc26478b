// Package page makes report.html: one file that shows a finished run to a person,
// without a network, from wherever it lies.
//
//	run directory ─▶ page ─▶ report.html
//	 (result.json, tables)
//
// It is a function of the run directory: [Write] reads result.json, the manifest
// and the tables, and adds the page beside them, so that a page can be made again
// from runs of any age. Numbers come from result.json as they are; what is drawn is
// thinned out to what an eye can tell apart, and keeps every extreme.
//
// The charts are drawn by uPlot (MIT), which is part of the file.
package page
