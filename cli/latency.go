package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

// latencyFlags say how long messages travel.
type latencyFlags struct {
	all      string // data, orders and reports
	response string // reports, if not as all
	feed     string // data, if not as all
}

func (f *latencyFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.all, "latency", "0", "latency of data, orders and reports, one way:\n"+
		"  0, 5ms, or 5ms/8ms       none, a time, or one for orders and one for data and reports\n"+
		"  feed, feed:2+1ms         from the data's own arrival times, scaled and added to\n"+
		"  lognormal:5ms:0.4        drawn around a median with a sigma, by --seed\n"+
		"  lognormal:5ms:0.4:2s     the same, autocorrelated (Ornstein-Uhlenbeck), correlation time 2s\n"+
		"  load:5ms+20us/100ms      a time, and some for every event of the last 100ms\n"+
		"  recorded:FILE.csv+1ms    round trips with the columns request,exchange,response (a pattern\n"+
		"                           such as trips/*.csv reads several), rejected ones with exchange 0")
	fs.StringVar(&f.response, "response-latency", "", "latency of reports, if another: any of the above")
	fs.StringVar(&f.feed, "feed-latency", "", "latency of market data, if another: 0, a time or feed (default: as reports, the median\n"+
		"where they are drawn or recorded)")
}

func (f *latencyFlags) settings() map[string]any {
	return map[string]any{"latency": f.all, "response-latency": f.response, "feed-latency": f.feed}
}

// model reads what the simulated exchange needs.
func (f *latencyFlags) model(own *Models) (sim.Latency, error) {
	all, err := own.latency(f.all)
	if err != nil {
		return nil, fmt.Errorf("--latency: %w", err)
	}
	if f.response == "" {
		return all, nil
	}
	back, err := own.latency(f.response)
	if err != nil {
		return nil, fmt.Errorf("--response-latency: %w", err)
	}
	return sim.SplitLatency{ToExchange: all, ToStrategy: back}, nil
}

// delay reads when the strategy hears of data, and how late a trade can be.
func (f *latencyFlags) delay(l sim.Latency) (engine.Delay, time.Duration, error) {
	text := f.feed
	if text == "" {
		text = f.all
		if f.response != "" {
			text = f.response
		}
	} else if !isFeed(text) {
		fixed, err := sim.ParseLatency(text)
		constant, ok := fixed.(sim.ConstantLatency)
		if _, zero := fixed.(sim.ZeroLatency); err != nil || !zero && (!ok || constant.ToExchange != constant.ToStrategy) {
			return engine.Delay{}, 0, fmt.Errorf("--feed-latency %q: want 0, a time up to 1h such as 5ms, or feed", text)
		}
		return engine.Delay{Fixed: constant.ToStrategy}, constant.ToStrategy, nil
	}
	if isFeed(text) {
		// How late a trade can be is not known beforehand; a second is beyond any
		// feed worth replaying.
		return engine.Delay{FromData: true}, time.Second, nil
	}
	d := sim.Typical(l)
	return engine.Delay{Fixed: d}, d, nil
}

func isFeed(text string) bool { return text == "feed" || strings.HasPrefix(text, "feed:") }

// parseLatency reads a model, also of files.
func parseLatency(text string) (sim.Latency, error) {
	pattern, ok := strings.CutPrefix(text, "recorded:")
	if !ok {
		return sim.ParseLatency(text)
	}
	pattern, offset := cutOffset(pattern)
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%q: no such file", pattern)
	}
	var trips []sim.RoundTrip
	digest := sha256.New()
	for _, name := range files { // Glob sorts
		more, err := readTrips(name, digest)
		if err != nil {
			return nil, err
		}
		trips = append(trips, more...)
	}
	what := fmt.Sprintf("%s (%d trips, sha256 %s)", pattern, len(trips), hex.EncodeToString(digest.Sum(nil)[:8]))
	l, err := sim.NewRecordedLatency(what, trips)
	if err != nil {
		return nil, err
	}
	l.Offset = offset
	return l, nil
}

// cutOffset takes a duration off the end of a name.
func cutOffset(name string) (string, time.Duration) {
	if i := strings.LastIndexAny(name, "+-"); i > 0 {
		if d, err := time.ParseDuration(name[i:]); err == nil {
			return name[:i], d
		}
	}
	return name, 0
}

func readTrips(name string, digest io.Writer) ([]sim.RoundTrip, error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	defer f.Close() //nolint:errcheck // only read
	trips, err := sim.ReadRoundTrips(io.TeeReader(f, digest))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return trips, nil
}
