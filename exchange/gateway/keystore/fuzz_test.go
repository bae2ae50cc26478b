package keystore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange/gateway"
)

// A file of keys that something has spoilt opens nothing, and is said to be spoilt.
func FuzzKeysFile(f *testing.F) {
	dir := f.TempDir()
	s, err := Open(dir)
	require.NoError(f, err)
	k, err := s.Add(gateway.Key{Name: "a", Balance: "1 XBT"})
	require.NoError(f, err)
	whole, err := os.ReadFile(filepath.Join(dir, "keys.json"))
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`[{"id":"x","sealed":"AAAA"}]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, file []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "keys.json"), file, 0o600))
		s, err := Open(dir)
		if err != nil {
			return
		}
		if found, known := s.Lookup(k.ID); known && found.Secret.Reveal() != k.Secret.Reveal() {
			t.Fatal("another secret")
		}
	})
}
