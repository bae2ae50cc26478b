package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
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
)

// Requests in the order in which they are carried out when several are there.
var allRequests = []Request{Kill, Flatten, Clear, Suspend, Stop}

// ParseRequest reads the name of a request.
func ParseRequest(text string) (Request, error) {
	if r := Request(text); slices.Contains(allRequests, r) {
		return r, nil
	}
	return "", fmt.Errorf("request %q: want one of %v", text, allRequests)
}

var operations = map[Request]exchange.Operation{Kill: exchange.OperationKill, Flatten: exchange.OperationFlatten, Clear: exchange.OperationClear}

// Ask leaves a request for the process that runs the session in dir. It is carried out
// within a moment, or when the session next runs.
func Ask(dir string, r Request) error {
	f, err := os.OpenFile(filepath.Join(dir, controlName, string(r)), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return f.Close()
}

// Ask makes a request. Any goroutine may.
func (s *Session) Ask(r Request) { s.ask(r, "") }

func (s *Session) ask(r Request, file string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if operation, ok := operations[r]; ok {
		s.orders = append(s.orders, request{operation: operation, file: file})
	} else if s.stopped == nil || !s.stopped.suspend {
		s.stopped = &request{suspend: r == Suspend, file: file}
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
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
	for _, r := range allRequests {
		if _, operation := operations[r]; operation && s.state.Events == 0 {
			continue // it can wait for the first event
		}
		if there[string(r)] {
			s.cfg.Log.Warn("the operator asks", "request", string(r))
			s.ask(r, string(r))
		}
	}
	return nil
}

// forget removes a request that was carried out.
func (s *Session) forget(file string) error {
	err := os.Remove(filepath.Join(s.cfg.Store.Dir, controlName, file))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}
