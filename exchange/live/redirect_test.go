package live

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// An answer of 300 to 399 is a redirect, of which an error may show the host and no more.
func TestRedirect(t *testing.T) {
	asked, err := url.Parse("https://venue.example/realtime")
	require.NoError(t, err)
	for _, c := range []struct {
		status         int
		location, want string
	}{
		{101, "https://b.example/x", ""},
		{297, "https://b.example/x", ""},
		{299, "https://b.example/x", ""},
		{300, "https://b.example/x?token=secret", "https://b.example"},
		{308, "ws://user:secret@b.example:81/secret", "ws://b.example:81"},
		{399, "/elsewhere", "https://venue.example"},
		{302, "", "nowhere"},
		{302, "http://[", "nowhere"},
		{400, "https://b.example/x", ""},
		{503, "https://b.example/x", ""},
	} {
		resp := &http.Response{StatusCode: c.status, Header: http.Header{}, Request: &http.Request{URL: asked}}
		if c.location != "" {
			resp.Header.Set("Location", c.location)
		}
		require.Equal(t, c.want, redirect(resp), "%d %s", c.status, c.location)
	}
	require.Empty(t, redirect(nil), "no answer")
}
