package cli_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// A backtest is a calculation: it must not open a connection. Every door of the
// process to the network panics while the demo runs.
func TestBacktestOpensNoConnection(t *testing.T) {
	resolver, transport := net.DefaultResolver, http.DefaultTransport
	defer func() { net.DefaultResolver, http.DefaultTransport = resolver, transport }()
	dial := func(context.Context, string, string) (net.Conn, error) { panic("a backtest opened a connection") }
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: dial}
	http.DefaultTransport = &http.Transport{DialContext: dial}
	mustBacktest(t, "demo", "--no-report")
}

// Where the machine allows it, the demo also runs where there is no network at
// all.
func TestBacktestRunsWithoutANetwork(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making a network namespace needs root")
	}
	if err := exec.Command("unshare", "--net", "true").Run(); err != nil {
		t.Skipf("no network namespaces here: %v", err)
	}
	bin := t.TempDir() + "/backtest"
	require.NoError(t, exec.Command("go", "build", "-o", bin, "../cmd/backtest").Run())
	out, err := exec.Command("unshare", "--net", bin, "demo", "--no-report").CombinedOutput()
	require.NoError(t, err, string(out))
}
