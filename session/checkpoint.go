package session

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

const (
	// checkpointEvery is how often what is committed is moved from the write-ahead log to
	// the database, and flushed to the disk.
	checkpointEvery = time.Second
	// longestLog is how many pages the log may have until a transaction moves them itself:
	// 32 MB.
	longestLog = 8192
)

// checkpoints move what is committed beside the session, on a connection of their own: a
// checkpoint waits for the disk, and a turn of the session's loop must not.
type checkpoints struct {
	db    *sql.DB
	log   *slog.Logger
	stop  context.CancelFunc
	group sync.WaitGroup
}

func newCheckpoints(ctx context.Context, s *Store, log *slog.Logger) (*checkpoints, error) {
	db, err := connect(filepath.Join(s.Dir, databaseName), true)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &checkpoints{db: db, log: log, stop: stop}
	c.group.Go(func() { c.run(ctx) })
	return c, nil
}

func (c *checkpoints) run(ctx context.Context) {
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	for failed := false; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		_, err := c.db.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		if err != nil && !failed && ctx.Err() == nil {
			c.log.Warn("what is committed was not moved to the database", "error", err)
		}
		failed = err != nil
	}
}

// close waits for the checkpoint that is under way.
func (c *checkpoints) close() error {
	if c == nil {
		return nil
	}
	c.stop()
	c.group.Wait()
	return c.db.Close()
}
