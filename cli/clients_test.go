package cli_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// client runs a program of testdata/clients on a gateway and returns its last line, JSON. DUNAMIS_CLIENTS is a Python
// with the packages of testdata/clients/requirements.txt; without it the test is skipped.
func client(t *testing.T, program, url, key, secret string, env ...string) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, clientPython(t), filepath.Join("..", "testdata", "clients", program))
	c.Env = append(os.Environ(), "URL="+url, "STREAM="+strings.Replace(url, "http", "ws", 1)+"/realtime", "KEY="+key,
		"SECRET="+secret,
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	c.Env = append(c.Env, env...)
	var errs bytes.Buffer
	c.Stderr = &errs
	text, err := c.Output()
	require.NoError(t, err, "%s%s", text, &errs)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var seen map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &seen), "%s", text)
	return seen
}

func clientPython(t *testing.T) string {
	t.Helper()
	racetest.Skip(t)
	python := os.Getenv("DUNAMIS_CLIENTS")
	if python == "" {
		t.Skip("set DUNAMIS_CLIENTS to a Python with the packages of testdata/clients/requirements.txt")
	}
	return python
}

// The venue's own client works with the document that the gateway serves, and with the venue's.
func TestOfficialClient(t *testing.T) {
	clientPython(t)
	url, key, secret := served(t, "--synthetic")
	require.EqualValues(t, 2, client(t, "official.py", url, key, secret)["fills"])
	t.Run("with the document of the venue", func(t *testing.T) {
		document := shared(t, "bitmex/swagger.json")
		url, key, secret := served(t, "--synthetic")
		require.EqualValues(t, 2, client(t, "official.py", url, key, secret, "DOCUMENT="+document)["fills"])
	})
}

// nautilus_trader's adapter is a program of 2025.
func TestNautilusClient(t *testing.T) {
	clientPython(t)
	url, key, secret := served(t, "--synthetic", "--api-year", "2025")
	seen := client(t, "nautilus.py", url, key, secret)
	require.Nil(t, seen["error"])
	for _, name := range []string{"quotes", "trades", "deltas"} {
		require.Greater(t, seen[name], 3.0, name)
	}
	require.EqualValues(t, 0, seen["open"])
	orders, _ := seen["orders"].([]any)
	require.Len(t, orders, 4, "limit, market, stop, close: %v", orders)
	require.ElementsMatch(t, []any{"FILLED", "FILLED", "CANCELED", "CANCELED"}, orders)
	events, _ := seen["events"].(map[string]any)
	require.Contains(t, events, "OrderUpdated")
	require.NotContains(t, events, "OrderRejected")
}

// cryptofeed insists on an encrypted stream, and follows open interest.
func TestFeedClient(t *testing.T) {
	clientPython(t)
	cert, key := certificate(t)
	url, id, secret := served(t, "--synthetic", "--tls-cert", cert, "--tls-key", key)
	require.Contains(t, url, "https://")
	seen := client(t, "market_feed.py", url, id, secret, "SSL_CERT_FILE="+cert, "REQUESTS_CA_BUNDLE="+cert)
	for _, name := range []string{"trades", "l2_book", "ticker"} {
		require.Greater(t, seen[name], 3.0, "%s of %v", name, seen)
	}
}

// certificate makes a certificate for this machine, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	b, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: b}), 0o600))
	return cert, key
}

func TestServeTLS(t *testing.T) {
	cert, key := certificate(t)
	url, _, _ := served(t, "--synthetic", "--tls-cert", cert, "--tls-key", key)
	pool := x509.NewCertPool()
	b, err := os.ReadFile(cert)
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(b))
	get := func(c *tls.Config) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/instrument", nil)
		require.NoError(t, err)
		resp, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: c}}).Do(r)
		if err != nil {
			return err
		}
		require.Equal(t, 200, resp.StatusCode)
		return resp.Body.Close()
	}
	require.NoError(t, get(&tls.Config{RootCAs: pool}))
	require.Error(t, get(&tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}), "TLS 1.1")
	require.Error(t, get(&tls.Config{MinVersion: tls.VersionTLS12}), "a certificate of an unknown authority")

	other, open := filepath.Join(t.TempDir(), "other.pem"), filepath.Join(t.TempDir(), "open.pem")
	b, err = os.ReadFile(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(open, b, 0o600))
	require.NoError(t, os.Chmod(open, 0o644))
	require.NoError(t, os.WriteFile(other, []byte("no key"), 0o600))
	for _, tt := range []struct{ cert, key, text string }{
		{cert, "", "--tls-cert and --tls-key go together"},
		{"", key, "--tls-cert and --tls-key go together"},
		{cert, other, "--tls-key"},
		{cert, open, "mode 0644"},
		{other, key, "--tls-cert"},
		{filepath.Join(t.TempDir(), "none"), key, "no such file"},
	} {
		said, code := printed(t, "paper", "serve", "--state", t.TempDir(), "--synthetic", "--tls-cert", tt.cert,
			"--tls-key", tt.key)
		require.Equal(t, 2, code, said)
		require.Contains(t, said, tt.text)
	}
}

func TestYearOfTheAPI(t *testing.T) {
	for _, args := range [][]string{{"serve", "--synthetic"}, {"keys", "add"}} {
		said, code := printed(t, "paper", append(args, "--state", t.TempDir(), "--api-year", "2031")...)
		require.Equal(t, 2, code, said)
		require.Contains(t, said, "--api-year 2031: want a year from 2014 to 2026")
	}
}
