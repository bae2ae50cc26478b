// Command mutate measures what the tests of packages notice: it changes one place of the
// code at a time, runs the tests of the package against the changed code and counts the
// changes (mutants) that no test fails for.
//
//	make mutate PKG=./exchange LIMIT=50 SEED=1
//
// A mutant is compiled by `go test -overlay`, so the files of the repository stay as they
// are. Mutants that do not compile do not count. Mutants that a file of accepted ones
// lists, each with the reason why no test can or need tell it from the original, do not
// count either. The command fails when the share of killed mutants of a package is below
// a threshold.
//
// The mutants of a package are drawn by a seed. The draw depends on the seed, the import
// path and the code of the package alone.
package main
