// Package indicator computes indicators as values arrive: each update takes the
// same small time whatever the window, and allocates nothing.
//
// Averages that decide a trade ([SMA]) are exact sums of integers, so that two
// machines never disagree on a cross. The others are floats, as indicators may be:
// prices reach them through Price.Float64. An indicator is not Ready until its
// window has filled once.
//
// Its place is beside the engine, for strategies; nothing here knows of orders.
package indicator
