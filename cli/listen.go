package cli

import (
	"fmt"
	"net"
	"strconv"
)

// onLoopback reports whether only programs of this machine can connect.
func onLoopback(l net.Listener) bool {
	tcp, _ := l.Addr().(*net.TCPAddr)
	return tcp != nil && tcp.IP.IsLoopback()
}

// addressOf is the host and port at which a listener is reached from this machine: one
// that listens on every address has none that a browser could open.
func addressOf(l net.Listener) string {
	tcp, _ := l.Addr().(*net.TCPAddr)
	if tcp == nil || !tcp.IP.IsUnspecified() {
		return l.Addr().String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}

// warnOfOthers warns if others than this machine can connect, and says what they can see.
func (a *App) warnOfOthers(l net.Listener, see string) {
	if onLoopback(l) {
		return
	}
	fmt.Fprintf(
		a.Stderr,
		"warning: %s can be reached by other machines, and speaks plain HTTP: %s; put TLS in front of it\n",
		l.Addr(),
		see,
	)
}
