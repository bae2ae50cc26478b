package analysis

import "github.com/dunamis-engine/dunamis/reports"

// Conversion tells how the account's currency turns into the other one of the
// primary contract.
type Conversion = reports.Conversion

// ConversionOf looks at the first instrument of a run.
func ConversionOf(r *reports.Result) Conversion { return reports.ConversionOf(r) }
