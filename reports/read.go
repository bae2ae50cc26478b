package reports

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

// maxJSON is more than any run writes: a file beyond it is not one of ours.
const maxJSON = 64 << 20

// maxScale is the greatest number of decimal places of a currency.
const maxScale = 12

// ReadResult reads the result of a finished run. The error of any other is an
// [*UnfinishedError], that of a file of another version a [*SchemaError].
func ReadResult(dir string) (*Result, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	if m.Status != Finished {
		return nil, &UnfinishedError{Dir: dir, Status: m.Status, Reason: m.Reason}
	}
	b, err := readSmall(filepath.Join(dir, ResultFile))
	if err != nil {
		return nil, err
	}
	return parseResult(b)
}

// ReadManifest reads the manifest of a run, finished or not.
func ReadManifest(dir string) (*Manifest, error) { return readManifest(dir) }

func readManifest(dir string) (*Manifest, error) {
	b, err := readSmall(filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, err
	}
	return parseManifest(b)
}

func parseManifest(b []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := parseJSON(ManifestFile, ManifestSchema, b, m); err != nil {
		return nil, err
	}
	switch m.Status {
	case Running, Finished, Interrupted, Failed:
		return m, nil
	}
	return nil, fmt.Errorf("%s: status %q: want running, finished, interrupted or failed", ManifestFile, m.Status)
}

func parseResult(b []byte) (*Result, error) {
	r := new(Result)
	if err := parseJSON(ResultFile, ResultSchema, b, r); err != nil {
		return nil, err
	}
	if n := r.Account.CurrencyScale; n < 0 || n > maxScale {
		return nil, fmt.Errorf("%s: currency_scale %d: want 0 to %d", ResultFile, n, maxScale)
	}
	return r, nil
}

// parseJSON looks at the schema before it reads the rest. Fields that it does
// not know are those of a later build with the same schema, and are ignored.
func parseJSON(name, schema string, b []byte, into any) error {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if head.Schema != schema {
		return &SchemaError{File: name, Have: head.Schema, Want: schema}
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func readSmall(path string) ([]byte, error) {
	return disk.ReadFile(path, maxJSON)
}
