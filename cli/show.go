package cli

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/dashboard"
	"github.com/dunamis-engine/dunamis/session/notify"
)

// audience are those who hear of a session's transactions.
type audience []func(*session.Commit)

func (a *audience) committed(c *session.Commit) {
	for _, hear := range *a {
		hear(c)
	}
}

// shownPage is a dashboard that is served. nil: none is.
type shownPage struct {
	stop   context.CancelFunc
	served chan error
	store  *session.Store
}

func (s *shownPage) close() error {
	if s == nil {
		return nil
	}
	s.stop()
	return errors.Join(<-s.served, s.store.Close())
}

// show serves the dashboard of a session, if an address for it is given.
func (a *App) show(ctx context.Context, f *sessionFlags, p *plan, w *wired, heard *audience, lines *dashboard.Log, registry *prometheus.Registry) (*shownPage, error) {
	if f.listen == "" {
		return nil, nil
	}
	token, err := sessionToken(w.dir)
	if err != nil {
		return nil, dataError(err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return nil, usage(fmt.Errorf("--listen: %w", err))
	}
	store, err := session.Read(ctx, w.dir)
	if err != nil {
		return nil, errors.Join(sessionError(err), l.Close())
	}
	state, err := store.State(ctx)
	var samples []session.Sample
	if err == nil {
		samples, err = store.Samples(ctx, 0)
	}
	if err != nil {
		return nil, errors.Join(dataError(err), l.Close(), store.Close())
	}
	watch := dashboard.NewWatch(dashboard.Config{Name: f.name, Strategy: p.definition.Name, Feed: f.feed, Mode: f.mode, Currency: p.sim.Currency, Start: p.balance,
		Symbols: p.instruments, Store: store, Ask: w.session.Ask, State: state, Samples: samples, Log: lines, Now: a.Now, Registry: registry})
	*heard = append(*heard, watch.Committed)
	serving, stop := context.WithCancel(ctx)
	s := &shownPage{stop: stop, served: make(chan error, 1), store: store}
	go func() { s.served <- dashboard.Serve(serving, l, watch.Handler(token, onLoopback(l))) }()
	fmt.Fprintf(a.Stdout, "to look at and to stop: http://%s/#token=%s\n", addressOf(l), token.Reveal())
	a.warnOfOthers(l, "the token of its buttons can be read on the way")
	return s, nil
}

// sessionToken is the secret that a session's buttons need. It stays the same over
// restarts.
func sessionToken(dir string) (secret.String, error) {
	path := filepath.Join(dir, "token")
	token, err := secret.FromFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
	return secret.New(text), os.WriteFile(path, []byte(text+"\n"), 0o600)
}

// webhookEnv names the variable with the address to post to.
const webhookEnv = "DUNAMIS_WEBHOOK"

// teller posts notifications. nil: none.
type teller struct{ hook *notify.Webhook }

func (t *teller) stop() {
	if t != nil {
		t.hook.Stop()
	}
}

func notifications(ctx context.Context, f *sessionFlags, p *plan, heard *audience, log *slog.Logger) (*teller, error) {
	if !f.webhook {
		return nil, nil
	}
	address, err := secret.FromEnv(webhookEnv)
	if err != nil {
		return nil, usage(fmt.Errorf("--webhook: %w", err))
	}
	hook, err := notify.Start(ctx, notify.Config{Session: f.name, URL: address, Log: log, Symbol: func(id exchange.SymbolID) string { return p.set.Get(id).Symbol }})
	if err != nil {
		return nil, usage(fmt.Errorf("--webhook: %w", err))
	}
	*heard = append(*heard, hook.Committed)
	return &teller{hook}, nil
}
