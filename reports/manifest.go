package reports

import (
	"encoding/json"
	"time"
)

// ManifestSchema names the kind and version of manifest.json.
const ManifestSchema = "dunamis.manifest/1"

// Status is how far a run came.
type Status string

// States of a run.
const (
	Running     Status = "running"     // or killed: nobody wrote how it ended
	Finished    Status = "finished"    // whole, and its account adds up
	Interrupted Status = "interrupted" // by the user
	Failed      Status = "failed"
)

// Manifest says what was run, with what and when. It is the first file of a run,
// saying "running", and the last, saying how it ended. What differs between two
// runs of the same inputs, such as the time of day, is here and not in the
// result.
type Manifest struct {
	Schema   string          `json:"schema"`
	Status   Status          `json:"status"`
	Reason   string          `json:"reason,omitempty"` // why it did not finish
	Versions Versions        `json:"versions"`
	Started  time.Time       `json:"started"`
	Ended    *time.Time      `json:"ended,omitempty"`
	Seed     uint64          `json:"seed"`
	Config   json.RawMessage `json:"config"` // as given by the caller
	// Command is the command line that gives the result again where the configuration does not,
	// because the command makes its own data. Empty: the configuration does.
	Command string     `json:"command,omitempty"`
	Run     Run        `json:"run"`
	Models  []Model    `json:"models"`
	Data    []DataPart `json:"data"`
	Digest  string     `json:"digest,omitempty"` // of the result
	Files   []File     `json:"files,omitempty"`
}

// Versions are those of what made a run.
type Versions struct {
	Dunamis string `json:"dunamis"`
	Go      string `json:"go"`
	Result  string `json:"result"`
}

// File is a file of a finished run.
type File struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Rows  *int64 `json:"rows,omitempty"` // of tables
}
