package data

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/internal/racetest"
)

const crashRoot = "DUNAMIS_TEST_CRASH_ROOT"

func crashEvents() (trades int) { return 40 * 24 * 60 } // forty days

// slowDisk gives the parent time to kill between any two renames.
type slowDisk struct{ disk.OS }

func (slowDisk) Rename(from, to string) error {
	time.Sleep(time.Millisecond)
	return disk.OS{}.Rename(from, to)
}

// TestMain's child: imports, saying when the commit begins.
func crashChild(root string) error {
	c, err := Open(root)
	if err != nil {
		return err
	}
	c.disk = slowDisk{}
	tx, err := c.NewTx(input("in"))
	if err != nil {
		return err
	}
	if err := tx.Write(key(KindTrade), trades(testDay, crashEvents())); err != nil {
		return err
	}
	fmt.Println("commit")
	_, err = tx.Commit(context.Background())
	return err
}

func TestKilledDuringCommit(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	events := trades(testDay, crashEvents())
	partial := 0
	rounds := 20
	if racetest.Enabled {
		rounds = 5
	}
	for i := range rounds {
		c := newCatalog(t)
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), crashRoot+"="+c.root)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		time.Sleep(time.Duration(i) * 4 * time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed, or done before

		// Whatever is visible is whole.
		infos, err := c.Info(t.Context())
		require.NoError(t, err)
		if len(infos) > 0 {
			if infos[0].Parts < 40 {
				partial++
			}
			got := read(t, c, key(KindTrade))
			require.Equal(t, infos[0].Rows, int64(len(got)))
			report, err := c.Verify(t.Context(), VerifyOptions{Instruments: instruments(t), MaxGap: 100 * day})
			require.NoError(t, err)
			require.Zero(t, report.Streams[0].Check(CheckUnreadable).Count)
		}
		// Importing again completes it and clears up.
		load(t, c, "in", key(KindTrade), events)
		require.Equal(t, expect(t, key(KindTrade), 0, events), read(t, c, key(KindTrade)))
		left, err := filepath.Glob(filepath.Join(c.root, stagingPrefix+"*"))
		require.NoError(t, err)
		require.Empty(t, left)
	}
	t.Logf("killed half-way: %d of 20", partial)
}
