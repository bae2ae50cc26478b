package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/secret/awssecret"
	"github.com/dunamis-engine/dunamis/session"
)

// venue is a living venue: where prices come from, and where orders go. A second one is
// another entry of venues.
type venue struct {
	name string
	env  string // the variables with its key and secret are this with _KEY and _SECRET after it
	// perMinute is how many orders and amendments a minute leave room for cancellations in
	// the venue's limits. What is beyond waits its turn before it is sent.
	perMinute int
	feed      func(ctx context.Context, a *access) (exchange.Feed, error)
	account   func(ctx context.Context, a *access, known *live.Known, notice func(live.Notice)) (session.Venue, error)
	examine   func(ctx context.Context, a *access) (*examination, error)
}

// access is how a venue is reached, and for what.
type access struct {
	url     string
	key     string // empty: public data only
	secret  secret.String
	set     *exchange.Instruments
	symbols []exchange.SymbolID
	deadMan time.Duration
	log     *slog.Logger
	metrics *live.Metrics
}

// examination is what paper doctor finds out about a venue.
type examination struct {
	skew        time.Duration // of our clock
	told        bool          // the venue says what time it is
	answer      time.Duration // that the venue took to answer
	missing     []string      // symbols that it does not know
	permissions []string      // of the key; nil without one
}

func venues() []venue {
	return []venue{{name: "bitmex", env: "DUNAMIS_BITMEX", perMinute: 60, feed: bitmexFeed, account: bitmexAccount, examine: bitmexExamine}}
}

// findVenue returns the venue of a name, or nil.
func findVenue(name string) *venue {
	for _, v := range venues() {
		if v.name == name {
			return &v
		}
	}
	return nil
}

func venueNames() string {
	var names []string
	for _, v := range venues() {
		names = append(names, v.name)
	}
	return strings.Join(names, ", ")
}

// access describes how the flags reach the venue.
func (f *sessionFlags) access(p *plan, log *slog.Logger, metrics *live.Metrics) *access {
	return &access{url: f.liveURL, set: p.set, symbols: p.sim.Symbols, deadMan: f.deadMan, log: log, metrics: metrics}
}

// unlock reads the key of an account from the environment, a file or AWS Secrets
// Manager.
func (a *access) unlock(ctx context.Context, v *venue) error {
	if err := a.protected(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	key, err := awssecret.FromEnv(ctx, v.env+"_KEY")
	if err != nil {
		return err
	}
	a.key = key.Reveal()
	a.secret, err = awssecret.FromEnv(ctx, v.env+"_SECRET")
	return err
}

// protected refuses a way on which others could meddle with orders.
func (a *access) protected() error {
	u, err := url.Parse(a.url)
	if err != nil || u.Scheme == "https" || u.Hostname() == "localhost" {
		return err
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--live-url %s: orders go over https:// only, unless the venue is on this machine", a.url)
}

func (a *access) bitmex() bitmex.Config {
	return bitmex.Config{URL: a.url, Key: a.key, Secret: a.secret, Log: a.log, Metrics: a.metrics}
}

func bitmexFeed(ctx context.Context, a *access) (exchange.Feed, error) {
	return bitmex.NewFeed(ctx, bitmex.FeedConfig{Config: a.bitmex(), Instruments: a.set, Symbols: a.symbols})
}

func bitmexAccount(ctx context.Context, a *access, known *live.Known, notice func(live.Notice)) (session.Venue, error) {
	return bitmex.Connect(ctx, bitmex.ExchangeConfig{Config: a.bitmex(), Instruments: a.set, Symbols: a.symbols, DeadMan: a.deadMan, Known: known,
		Notice: notice, CancelConnections: 2})
}

func bitmexExamine(ctx context.Context, a *access) (*examination, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client, err := bitmex.NewClient(a.bitmex())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	x := new(examination)
	begun := time.Now()
	said, err := client.Time(ctx)
	if err != nil {
		return nil, err
	}
	x.answer = time.Since(begun)
	x.skew, x.told = begun.Add(x.answer/2).Sub(said.Std()).Round(time.Millisecond), said != 0
	for _, id := range a.symbols {
		name := a.set.Get(id).Symbol
		rows, err := client.Instruments(ctx, bitmex.Query{Symbol: name, Count: 1})
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 || rows[0].Symbol != name {
			x.missing = append(x.missing, name)
		}
	}
	if a.key == "" {
		return x, nil
	}
	x.permissions = []string{}
	keys, err := client.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	for n := range keys {
		if keys[n].ID == a.key {
			x.permissions = keys[n].Permissions
		}
	}
	return x, nil
}

// liveVenue is the venue of a feed that orders can go to.
func (f *sessionFlags) liveVenue() (*venue, error) {
	v := findVenue(f.feed)
	switch {
	case v == nil:
		return nil, usage(fmt.Errorf("--mode %s sends orders to the venue that prices come from: --feed %q is none; want one of %s", f.mode, f.feed, venueNames()))
	case f.liveURL == "":
		return nil, usage(errors.New("--live-url is needed: the address of the venue"))
	}
	return v, nil
}
