package analysis

import (
	"bytes"
	_ "embed"
)

//go:embed statistics.schema.json
var statisticsSchema []byte

// JSONSchema returns the JSON Schema of statistics.json.
func JSONSchema() []byte { return bytes.Clone(statisticsSchema) }
