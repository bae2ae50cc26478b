//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// signals are the process's signals that throw a session's kill switch: SIGUSR1.
type signals struct{ received chan os.Signal }

func killSignals() signals {
	s := signals{received: make(chan os.Signal, 1)}
	signal.Notify(s.received, syscall.SIGUSR1)
	return s
}

func (s signals) stop() { signal.Stop(s.received) }
