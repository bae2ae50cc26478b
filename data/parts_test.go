package data

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Rows that two parts hold would be read twice, which no import allows: the reader refuses
// parts that were copied into a catalog by hand, and names both files.
func TestPartsThatNoImportWroteAreRefused(t *testing.T) {
	bar := func(minutes ...int) (list []exchange.Event) {
		for _, m := range minutes {
			start := testDay.Add(time.Duration(m) * time.Minute)
			p := price("7000")
			list = append(list, exchange.BarEvent(exchange.Bar{Start: start, End: start.Add(time.Minute), Open: p,
				High: p, Low: p, Close: p, Volume: 10, Trades: 1}))
		}
		return list
	}
	trade := func(minutes ...int) (list []exchange.Event) {
		all := trades(testDay, 60)
		for _, m := range minutes {
			list = append(list, all[m])
		}
		return list
	}
	for _, tt := range []struct {
		name          string
		key           Key
		first, second []exchange.Event // of two inputs, each in a catalog of its own
		copied        bool             // the first again, under another name
		want          string
	}{
		{name: "a copy of bars", key: key(BarKind(time.Minute)), first: bar(1, 2, 3), copied: true,
			want: "both hold the rows of the same input"},
		{name: "a copy of trades", key: key(KindTrade), first: trade(1, 2, 3), copied: true,
			want: "both hold the rows of the same input"},
		{name: "the same bars of another input", key: key(BarKind(time.Minute)), first: bar(1, 2, 3), second: bar(1, 2,
			3), want: "both have a row"},
		{name: "one bar of another input", key: key(BarKind(time.Minute)), first: bar(1, 2, 4), second: bar(3, 4, 5),
			want: "both have a row"},
		{name: "bars that touch", key: key(BarKind(time.Minute)), first: bar(1, 2), second: bar(2, 3),
			want: "both have a row"},
		{name: "trades between others", key: key(KindTrade), first: trade(1, 5), second: trade(2, 3),
			want: "their times overlap"},
		{name: "bars in a gap", key: key(BarKind(time.Minute)), first: bar(1, 4), second: bar(2, 3)},
		{name: "bars beside each other", key: key(BarKind(time.Minute)), first: bar(1, 2), second: bar(3, 4)},
		{name: "trades beside each other", key: key(KindTrade), first: trade(1, 2), second: trade(2, 3)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, other := newCatalog(t), newCatalog(t)
			load(t, c, "first", tt.key, tt.first)
			name := names(files(t, c.root))[0]
			from := filepath.Join(c.root, name)
			to := filepath.Join(filepath.Dir(from), "part-0123456789ab.parquet")
			rows := len(tt.first)
			if !tt.copied {
				load(t, other, "second", tt.key, tt.second)
				from = filepath.Join(other.root, names(files(t, other.root))[0])
				rows += len(tt.second)
			}
			content, err := os.ReadFile(from)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(to, content, 0o600))
			n, err := drainStream(t, c, tt.key)
			if tt.want == "" {
				require.ErrorIs(t, err, io.EOF)
				require.Equal(t, rows, n)
				return
			}
			var parts *PartsError
			require.ErrorAs(t, err, &parts)
			require.ErrorContains(t, err, tt.want)
			require.ElementsMatch(t, []string{name, filepath.Dir(name) + "/part-0123456789ab.parquet"},
				[]string{parts.First, parts.Second})
			_, err = c.Verify(t.Context(), VerifyOptions{Instruments: instruments(t)})
			require.NoError(t, err, "it reports what it finds")
		})
	}
}

// drainStream reads a stream to its end or its error.
func drainStream(t *testing.T, c *Catalog, k Key) (n int, err error) {
	t.Helper()
	f, err := c.Feed(t.Context(), Query{Instruments: instruments(t), Streams: []Key{k}, Unbounded: true})
	if err != nil {
		return 0, err
	}
	defer func() { require.NoError(t, f.Close()) }()
	buf := make([]exchange.Event, 100)
	for {
		got, err := f.Next(t.Context(), buf)
		n += got
		if err != nil {
			return n, errors.Join(err)
		}
	}
}
