package session_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/session"
)

// A session whose database is gone is an error, not a new session.
func TestALostDatabaseIsNotANewSession(t *testing.T) {
	begun := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "s")
		store, err := session.Create(t.Context(), dir, "{}", 1)
		require.NoError(t, err)
		require.NoError(t, store.Close())
		return dir
	}
	for name, tt := range map[string]struct {
		damage func(t *testing.T, dir, db string)
		want   string
	}{
		"missing": {func(t *testing.T, _, db string) { require.NoError(t, os.Remove(db)) },
			"session.db is missing, but begun is there"},
		"empty": {func(t *testing.T, _, db string) { require.NoError(t, os.Truncate(db, 0)) },
			"session.db is empty, but begun is there"},
		"missing beside its log, of an earlier version": {func(t *testing.T, dir, db string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "begun")))
			require.NoError(t, os.Rename(db, db+"-wal"))
		}, "session.db is missing, but session.db-wal is there"},
		"empty beside its token, of an earlier version": {func(t *testing.T, dir, db string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "begun")))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), nil, 0o600))
			require.NoError(t, os.Truncate(db, 0))
		}, "session.db is empty, but token is there"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := begun(t)
			tt.damage(t, dir, filepath.Join(dir, "session.db"))
			_, err := session.Open(t.Context(), dir)
			require.ErrorIs(t, err, session.ErrLost)
			require.ErrorContains(t, err, tt.want)
			_, err = session.Read(t.Context(), dir)
			require.ErrorIs(t, err, session.ErrLost)
			_, err = session.Create(t.Context(), dir, "{}", 1)
			require.ErrorIs(t, err, session.ErrLost)
		})
	}
	t.Run("a making that was broken off", func(t *testing.T) {
		dir := begun(t)
		require.NoError(t, os.Remove(filepath.Join(dir, "begun")))
		require.NoError(t, os.Truncate(filepath.Join(dir, "session.db"), 0))
		_, err := session.Open(t.Context(), dir)
		require.ErrorIs(t, err, session.ErrNoSession)
		store, err := session.Create(t.Context(), dir, "{}", 1)
		require.NoError(t, err)
		require.NoError(t, store.Close())
	})
	t.Run("the mark is made for a session of an earlier version", func(t *testing.T) {
		dir := begun(t)
		require.NoError(t, os.Remove(filepath.Join(dir, "begun")))
		store, err := session.Open(t.Context(), dir)
		require.NoError(t, err)
		require.NoError(t, store.Close())
		require.FileExists(t, filepath.Join(dir, "begun"))
	})
}

// Only the owner can read a session, whatever an earlier version left.
func TestTheDatabaseIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	db := filepath.Join(dir, "session.db")
	modes := func() {
		for _, end := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(db + end)
			if end != "" && os.IsNotExist(err) {
				continue
			}
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), end)
		}
	}
	store, err := session.Create(t.Context(), dir, "{}", 1)
	require.NoError(t, err)
	modes()
	require.NoError(t, store.Close())
	modes()
	require.NoError(t, os.Chmod(db, 0o644))
	store, err = session.Open(t.Context(), dir)
	require.NoError(t, err)
	modes()
	require.NoError(t, store.Close())
}
