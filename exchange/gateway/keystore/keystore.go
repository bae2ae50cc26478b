// Package keystore keeps the API keys of a gateway's simulated accounts in a
// directory of the user: keys.json, whose secrets are encrypted, and the master key
// that encrypts them. Both have mode 0600.
//
// A secret has to be readable to check a signature with it, so it cannot be a hash.
// Encryption keeps it out of backups and screens that show keys.json alone.
package keystore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/secret"
)

// Store is the keys in a directory. Its methods may be called from any goroutine, and
// it sees keys that another process has added.
type Store struct {
	dir  string
	aead cipher.AEAD

	mu   sync.Mutex
	keys []gateway.Key
	read fs.FileInfo // the file that keys are of; nil: none yet
}

var _ gateway.Keys = (*Store)(nil)

// record is a key in the file.
type record struct {
	ID          string    `json:"id"`
	Sealed      string    `json:"sealed"` // nonce and encrypted secret, base64
	Name        string    `json:"name,omitempty"`
	Account     int64     `json:"account"`
	Balance     string    `json:"balance,omitempty"`
	Permissions []string  `json:"permissions"`
	Disabled    bool      `json:"disabled,omitempty"`
	Created     time.Time `json:"created"`
	APIYear     int       `json:"api_year,omitempty"`
}

// Errors of the store.
var (
	ErrNoKey = errors.New("no such key")
	ErrMode  = errors.New("must be readable by its owner only (mode 0600)")
)

// Open opens the keys in a directory, which it makes with mode 0700.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	master, err := masterKey(filepath.Join(dir, "master.key"))
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(master)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	s := &Store{dir: dir, aead: aead}
	if err := s.refresh(); err != nil {
		return nil, err
	}
	return s, nil
}

// Greatest sizes of the files, in bytes.
const (
	maxKeyFile = 4 << 10  // the master key
	maxKeys    = 16 << 20 // all keys
)

// masterKey reads the 32 bytes that encrypt the secrets, or makes them. Of several
// processes that make them at once, one does: the file appears whole, or not at all.
func masterKey(path string) ([]byte, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := makeMasterKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("master key: %w", err)
		}
	}
	if err := private(path); err != nil {
		return nil, err
	}
	key, err := disk.ReadFile(path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("%s: want 32 bytes, has %d", path, len(key))
	}
	return key, nil
}

func makeMasterKey(path string) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".master.key.*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), path)
	}
	if removed := os.Remove(f.Name()); err == nil {
		err = removed
	}
	return err
}

// private refuses a file that others can read.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if err := disk.Regular(path, info); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s has mode %04o: %w", path, info.Mode().Perm(), ErrMode)
	}
	return nil
}

func (s *Store) path() string { return filepath.Join(s.dir, "keys.json") }

// refresh reads the file again if it has changed. The caller holds the lock, or is
// the only one.
func (s *Store) refresh() error {
	info, err := os.Stat(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if s.read != nil && os.SameFile(info, s.read) && info.ModTime().Equal(s.read.ModTime()) && info.Size() == s.read.Size() {
		return nil
	}
	if err := private(s.path()); err != nil {
		return err
	}
	b, err := disk.ReadFile(s.path(), maxKeys)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	var records []record
	if err := json.Unmarshal(b, &records); err != nil {
		return fmt.Errorf("%s: %w", s.path(), err)
	}
	keys := make([]gateway.Key, len(records))
	for n, r := range records {
		text, err := s.open(r.ID, r.Sealed)
		if err != nil {
			return fmt.Errorf("%s: key %s: %w", s.path(), r.ID, err)
		}
		keys[n] = gateway.Key{ID: r.ID, Secret: secret.New(text), Name: r.Name, Account: r.Account, Balance: r.Balance, Permissions: r.Permissions,
			Disabled: r.Disabled, Created: r.Created, APIYear: r.APIYear}
	}
	s.keys, s.read = keys, info
	return nil
}

func (s *Store) seal(id, text string) (string, error) {
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, []byte(text), []byte(id))), nil
}

func (s *Store) open(id, sealed string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", err
	}
	if len(b) < s.aead.NonceSize() {
		return "", errors.New("the sealed secret is too short")
	}
	n := s.aead.NonceSize()
	text, err := s.aead.Open(nil, b[:n], b[n:], []byte(id))
	if err != nil {
		return "", fmt.Errorf("the master key does not open it: %w", err)
	}
	return string(text), nil
}

// Add makes a key of a new account, or of the account that k names, and returns it
// with its secret, which nothing shows again.
func (s *Store) Add(k gateway.Key) (gateway.Key, error) {
	err := s.change(func() error {
		k.ID, k.Secret, k.Created = token(18), secret.New(token(36)), time.Now().UTC().Truncate(time.Millisecond)
		if k.Account == 0 {
			k.Account = 100_001
			for _, other := range s.keys {
				k.Account = max(k.Account, other.Account+1)
			}
		}
		s.keys = append(s.keys, k)
		return nil
	})
	return k, err
}

// Remove forgets a key. The account stays for its other keys.
func (s *Store) Remove(id string) error {
	return s.change(func() error {
		n := slices.IndexFunc(s.keys, func(k gateway.Key) bool { return k.ID == id })
		if n < 0 {
			return fmt.Errorf("%q: %w", id, ErrNoKey)
		}
		s.keys = slices.Delete(s.keys, n, n+1)
		return nil
	})
}

// change writes the keys as f leaves them, while no other process does.
func (s *Store) change(f func() error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lock, err := os.OpenFile(filepath.Join(s.dir, "keys.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	for {
		mine, err := disk.TryLock(lock)
		if err != nil {
			return fmt.Errorf("keys: %w", err)
		}
		if mine {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.sweep()
	s.read = nil
	s.keys = nil
	if err := s.refresh(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return s.write()
}

// sweep removes what processes left that were killed while they wrote. The caller holds
// the lock: nobody writes now.
func (s *Store) sweep() {
	left, _ := filepath.Glob(filepath.Join(s.dir, ".keys.json.*")) // the pattern is valid
	for _, path := range left {
		_ = os.Remove(path) // the next one will try again
	}
}

func (s *Store) write() error {
	records := make([]record, len(s.keys))
	for n, k := range s.keys {
		sealed, err := s.seal(k.ID, k.Secret.Reveal())
		if err != nil {
			return fmt.Errorf("keys: %w", err)
		}
		records[n] = record{ID: k.ID, Sealed: sealed, Name: k.Name, Account: k.Account, Balance: k.Balance, Permissions: k.Permissions,
			Disabled: k.Disabled, Created: k.Created, APIYear: k.APIYear}
	}
	return disk.Replace(s.path(), 0o600, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(records)
	})
}

// Lookup implements [gateway.Keys].
func (s *Store) Lookup(id string) (gateway.Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refresh() != nil {
		return gateway.Key{}, false // a file that cannot be read opens nothing
	}
	for _, k := range s.keys {
		if k.ID == id {
			return k, true
		}
	}
	return gateway.Key{}, false
}

// Account implements [gateway.Keys].
func (s *Store) Account(account int64) []gateway.Key {
	return slices.DeleteFunc(s.List(), func(k gateway.Key) bool { return k.Account != account })
}

// List returns every key, without secrets.
func (s *Store) List() []gateway.Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.refresh() // shows what it has
	list := slices.Clone(s.keys)
	for n := range list {
		list[n].Secret = secret.String{}
	}
	return list
}

// token returns random letters of n bytes.
func token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}
