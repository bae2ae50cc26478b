package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/secret"
)

func TestNothingPrintsIt(t *testing.T) {
	s := secret.New("hunter2")
	in := struct {
		Key  secret.String
		Next *secret.String
	}{s, &s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+"\n", s, in)
	}
	b, err := json.Marshal(in)
	require.NoError(t, err)
	out.Write(b)
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("key", "key", s, "all", in)
	}
	require.NotContains(t, out.String(), "hunter2")
	require.NotContains(t, out.String(), fmt.Sprintf("%x", "hunter2"))
	require.Contains(t, out.String(), "[redacted]")
	require.Equal(t, "hunter2", s.Reveal())
}

func TestFromEnv(t *testing.T) {
	t.Setenv("DUNAMIS_TEST_SECRET", " hunter2\n")
	s, err := secret.FromEnv("DUNAMIS_TEST_SECRET")
	require.NoError(t, err)
	require.Equal(t, "hunter2", s.Reveal())

	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte("from file\n"), 0o600))
	t.Setenv("DUNAMIS_TEST_SECRET", "")
	t.Setenv("DUNAMIS_TEST_SECRET_FILE", path)
	s, err = secret.FromEnv("DUNAMIS_TEST_SECRET")
	require.NoError(t, err)
	require.Equal(t, "from file", s.Reveal())

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = secret.FromEnv("DUNAMIS_TEST_SECRET")
	require.ErrorIs(t, err, secret.ErrMode)
	require.ErrorContains(t, err, path)

	require.NoError(t, os.WriteFile(path, []byte("\n"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = secret.FromFile(path)
	require.ErrorIs(t, err, secret.ErrMissing)
	t.Setenv("DUNAMIS_TEST_SECRET_FILE", "")
	_, err = secret.FromEnv("DUNAMIS_TEST_SECRET")
	require.ErrorIs(t, err, secret.ErrMissing)
	_, err = secret.FromFile(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
