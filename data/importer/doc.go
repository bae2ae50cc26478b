// Package importer reads the files that venues and data vendors publish and
// writes their rows to a catalog.
//
// One file is one transaction: after [Import] either all of it is in the
// catalog or nothing, and importing it again changes nothing. What is read,
// left out, corrected or only looks odd is counted in the [Report].
//
// A pass over a file goes through four small parts, each of which knows only the
// next:
//
//	input   bytes of the file, decompressed
//	rows    CSV lines or JSON objects, as cells
//	decoder one for each format: cells to events
//	stream  order, and batches for the catalog
//
// The decoders of BitMEX's formats are in bitmex_*.go and those of Tardis.dev's
// in tardis_*.go. docs/importing.md says for every format what becomes of each
// column.
package importer
