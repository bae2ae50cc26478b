package session

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

// Errors of a store.
var (
	// ErrRunning means that another process runs the session.
	ErrRunning = errors.New("another process runs the session")
	// ErrNoSession means that a directory holds no session.
	ErrNoSession = errors.New("there is no session")
	// ErrLost means that a directory held a session whose database is gone.
	ErrLost = errors.New("the session's database is lost")
)

// Names of files in a session's directory.
const (
	databaseName = "session.db"
	lockName     = "lock"
	controlName  = "control"
	tokenName    = "token" // of the dashboard; package cli makes it
	// begunName is an empty file that is made once a session has begun: it tells a database
	// that was lost from one whose making was broken off.
	begunName = "begun"
)

// schemaVersion is PRAGMA user_version of the database.
const schemaVersion = 2

// liveSchema came with version 2.
const liveSchema = `
CREATE TABLE commands (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, symbol TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE shadow (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, heard INTEGER NOT NULL, kind TEXT NOT NULL, symbol TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE fates (client_id TEXT PRIMARY KEY, symbol TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL, qty INTEGER NOT NULL, price TEXT NOT NULL,
	sent INTEGER NOT NULL, joined INTEGER NOT NULL, ahead INTEGER NOT NULL,
	venue_status TEXT NOT NULL, venue_told INTEGER NOT NULL, venue_heard INTEGER NOT NULL, venue_filled INTEGER NOT NULL, venue_price TEXT NOT NULL,
	venue_first INTEGER NOT NULL, venue_maker INTEGER NOT NULL, venue_fees INTEGER NOT NULL,
	sim_status TEXT NOT NULL, sim_told INTEGER NOT NULL, sim_heard INTEGER NOT NULL, sim_filled INTEGER NOT NULL, sim_price TEXT NOT NULL,
	sim_first INTEGER NOT NULL, sim_maker INTEGER NOT NULL, sim_fees INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX fates_sent ON fates (sent);
`

const schema = `
CREATE TABLE session (id INTEGER PRIMARY KEY CHECK (id = 1), settings TEXT NOT NULL, created TEXT NOT NULL);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), batches INTEGER NOT NULL, outputs INTEGER NOT NULL, data TEXT NOT NULL);
CREATE TABLE inputs (batch INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE segments (first_batch INTEGER PRIMARY KEY, last_batch INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE outputs (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, symbol TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE orders (client_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL,
	qty INTEGER NOT NULL, price TEXT NOT NULL, stop_price TEXT NOT NULL, status TEXT NOT NULL, filled INTEGER NOT NULL, leaves INTEGER NOT NULL,
	avg_price TEXT NOT NULL, reason TEXT NOT NULL, text TEXT NOT NULL, open INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX orders_open ON orders (open) WHERE open = 1;
CREATE TABLE fills (exec_id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, client_id TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
	qty INTEGER NOT NULL, price TEXT NOT NULL, fee INTEGER NOT NULL, liquidity TEXT NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE samples (at INTEGER PRIMARY KEY, wallet INTEGER NOT NULL, equity INTEGER NOT NULL);
`

// State is where a session is, as of its newest transaction.
type State struct {
	Now       exchange.Time       `json:"now"`      // the session has done everything up to here
	Consumed  int64               `json:"consumed"` // events taken from the source
	Events    int64               `json:"events"`   // events in the journal
	Ended     bool                `json:"ended"`    // nothing more can happen
	Halted    string              `json:"halted,omitempty"`
	Tripped   string              `json:"tripped,omitempty"` // the risk guard's rule
	Margin    exchange.Margin     `json:"margin"`
	Positions []exchange.Position `json:"positions"`
	Gaps      []Gap               `json:"gaps"`      // the newest
	GapCount  int64               `json:"gap_count"` // all of them

	Pursuit *Pursuit `json:"pursuit,omitempty"` // what the session brings about, or has brought about last
	// Limits are those of the risk guard that are in force, by the names and in the words of
	// the flags that set them.
	Limits map[string]string `json:"limits,omitempty"`

	// Of a session on a live venue.
	Venue           *VenueState  `json:"venue,omitempty"`
	Commands        int64        `json:"commands,omitempty"`         // sent
	Shadowed        int64        `json:"shadowed,omitempty"`         // reports of the simulator beside the venue
	Differences     []Difference `json:"differences,omitempty"`      // the newest
	DifferenceCount int64        `json:"difference_count,omitempty"` // all of them

	// Skipped are the numbers of the journal's events that are left out, in order.
	Skipped []int64 `json:"skipped,omitempty"`

	batches int64
	outputs int64
}

// Gap is a time in which the session heard nothing.
type Gap struct {
	From exchange.Time `json:"from"`
	To   exchange.Time `json:"to"`
}

// VenueState is what was there on a live venue when its account was first connected.
type VenueState struct {
	Before     exchange.Time `json:"before"`     // the newest execution
	Executions []string      `json:"executions"` // of that instant
}

// Difference is something in which a live account was not what its reports came to.
type Difference struct {
	At   exchange.Time `json:"at"`
	Text string        `json:"text"`
}

// keptGaps is how many gaps a state names.
const keptGaps = 20

func (s *State) missed(from, to exchange.Time) {
	s.Gaps = append(s.Gaps, Gap{From: from, To: to})
	s.Gaps = s.Gaps[max(0, len(s.Gaps)-keptGaps):]
	s.GapCount++
}

func (s *State) differs(d Difference) {
	s.Differences = append(s.Differences, d)
	s.Differences = s.Differences[max(0, len(s.Differences)-keptGaps):]
	s.DifferenceCount++
}

// Store is the database of a session. One process has it open for writing; any number
// read it.
type Store struct {
	Dir string
	db  *sql.DB
	// lock is held by the process that runs the session. nil: only reading.
	lock *os.File
}

// Create makes a session in a directory that has none, and opens it to be run. settings
// are for whoever wires it to keep.
func Create(ctx context.Context, dir, settings string, created exchange.Time) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, controlName), 0o700); err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	s, err := open(ctx, dir, true, true)
	if err != nil {
		return nil, err
	}
	err = s.begin(ctx, settings, created)
	if err == nil {
		err = s.markBegun()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("session %s: %w", dir, err), s.Close())
	}
	return s, nil
}

// markBegun makes the file that tells that a session has begun.
func (s *Store) markBegun() error {
	f, err := os.OpenFile(filepath.Join(s.Dir, begunName), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (s *Store) begin(ctx context.Context, settings string, created exchange.Time) error {
	var tables int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return err
	}
	if tables > 0 {
		return errors.New("there is one already")
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for _, statement := range []string{schema, liveSchema, departureTable,
		fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO session VALUES (1, ?, ?)", settings, created.String()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO state VALUES (1, 0, 0, '{}')"); err != nil {
		return err
	}
	return tx.Commit()
}

// Open opens a session to be run. It fails with [ErrRunning] while another process
// runs it, and with [ErrNoSession] where there is none.
func Open(ctx context.Context, dir string) (*Store, error) { return open(ctx, dir, true, false) }

// Read opens a session to be looked at, whether it runs or not.
func Read(ctx context.Context, dir string) (*Store, error) { return open(ctx, dir, false, false) }

func open(ctx context.Context, dir string, write, create bool) (*Store, error) {
	path := filepath.Join(dir, databaseName)
	there, err := inspect(path)
	if err == nil && !there && !create {
		err = fmt.Errorf("%w in %s", ErrNoSession, dir)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{Dir: dir}
	if write {
		if err := s.waitForLock(); err != nil {
			return nil, err
		}
	}
	if write {
		err = makePrivate(path)
	}
	if err == nil {
		s.db, err = connect(path, write)
	}
	if err == nil && !create {
		err = s.check(ctx, write)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("session %s: %w", dir, err), s.Close())
	}
	return s, nil
}

// inspect reports whether there is a database. One that is missing or empty where a session
// has run is [ErrLost]: beginning anew would hide that its history is gone.
func inspect(path string) (there bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return false, fmt.Errorf("session: %w", err)
	default:
		if err := disk.Regular(path, info); err != nil {
			return false, fmt.Errorf("session: %w", err) // opening a pipe could block for ever
		}
		if info.Size() > 0 {
			return true, nil
		}
	}
	what := "is missing"
	if info != nil {
		what = "is empty"
	}
	dir := filepath.Dir(path)
	for _, name := range []string{begunName, databaseName + "-wal", tokenName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return false,
				fmt.Errorf("%s %s, but %s is there: %w; restore it from a copy, or remove the directory to begin anew",
					path, what, name, ErrLost)
		}
	}
	return false, nil
}

// makePrivate gives a database mode 0600, since it holds the settings and orders of an
// account. It creates a missing file, because SQLite would create it with mode 0644.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	for _, end := range []string{"", "-wal", "-shm"} { // later ones get the mode of the database
		if err := os.Chmod(path+end, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// connect opens the database. What is written survives the death of the process at
// once, and that of the machine from the next checkpoint on.
func connect(path string, write bool) (*sql.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(NORMAL)", fmt.Sprintf("wal_autocheckpoint(%d)", longestLog)}, "_txlock": {"immediate"}}
	if !write {
		q = url.Values{"_pragma": {"busy_timeout(5000)", "query_only(1)"}}
		fixed, err := onReadOnlyMedia(path)
		if err != nil {
			return nil, err
		}
		if fixed {
			q.Set("immutable", "1")
		}
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err == nil && write {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// onReadOnlyMedia reports whether a database is on a file system that cannot be written, where
// SQLite cannot make the files that readers share. What its log holds would not be seen: then
// it is an error.
func onReadOnlyMedia(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		return false, f.Close()
	}
	if !errors.Is(err, syscall.EROFS) {
		return false, nil // another user's session can be read through the files that are there
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return false,
			fmt.Errorf("%s-wal has transactions that are not in the database, and the file system cannot be written: "+
				"copy the directory to one that can", path)
	}
	return true, nil
}

// waitForLock takes the lock, past those who only look whether it is held.
func (s *Store) waitForLock() (err error) {
	for range 10 {
		if err = s.takeLock(); !errors.Is(err, ErrRunning) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

func (s *Store) takeLock() error {
	path := filepath.Join(s.Dir, lockName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, syscall.EROFS) {
		f, err = os.Open(path) // of a file system that cannot be written
	}
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	free, err := disk.TryLock(f)
	if err == nil && !free {
		err = fmt.Errorf("%s: %w", s.Dir, ErrRunning)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	s.lock = f
	return nil
}

// Running reports whether a process runs the session.
func Running(dir string) (bool, error) {
	s := Store{Dir: dir}
	err := s.takeLock()
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // a read-only file system has no lock
	}
	if errors.Is(err, ErrRunning) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, s.lock.Close()
}

// check makes sure that the database is one of ours, and brings an older one up to date
// if it may be written.
func (s *Store) check(ctx context.Context, write bool) error {
	var version int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version == 0:
		return fmt.Errorf("%w: its making was not finished; remove the directory", ErrNoSession)
	case version != schemaVersion && version != 1:
		return fmt.Errorf("the database is of version %d, and this program writes version %d", version, schemaVersion)
	case !write:
		return nil
	case version == 1:
		if _, err := s.db.ExecContext(ctx,
			"BEGIN;"+liveSchema+departureTable+";"+fmt.Sprintf("PRAGMA user_version = %d; COMMIT",
				schemaVersion)); err != nil {
			return err
		}
	default:
		if _, err := s.db.ExecContext(ctx, departureTable); err != nil {
			return err
		}
	}
	return s.markBegun() // an earlier version did not
}

// Close closes the database and gives the session free.
func (s *Store) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

// Settings are the text that the session was created with, and when that was.
func (s *Store) Settings(ctx context.Context) (settings string, created exchange.Time, err error) {
	var at string
	if err := s.db.QueryRowContext(ctx, "SELECT settings, created FROM session").Scan(&settings, &at); err != nil {
		return "", 0, fmt.Errorf("session %s: %w", s.Dir, err)
	}
	created, err = exchange.ParseTime(at)
	return settings, created, err
}

// State is the newest that was committed.
func (s *Store) State(ctx context.Context) (State, error) {
	var state State
	var text string
	err := s.db.QueryRowContext(ctx, "SELECT batches, outputs, data FROM state").Scan(&state.batches, &state.outputs, &text)
	if err == nil {
		err = json.Unmarshal([]byte(text), &state)
	}
	if err != nil {
		return State{}, fmt.Errorf("session %s: state: %w", s.Dir, err)
	}
	return state, nil
}
