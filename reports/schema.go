package reports

import (
	"bytes"
	_ "embed"
)

//go:embed result.schema.json
var resultSchema []byte

// Schema returns the JSON Schema of result.json.
func Schema() []byte { return bytes.Clone(resultSchema) }

//go:embed manifest.schema.json
var manifestSchema []byte

// ManifestJSONSchema returns the JSON Schema of manifest.json.
func ManifestJSONSchema() []byte { return bytes.Clone(manifestSchema) }
