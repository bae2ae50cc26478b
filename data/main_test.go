package data

import (
	"os"
	"sync"
	"testing"
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
	code := m.Run()
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}
