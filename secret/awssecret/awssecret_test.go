package awssecret_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/secret/awssecret"
)

// manager serves secrets as AWS Secrets Manager does.
func manager(t *testing.T, secrets map[string]string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct {
			SecretID string `json:"SecretId"`
		}
		assert.Equal(t, "secretsmanager.GetSecretValue", r.Header.Get("X-Amz-Target"))
		assert.Contains(t, r.Header.Get("Authorization"), "AWS4-HMAC-SHA256")
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&ask))
		text, known := secrets[ask.SecretID]
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if !known {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`))
			return
		}
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]string{"Name": ask.SecretID, "SecretString": text}))
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"} {
		t.Setenv(name, value)
	}
}

func TestRead(t *testing.T) {
	manager(t, map[string]string{"plain": " s3cret\n", "object": `{"key":"k","secret":"s"}`, "empty": " "})
	for id, want := range map[string]string{"plain": "s3cret", "object#secret": "s", "object#key": "k"} {
		s, err := awssecret.Read(t.Context(), id)
		require.NoError(t, err, id)
		require.Equal(t, want, s.Reveal())
	}
	for id, want := range map[string]string{"object#none": "is not set", "plain#field": "want a JSON object", "empty": "is not set", "nowhere": "ResourceNotFoundException"} {
		_, err := awssecret.Read(t.Context(), id)
		require.ErrorContains(t, err, want, id)
		require.ErrorContains(t, err, id)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

// The environment comes first, and the store when it has nothing.
func TestFromEnv(t *testing.T) {
	manager(t, map[string]string{"prod/venue": `{"secret":"stored"}`})
	_, err := awssecret.FromEnv(t.Context(), "DUNAMIS_TEST")
	require.ErrorIs(t, err, secret.ErrMissing)
	require.ErrorContains(t, err, "DUNAMIS_TEST_AWS")
	t.Setenv("DUNAMIS_TEST_AWS", "prod/venue#secret")
	s, err := awssecret.FromEnv(t.Context(), "DUNAMIS_TEST")
	require.NoError(t, err)
	require.Equal(t, "stored", s.Reveal())
	t.Setenv("DUNAMIS_TEST", "mine")
	s, err = awssecret.FromEnv(t.Context(), "DUNAMIS_TEST")
	require.NoError(t, err)
	require.Equal(t, "mine", s.Reveal())
}
