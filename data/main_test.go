package data

import (
	"flag"
	"os"
	"sync"
	"testing"

	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// shared is a directory for what several benchmarks use.
var shared struct {
	sync.Mutex
	dir string
}

func benchDir() (string, error) {
	shared.Lock()
	defer shared.Unlock()
	var err error
	if shared.dir == "" {
		shared.dir, err = os.MkdirTemp("", "catalog-bench")
	}
	return shared.dir, err
}

func TestMain(m *testing.M) {
	if root := os.Getenv(crashRoot); root != "" {
		if err := crashChild(root); err != nil {
			panic(err)
		}
		return
	}
	if racetest.Enabled {
		// The race detector looks at one goroutine's order of things, not at many
		// draws; the run without it makes those.
		if err := flag.Set("rapid.checks", "10"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}
