// Package cli is the command line of Dunamis as a library. cmd/backtest is a few
// lines over it, and so is a user's own binary, which adds strategies of its own
// and keeps every command:
//
//	func main() {
//		os.Exit(cli.Main(append(strategies.All(), mine.Definition())))
//	}
//
// Queue and latency models of its own it adds by options: [WithQueue] and [WithLatency]
// give them names for --queue and --latency. A venue of its own, with its feed and its
// account, it adds by [WithVenue].
//
// It is the one place where the parts are wired together: the catalog of package
// data to the engine, the engine to the simulated exchange, and both to the
// recorder of package reports.
//
// # Exit codes
//
//	0    done
//	2    usage: an unknown command, flag, key, strategy or parameter
//	3    a problem with the data: none there, unreadable, or verify found faults
//	4    the run failed, a strategy panicked, or more runs of a sweep failed than --max-failed allows
//	5    a sweep has finished, and some of its runs failed
//	6    a fault in the program: the message says at which event, and in which line
//	7    a session has not confirmed yet what it was asked to do; it goes on with it
//	130  interrupted
package cli
