package keystore_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/gateway/keystore"
)

func TestKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, err := keystore.Open(dir)
	require.NoError(t, err)
	_, ok := s.Lookup("none")
	require.False(t, ok)

	a, err := s.Add(gateway.Key{Name: "a", Balance: "10 XBT", Permissions: []string{gateway.PermitOrder}})
	require.NoError(t, err)
	b, err := s.Add(gateway.Key{Balance: "1 XBT"})
	require.NoError(t, err)
	c, err := s.Add(gateway.Key{Account: a.Account, Permissions: []string{gateway.PermitOrderCancel}})
	require.NoError(t, err)
	require.Equal(t, []int64{100_001, 100_002, 100_001}, []int64{a.Account, b.Account, c.Account})

	got, ok := s.Lookup(a.ID)
	require.True(t, ok)
	require.Equal(t, a, got)
	require.Len(t, s.Account(a.Account), 2)
	for _, k := range s.List() {
		require.True(t, k.Secret.Empty())
	}

	for _, name := range []string{"keys.json", "master.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NotContains(t, string(text), a.Secret.Reveal())
	}

	// Another process sees and changes the same keys.
	other, err := keystore.Open(dir)
	require.NoError(t, err)
	d, err := other.Add(gateway.Key{})
	require.NoError(t, err)
	got, ok = s.Lookup(d.ID)
	require.True(t, ok)
	require.Equal(t, d.Secret, got.Secret)
	require.NoError(t, other.Remove(a.ID))
	_, ok = s.Lookup(a.ID)
	require.False(t, ok)
	require.ErrorIs(t, s.Remove(a.ID), keystore.ErrNoKey)
}

func TestAddedAtOnce(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			s, err := keystore.Open(dir)
			if err == nil {
				_, err = s.Add(gateway.Key{})
			}
			require.NoError(t, err)
		})
	}
	group.Wait()
	s, err := keystore.Open(dir)
	require.NoError(t, err)
	accounts := map[int64]bool{}
	for _, k := range s.List() {
		accounts[k.Account] = true
	}
	require.Len(t, accounts, 8)
}

func TestBadFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		text string
		mode os.FileMode
		want string
	}{
		"not JSON":         {"keys.json", "[", 0o600, "unexpected end of JSON input"},
		"readable":         {"keys.json", "[]", 0o644, "mode 0644: must be readable by its owner only"},
		"readable master":  {"master.key", "01234567890123456789012345678901", 0o640, "mode 0640"},
		"short master":     {"master.key", "0123", 0o600, "want 32 bytes, has 4"},
		"not ours":         {"keys.json", `[{"id":"x","sealed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]`, 0o600, "key x: the master key does not open it"},
		"sealed too short": {"keys.json", `[{"id":"x","sealed":"AAAA"}]`, 0o600, "key x: the sealed secret is too short"},
		"not base64":       {"keys.json", `[{"id":"x","sealed":"%"}]`, 0o600, "key x: illegal base64"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.file)
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			require.NoError(t, os.Chmod(path, c.mode))
			_, err := keystore.Open(dir)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, path)
		})
	}
}

// A master key that is lost opens nothing, and keys that it does not fit are not
// overwritten.
func TestLostMasterKey(t *testing.T) {
	dir := t.TempDir()
	s, err := keystore.Open(dir)
	require.NoError(t, err)
	_, err = s.Add(gateway.Key{})
	require.NoError(t, err)
	before, err := os.ReadFile(filepath.Join(dir, "keys.json"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "master.key")))
	_, err = keystore.Open(dir)
	require.ErrorContains(t, err, "the master key does not open it")
	after, err := os.ReadFile(filepath.Join(dir, "keys.json"))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// What a process leaves that dies while it writes is swept up by the next one.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s, err := keystore.Open(dir)
	require.NoError(t, err)
	_, err = s.Add(gateway.Key{Balance: "1 XBT"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".keys.json.123"), []byte("[{"), 0o600))
	_, err = s.Add(gateway.Key{Balance: "1 XBT"})
	require.NoError(t, err)
	left, err := filepath.Glob(filepath.Join(dir, ".keys*"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.Len(t, s.List(), 2)
}
