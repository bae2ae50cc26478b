package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

// pollEvery is how often a running session looks for requests in its directory.
const pollEvery = 100 * time.Millisecond

// Request is what can be asked of a session that runs.
type Request string

// Requests. Each can be made by a method call in the session's own process, and from
// elsewhere by a file of that name in the directory "control" of the session.
const (
	Kill    Request = "kill"    // cancel all orders, refuse new ones until Clear
	Flatten Request = "flatten" // cancel all orders and close all positions
	Clear   Request = "clear"   // let orders through again
	Stop    Request = "stop"    // end the session for good
	Suspend Request = "suspend" // end the run; the session can go on later

	// These kill and flatten first, and end the session or the run once the venue has
	// confirmed that no order is open and no position left, however long that takes and
	// however often the process dies meanwhile.
	FlattenStop    Request = "flatten-stop"
	FlattenSuspend Request = "flatten-suspend"
)

// Requests in the order in which they are carried out when several are there.
var allRequests = []Request{Kill, Flatten, Clear, FlattenSuspend, FlattenStop, Suspend, Stop}

// ParseRequest reads the name of a request.
func ParseRequest(text string) (Request, error) {
	if r := Request(text); slices.Contains(allRequests, r) {
		return r, nil
	}
	return "", fmt.Errorf("request %q: want one of %v", text, allRequests)
}

var operations = map[Request]exchange.Operation{Kill: exchange.OperationKill, Flatten: exchange.OperationFlatten, Clear: exchange.OperationClear}

// flattens reports whether a request ends the session once it is flat.
func (r Request) flattens() bool { return r == FlattenStop || r == FlattenSuspend }

// Ask leaves a request for the process that runs the session in dir. It is carried out
// within a moment, or when the session next runs.
func Ask(dir string, r Request) error {
	f, err := os.OpenFile(filepath.Join(dir, controlName, string(r)), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return f.Close()
}

// Setting is the value that a limit of the risk guard is to have. Its number is the engine's.
type Setting struct {
	Number int   `json:"number"`
	Value  int64 `json:"value"`
}

// limitsName begins the names of the files that ask for limits; a time follows, by which they
// are carried out in order.
const limitsName = "limits."

// AskLimits asks the process that runs the session in dir for limits, and returns the name of
// the request, as [Asked] wants it.
func AskLimits(dir string, list []Setting, now time.Time) (name string, err error) {
	text, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	name = fmt.Sprintf("%s%020d", limitsName, now.UnixNano())
	err = disk.Replace(filepath.Join(dir, controlName, name), 0o600, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	return name, nil
}

// Asked reports whether a request waits to be carried out.
func Asked(dir, name string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, controlName, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("session: %w", err)
	}
	return err == nil, nil
}

// SetLimit changes a limit of the risk guard, once the recording is over. Any goroutine may
// call it.
func (s *Session) SetLimit(l Setting) { s.set(exchange.OperationLimit, l.Number, l.Value) }

// askLimits makes a request that was left as a file. One that cannot be read is removed.
func (s *Session) askLimits(file string) error {
	text, err := os.ReadFile(filepath.Join(s.cfg.Store.Dir, controlName, file))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var list []Setting
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil || len(list) == 0 {
		s.cfg.Log.Error("a request for limits cannot be read", "file", file, "error", err)
		return s.forget(file)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, l := range list {
		r := request{operation: exchange.OperationLimit, number: l.Number, value: l.Value}
		if i == len(list)-1 {
			r.file = file
		}
		s.orders = append(s.orders, r)
	}
	return nil
}

// Ask makes a request. Any goroutine may.
func (s *Session) Ask(r Request) { s.ask(r, "") }

func (s *Session) ask(r Request, file string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	operation, ok := operations[r]
	switch {
	case ok:
		s.orders = append(s.orders, request{operation: operation, file: file})
	case r.flattens():
		if s.stopped == nil { // a plain request to end is not taken back by one that waits
			s.stopped = &request{suspend: r == FlattenSuspend, flat: true, file: file}
			s.orders = append(s.orders, request{operation: exchange.OperationKill},
				request{operation: exchange.OperationFlatten})
		}
	case s.stopped == nil || s.stopped.flat || !s.stopped.suspend:
		s.stopped = &request{suspend: r == Suspend, file: file}
	}
	s.stir()
}

// poll looks for requests that were left as files.
func (s *Session) poll() error {
	if now := s.cfg.Now(); now.Sub(s.polled) >= pollEvery || now.Before(s.polled) {
		s.polled = now
		return s.look()
	}
	return nil
}

func (s *Session) look() error {
	entries, err := os.ReadDir(filepath.Join(s.cfg.Store.Dir, controlName))
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	for _, e := range entries { // in the order of their names
		if strings.HasPrefix(e.Name(), limitsName) && s.state.Events > 0 {
			if err := s.askLimits(e.Name()); err != nil {
				return err
			}
		}
	}
	for _, r := range allRequests {
		if _, operation := operations[r]; (operation || r.flattens()) && s.state.Events == 0 {
			continue // it can wait for the first event
		}
		if there[string(r)] && !s.ends(r) {
			s.cfg.Log.Warn("the operator asks", "request", string(r))
			s.ask(r, string(r))
		}
	}
	return nil
}

// ends reports whether a request to end the session is being carried out already. Its file
// stays until that is done, so that it outlives the process.
func (s *Session) ends(r Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped != nil && (s.stopped.file == string(r) || r.flattens())
}

// forget removes a request that was carried out.
func (s *Session) forget(file string) error {
	err := os.Remove(filepath.Join(s.cfg.Store.Dir, controlName, file))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}
