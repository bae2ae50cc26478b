package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// A frame that is not text is a mistake, and the connection goes on; what is asked for
// behind it is answered.
func TestFramesThatAreNotText(t *testing.T) {
	w := busy(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	url := "ws" + strings.TrimPrefix(w.server.URL, "http") + "/realtime"
	conn, resp, err := websocket.Dial(ctx, url, nil) //nolint:bodyclose // of a stream
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	defer func() { _ = conn.CloseNow() }()
	next := func() string {
		_, frame, err := conn.Read(ctx)
		require.NoError(t, err)
		return string(frame)
	}
	require.Contains(t, next(), "Welcome")
	for _, c := range []struct {
		kind  websocket.MessageType
		frame string
		want  string
	}{
		{websocket.MessageBinary, `{"op":"subscribe","args":"trade:XBTUSD"}`,
			`"error":"Unrecognized request. Binary frames are not served."`},
		{websocket.MessageText, "ping", "pong"},
		{websocket.MessageText, `{"op":"cancelAllAfter","args":1000}`, `"status":401`},
		{websocket.MessageText, `{"op":"dance"}`, `"status":400`},
		{websocket.MessageBinary, "ping", `"status":400`},
		{websocket.MessageText, "ping", "pong"},
	} {
		require.NoError(t, conn.Write(ctx, c.kind, []byte(c.frame)))
		require.Contains(t, next(), c.want, c.frame)
	}
}

// A signature that is not valid until a second is refused as one that is wrong.
func TestExpiriesThatAreNoTime(t *testing.T) {
	w := busy(t)
	for _, text := range []string{"", "soon", "1.5", "9e18", "99999999999999999999", " 1700000000"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/api/v1/user", nil)
		require.NoError(t, err)
		r.Header["Api-Key"], r.Header["Api-Expires"], r.Header["Api-Signature"] = []string{
			"trader",
		}, []string{
			text,
		}, []string{
			"00",
		}
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err, text)
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode, text)
		require.NoError(t, resp.Body.Close())
	}
}
