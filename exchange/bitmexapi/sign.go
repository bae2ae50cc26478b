package bitmexapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"sync"
)

// Headers that sign a request.
const (
	HeaderKey       = "api-key"
	HeaderExpires   = "api-expires"
	HeaderSignature = "api-signature"
)

// BasePath is the part of every REST path that is signed with it.
const BasePath = "/api/v1"

// StreamPath is what a WebSocket signs with the verb GET, whatever path it connects to.
const StreamPath = "/realtime"

// Sign returns the signature of a request: the lower-case hex HMAC-SHA256, with the
// secret, of the upper-case verb, the path with its query exactly as sent, the expiry
// in unix seconds and the body.
func Sign(secret, verb, path string, expires int64, body []byte) string {
	return NewSigner(secret).Sign(verb, path, expires, body)
}

// Signer signs with one secret. Its methods may be called from any goroutine.
type Signer struct {
	mu  sync.Mutex
	mac hash.Hash
	buf []byte
}

// NewSigner returns a signer with a secret.
func NewSigner(secret string) *Signer { return &Signer{mac: hmac.New(sha256.New, []byte(secret))} }

// Sign does what the function does.
func (s *Signer) Sign(verb, path string, expires int64, body []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mac.Reset()
	s.buf = append(s.buf[:0], verb...)
	s.buf = append(s.buf, path...)
	s.buf = strconv.AppendInt(s.buf, expires, 10)
	s.buf = append(s.buf, body...)
	s.mac.Write(s.buf)
	var sum [sha256.Size]byte
	return hex.EncodeToString(s.mac.Sum(sum[:0]))
}

// Format implements fmt.Formatter: its secret is nobody's business.
func (*Signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[signer]") }

// Verify reports whether a signature is right, in a time that does not depend on where
// it is wrong.
func Verify(signature, secret, verb, path string, expires int64, body []byte) bool {
	return hmac.Equal([]byte(signature), []byte(Sign(secret, verb, path, expires, body)))
}
