package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// Models are fill and latency models of a binary's own, beside those that package sim
// has: by the name that --queue or --latency gives, read from what follows the name
// and a colon there, which may be nothing.
type Models struct {
	Queues    map[string]func(param string) (sim.QueueModel, error)
	Latencies map[string]func(param string) (sim.Latency, error)
}

// Option adds to what a binary offers.
type Option func(*App)

// WithQueue lets --queue NAME:PARAM choose a queue model of the binary's own. Its
// String is what the manifest says of it.
func WithQueue(name string, read func(param string) (sim.QueueModel, error)) Option {
	return func(a *App) {
		if a.Models.Queues == nil {
			a.Models.Queues = map[string]func(string) (sim.QueueModel, error){}
		}
		a.Models.Queues[name] = read
	}
}

// WithLatency lets --latency NAME:PARAM choose a latency model of the binary's own.
func WithLatency(name string, read func(param string) (sim.Latency, error)) Option {
	return func(a *App) {
		if a.Models.Latencies == nil {
			a.Models.Latencies = map[string]func(string) (sim.Latency, error){}
		}
		a.Models.Latencies[name] = read
	}
}

// queue reads the name of a queue model.
func (m *Models) queue(text string) (sim.QueueModel, error) {
	name, param, _ := strings.Cut(text, ":")
	if read := m.Queues[name]; read != nil {
		return read(param)
	}
	q, err := sim.ParseQueue(text)
	return q, also(err, slices.Sorted(maps.Keys(m.Queues)))
}

// latency reads the name of a latency model.
func (m *Models) latency(text string) (sim.Latency, error) {
	name, param, _ := strings.Cut(text, ":")
	if read := m.Latencies[name]; read != nil {
		return read(param)
	}
	l, err := parseLatency(text)
	return l, also(err, slices.Sorted(maps.Keys(m.Latencies)))
}

// also names the models of the binary where those of the simulator are named.
func also(err error, names []string) error {
	if err == nil || len(names) == 0 {
		return err
	}
	return fmt.Errorf("%w; or of this program %s", err, strings.Join(names, ", "))
}
