package reports

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	root := t.TempDir()
	play := func(name, price string) string {
		dir := filepath.Join(root, name)
		m := newModel(t, dir, 1_000_000_000)
		m.sample()
		m.fill(0, 100, "7000")
		m.wait(48 * time.Hour)
		m.sample()
		m.fill(0, -100, price)
		m.wait(time.Hour)
		m.finish()
		return dir
	}
	a, b, same := play("a", "7100"), play("b", "7200"), play("same", "7100")
	c, err := Compare([]string{a, b, same})
	require.NoError(t, err)
	require.Empty(t, c.Settings, "they were asked for alike")
	require.Empty(t, c.Warnings)
	require.Equal(t, c.Runs[0].Digest, c.Runs[2].Digest)
	for _, f := range c.Figures {
		require.Equal(t, f.Values[0], f.Values[2], f.Name)
		if f.Differences[1] != nil {
			require.InDelta(t, *f.Values[1]-*f.Values[0], *f.Differences[1], 1e-12, f.Name)
			require.Zero(t, *f.Differences[0])
		}
		if f.Name == "account.realised_pnl" {
			// 100 contracts from 7000 to 7100 and 7200, each worth a rounded share of a coin.
			require.InDelta(t, 20_100, *f.Values[0], 100)
			require.Greater(t, *f.Values[1], *f.Values[0])
		}
	}
	text := c.Text()
	require.Contains(t, text, "realised pnl")
	require.Contains(t, text, "(+")
	for _, line := range strings.Split(text, "\n") {
		require.Equal(t, strings.TrimRight(line, " "), line)
	}
	_, err = Compare([]string{a, root})
	require.ErrorContains(t, err, root)
}

func TestCompareSaysWhatDiffers(t *testing.T) {
	a, b := new(Result), new(Result)
	a.Run.Params = map[string]string{"fast": "10", "qty": "5"}
	b.Run.Params = map[string]string{"fast": "20", "qty": "5"}
	a.Models, b.Models = []Model{{"queue", "front"}}, []Model{{"queue", "risk-averse"}}
	b.Account.Currency, b.Run.End, b.Data = "USDt", 5, []DataPart{{Path: "x"}}
	c := &Comparison{Runs: []ComparedRun{{Dir: "a", Result: a}, {Dir: "b", Result: b}}}
	c.compareSettings()
	c.warn()
	var names []string
	for _, s := range c.Settings {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"model queue", "param fast", "start balance", "to"}, names)
	require.Equal(t, []string{"10", "20"}, c.Settings[1].Values)
	require.Equal(
		t,
		[]string{"b is in USDt, not : amounts cannot be compared", "b covers another time", "b rests on other data"},
		c.Warnings,
	)
}
