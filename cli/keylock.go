package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

// keyLock is held by the session that trades with a key. A second one with the same key
// would cancel the first one's orders by the venue's dead man's switch, and take its fills
// for its own.
type keyLock struct{ file *os.File }

// lockKey takes the lock of a venue's key for a session, or says which session holds it. The
// file is named after a fingerprint: neither its name nor its content tells the key. It is in
// the user's own state directory, whatever --state says, since the key is the same.
func lockKey(state, session string, v *Venue, a *Access) (*keyLock, error) {
	root, err := stateDir("")
	if err != nil {
		if root, err = stateDir(state); err != nil {
			return nil, err
		}
	}
	dir := filepath.Join(root, "keys-in-use")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, dataError(err)
	}
	name := v.secrets()[0]
	sum := sha256.Sum256([]byte(v.Name + "\x00" + a.Secret(name).Reveal()))
	f, err := os.OpenFile(filepath.Join(dir, hex.EncodeToString(sum[:10])), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, dataError(err)
	}
	free := false
	for range 10 { // past a process that is about to end
		if free, err = disk.TryLock(f); err != nil || free {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return nil, errors.Join(dataError(err), f.Close())
	}
	if !free {
		holder, _ := io.ReadAll(io.LimitReader(f, 1000)) // it only names the holder
		err := fmt.Errorf("the key in $%s_%s is in use by session %s: a key has one session at a time; "+
			"stop that one first, or use another key", v.Env, name, strings.TrimSpace(string(holder)))
		return nil, errors.Join(usage(err), f.Close())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(session+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(dataError(err), f.Close())
	}
	return &keyLock{f}, nil
}

// release gives the key free. The file stays: removing it would let two hold it.
func (l *keyLock) release() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}
