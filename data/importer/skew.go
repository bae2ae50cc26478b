package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

const (
	// maxOffset is more than any wrong clock or time zone explains.
	maxOffset = 24 * time.Hour
	// floorDelay is what an automatic clock offset makes of the shortest time
	// that a message was under way.
	floorDelay = time.Millisecond
	maxSamples = 1 << 16
)

// skew compares arrivals with the exchange's times.
type skew struct {
	offset      time.Duration // that is added to arrivals
	rows, early int64
	stillEarly  int64 // with the offset
	min         time.Duration
	samples     []time.Duration // every step-th delay
	step        int64
}

// observe takes one delay, arrival - time.
func (s *skew) observe(delay time.Duration) {
	if s.rows == 0 || delay < s.min {
		s.min = delay
	}
	if delay < 0 {
		s.early++
	}
	if delay+s.offset < 0 {
		s.stillEarly++
	}
	s.sample(delay)
	s.rows++
}

// sample keeps a bounded number of evenly spaced delays: when there are too
// many, every second one goes.
func (s *skew) sample(delay time.Duration) {
	s.step = max(s.step, 1)
	if s.rows%s.step != 0 {
		return
	}
	if len(s.samples) == maxSamples {
		for i := range maxSamples / 2 {
			s.samples[i] = s.samples[2*i]
		}
		s.samples = s.samples[:maxSamples/2]
		s.step *= 2
	}
	s.samples = append(s.samples, delay)
}

// report returns what was found.
func (s *skew) report() *Clock {
	c := &Clock{Rows: s.rows, Early: s.early, Min: s.min, Offset: s.offset, StillEarly: s.stillEarly}
	if len(s.samples) > 0 {
		slices.Sort(s.samples)
		c.Median = s.samples[(len(s.samples)-1)/2]
	}
	return c
}

// warning tells of a recorder's clock that was behind and not corrected.
func (c *Clock) warning(file string) string {
	switch {
	case c.Early == 0:
		return ""
	case c.Offset == 0:
		return fmt.Sprintf("%s: %d of %d rows arrive before they happen, by up to %s: the recorder's clock was behind; "+
			"correct it with --clock-offset auto", file, c.Early, c.Rows, -c.Min)
	case c.StillEarly > 0:
		return fmt.Sprintf("%s: %d of %d rows arrive before they happen even with a clock offset of %s; "+
			"correct it with --clock-offset auto", file, c.StillEarly, c.Rows, c.Offset)
	}
	return ""
}

// MeasureClockOffset returns the offset that "auto" stands for, for all the
// files of one recording together: trades, quotes and books of one recorder
// share its clock and must be moved alike. Files without times of arrival do not
// count. It reads every file once.
//
// The offset is 0 if nothing arrives before it happens, and otherwise
//
//	-min(arrival - time) + 1 ms, rounded up to a microsecond
//
// so that the quickest message takes a millisecond and the others keep their
// distance to it.
func MeasureClockOffset(ctx context.Context, paths []string, o Options) (time.Duration, error) {
	if err := validFormat(o.Format); err != nil {
		return 0, err
	}
	var lowest time.Duration
	for _, path := range paths {
		f, err := detect(path, o.Format)
		if err != nil {
			return 0, err
		}
		if !f.arrives() {
			continue
		}
		delay, err := shortestDelay(ctx, path, f, o.SkipBad)
		if err != nil {
			return 0, err
		}
		if delay <= -maxOffset {
			return 0, fmt.Errorf("%s: a row arrives %s before it happens: that is no wrong clock; "+
				"look at its columns timestamp and local_timestamp", filepath.Base(path), -delay)
		}
		lowest = min(lowest, delay)
	}
	if lowest >= 0 {
		return 0, nil
	}
	return (-lowest + floorDelay + time.Microsecond - 1).Truncate(time.Microsecond), nil
}

// shortestDelay returns the smallest arrival - time of a file.
func shortestDelay(ctx context.Context, path string, f *format, skipBad bool) (time.Duration, error) {
	s, err := openScanner(path, f)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	p := pass{format: f}
	for n := 0; ; n++ {
		if n%checkRows == 0 && ctx.Err() != nil {
			return 0, fmt.Errorf("%s: %w", filepath.Base(path), ctx.Err())
		}
		r, err := s.next()
		if errors.Is(err, io.EOF) {
			return p.clock.min, nil
		}
		if err == nil {
			at, arrival, bad := p.arrive(r)
			if err = bad; err == nil {
				p.clock.observe(arrival.Sub(at))
				continue
			}
		}
		var cut *TruncatedError
		switch {
		case skipBad && skippable(err) != nil:
		case skipBad && errors.As(err, &cut):
			return p.clock.min, nil
		default:
			return 0, err
		}
	}
}

// clockOffset returns the offset that the options ask for.
func clockOffset(ctx context.Context, path string, o Options) (time.Duration, error) {
	if o.ClockOffset == auto {
		return MeasureClockOffset(ctx, []string{path}, o)
	}
	return parseOffset(o.ClockOffset)
}

// parseOffset reads an offset that is not to be measured.
func parseOffset(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= -maxOffset || d >= maxOffset {
		return 0, fmt.Errorf("clock offset %q: want auto, or a duration below a day such as 1.27s", text)
	}
	return d, nil
}

// offsetDigest makes an import with a clock offset another input than the plain
// file, so that neither is taken for the other.
func offsetDigest(digest string, offset time.Duration) string {
	if offset == 0 {
		return digest
	}
	sum := sha256.Sum256([]byte(digest + "\nclock-offset " + offset.String() + "\n"))
	return hex.EncodeToString(sum[:])
}
