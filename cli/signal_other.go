//go:build !unix

package cli

import "os"

// signals are none on this system: the other kill switches remain.
type signals struct{ received chan os.Signal }

func killSignals() signals { return signals{} }

func (signals) stop() {}
