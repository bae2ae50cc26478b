package reports

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// What it takes to state a figure for a year. Fewer days give numbers that say more
// about the days that were chosen than about the strategy.
const (
	// MinRatioDays is how many whole days the Sharpe and Sortino ratios, and what
	// follows from them, need.
	MinRatioDays = 20
	// MinYearly is how long a run must be to have a yearly rate.
	MinYearly = 30 * day
)

// slack is how much of a whole period a run may leave out at either end: the first
// trade of a day is rarely at 00:00:00.
const slack = time.Minute

// Whole reports whether a run from start to end covers the period from one instant
// until another, but for a minute at either end. A period that is not whole is left
// out of the figures of its kind: its return is not that of a day, a month or a year.
func Whole(start, end, from, until exchange.Time) bool {
	return start <= from.Add(slack) && end >= until.Add(-slack)
}
