// Package sim is the simulated exchange.
package sim
