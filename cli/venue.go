package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/secret/awssecret"
	"github.com/dunamis-engine/dunamis/session"
)

// Venue is a living venue: where prices come from, and where orders go. A binary adds
// one by [WithVenue], and every command that asks for a venue knows it: paper run in
// every mode, paper doctor, record, promote and serve.
type Venue struct {
	// Name is how --feed and --live choose it. The venue of symbols is the same unless
	// --venue says otherwise.
	Name string
	// Address is where it is unless --live-url says otherwise. Empty: that must be given.
	Address string
	// Env begins the names of the environment variables with the account's secrets, and
	// Secrets are their ends: "DUNAMIS_DESK" and "KEY" are $DUNAMIS_DESK_KEY. nil: KEY and
	// SECRET. As of every secret, a file or AWS Secrets Manager may have it instead.
	Env     string
	Secrets []string
	// OrdersPerMinute is how many orders and amendments a minute leave room for
	// cancellations in the venue's limits. What is beyond waits its turn. 0: any number.
	OrdersPerMinute int
	// Instruments adds those of the venue that are not built in; it must add the same ones
	// in the same order each time. nil: none.
	Instruments func(*exchange.Instruments) error
	// Kinds are what the feed tells of each symbol. nil: book, trades, marks and funding.
	Kinds []exchange.EventKind

	// Feed listens to the prices. They are heard by arrival; an event's time may be the
	// venue's. It reconnects by itself, and tells of what it missed by gap events; an error
	// ends the run.
	Feed func(ctx context.Context, a *Access) (exchange.Feed, error)
	// Account connects the account: see [session.Connect]. What it returns passes the suite
	// in exchangetest. nil: the venue takes no orders.
	Account func(ctx context.Context, a *Access, known *live.Known, notice func(live.Notice)) (session.Venue, error)
	// Examine is what paper doctor asks. The context has no deadline of its own.
	Examine func(ctx context.Context, a *Access) (*Examination, error)

	// paths are those of an address that the client adds by itself, such as "/api/v1": they
	// are taken off, and other paths are refused. nil: the client uses the path as it is.
	paths []string
}

// Access is how a venue is reached, and for what.
type Access struct {
	URL         string
	Instruments *exchange.Instruments
	Symbols     []exchange.SymbolID
	DeadMan     time.Duration // of the venue's dead man's switch; 0: it is not armed
	// Prefix begins the client ids of the session's orders; Others is what becomes of orders
	// and positions that are not its own. An account that leaves them alone cancels none of
	// them, also when it is asked to cancel all.
	Prefix string
	Others live.Others
	// Behind is how far the process or the stream may fall behind until the client begins the
	// stream anew and says what is missing by gap events: [live.Policy.Behind]. 0: any time.
	Behind  time.Duration
	Log     *slog.Logger
	Metrics *live.Metrics

	secrets map[string]secret.String
}

// Secret returns one of [Venue.Secrets]. It is empty where none is needed: for public
// data.
func (a *Access) Secret(name string) secret.String { return a.secrets[name] }

// Examination is what is found out about a venue.
type Examination struct {
	Answer time.Duration // that the venue took to answer
	Told   bool          // the venue says what time it is
	Skew   time.Duration // by how much our clock is ahead of the venue's
	// Missing are symbols that the venue does not know.
	Missing []string
	// Permissions are what the account's key may do: "order" is needed to trade, of
	// "withdraw" the user is warned. nil without a key.
	Permissions []string
}

// WithVenue lets --feed, --mode and the rest use a venue of the binary's own. One that
// has the name of a built-in venue takes its place.
func WithVenue(v Venue) Option {
	return func(a *App) { a.Venues = append(a.Venues, v) }
}

// builtinVenues are those that every binary has.
func builtinVenues() []Venue { return []Venue{bitmexVenue()} }

// venue returns the venue of a name, or nil.
func (a *App) venue(name string) *Venue {
	for _, list := range [][]Venue{a.Venues, builtinVenues()} {
		if n := slices.IndexFunc(list, func(v Venue) bool { return v.Name == name }); n >= 0 {
			return &list[n]
		}
	}
	return nil
}

func (a *App) venueNames() string {
	var names []string
	for _, list := range [][]Venue{builtinVenues(), a.Venues} {
		for n := range list {
			if !slices.Contains(names, list[n].Name) {
				names = append(names, list[n].Name)
			}
		}
	}
	return strings.Join(names, ", ")
}

// symbolsOf makes the venue that prices come from that of the symbols, unless --venue
// names one.
func (a *App) symbolsOf(feed string, venue *string, flags *pflag.FlagSet) {
	if v := a.venue(feed); v != nil && !flags.Changed("venue") {
		*venue = v.Name
	}
}

// checkVenues refuses venues that the commands could not use.
func (a *App) checkVenues() error {
	seen := map[string]bool{feedReplay: true, feedSynthetic: true}
	for n := range a.Venues {
		v := &a.Venues[n]
		switch {
		case seen[v.Name] || !sessionName.MatchString(v.Name):
			return fmt.Errorf("venue %q: want a name of letters, digits, dots, dashes and underscores that nothing else has", v.Name)
		case v.Feed == nil || v.Examine == nil:
			return fmt.Errorf("venue %q: it needs a feed and an examination", v.Name)
		case v.Account != nil && v.Env == "":
			return fmt.Errorf("venue %q: its account needs the name of the variables with its secrets", v.Name)
		}
		seen[v.Name] = true
	}
	return nil
}

// address is where the venue is.
func (v *Venue) address(given string) (string, error) {
	at := cmp.Or(given, v.Address)
	if at == "" {
		return "", usage(fmt.Errorf("--live-url is needed: %s has no address of its own", v.Name))
	}
	at, err := v.checkAddress(at)
	return at, usage(err)
}

// checkAddress refuses an address with more than a scheme, a host, a port and a path. It
// would be kept in the session's database and be logged: errors do not quote it, because it
// may hold a password.
func (v *Venue) checkAddress(at string) (string, error) {
	const want = "want a scheme, a host and a port, such as http://127.0.0.1:8090"
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return "", errors.New("--live-url: it is no address; " + want)
	}
	scheme := u.Scheme
	switch {
	case scheme != "http" && scheme != "https":
		return "", fmt.Errorf("--live-url: scheme %q; %s or one that begins with https://", scheme, want)
	case u.User != nil:
		return "", errors.New("--live-url: it has a user or a password, which would be kept with the session's settings; " +
			want)
	case u.RawQuery != "" || u.ForceQuery:
		return "", errors.New("--live-url: it has a query (what follows ?); " + want)
	case u.Fragment != "" || strings.Contains(at, "#"):
		return "", errors.New("--live-url: it has a fragment (what follows #); " + want)
	}
	if len(v.paths) == 0 {
		return at, nil
	}
	path := strings.TrimRight(u.Path, "/")
	if path != "" && !slices.Contains(v.paths, path) {
		return "", fmt.Errorf("--live-url: path %q; want the address without a path, such as %s://%s", u.Path, scheme,
			u.Host)
	}
	return scheme + "://" + u.Host, nil
}

// variables says where the secrets come from, by the names of environment variables.
func (v *Venue) variables() string {
	var names []string
	for _, s := range v.secrets() {
		name := v.Env + "_" + s
		for _, from := range []string{"", "_FILE", "_AWS"} { // in the order in which they are looked at
			if os.Getenv(name+from) != "" {
				name += from
				break
			}
		}
		names = append(names, "$"+name)
	}
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names, " and ") + " are"
}

func (v *Venue) secrets() []string {
	if v.Secrets == nil {
		return []string{"KEY", "SECRET"}
	}
	return v.Secrets
}

func (v *Venue) kinds() []exchange.EventKind {
	if v.Kinds == nil {
		return []exchange.EventKind{exchange.KindBook, exchange.KindTrade, exchange.KindMark, exchange.KindFunding}
	}
	return v.Kinds
}

// access describes how a plan's symbols are reached at an address, for public data.
// metrics may be nil.
func (v *Venue) access(address string, p *plan, log *slog.Logger, metrics *live.Metrics) (*Access, error) {
	at, err := v.address(address)
	if err != nil {
		return nil, err
	}
	if metrics == nil {
		metrics = live.NewMetrics(nil, v.Name)
	}
	return &Access{URL: at, Instruments: p.set, Symbols: p.sim.Symbols, Log: log, Metrics: metrics,
		Behind: live.DefaultPolicy().Behind}, nil
}

// unlock adds the secrets of an account, from the environment, files or AWS Secrets
// Manager.
func (v *Venue) unlock(ctx context.Context, a *Access) error {
	if err := a.protected(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	a.secrets = map[string]secret.String{}
	for _, name := range v.secrets() {
		s, err := awssecret.FromEnv(ctx, v.Env+"_"+name)
		if err != nil {
			return err
		}
		a.secrets[name] = s
	}
	return nil
}

// protected refuses a way on which others could meddle with orders.
func (a *Access) protected() error {
	u, err := url.Parse(a.URL)
	if err != nil || u.Scheme == "https" || u.Hostname() == "localhost" {
		return err
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--live-url %s: orders go over https:// only, unless the venue is on this machine", a.URL)
}

// liveVenue is the venue of a feed that orders can go to.
func (a *App) liveVenue(f *sessionFlags) (*Venue, error) {
	v := a.venue(f.feed)
	if v == nil {
		return nil, usage(fmt.Errorf("--mode %s sends orders to the venue that prices come from: --feed %q is none; want one of %s", f.mode, f.feed, a.venueNames()))
	}
	if v.Account == nil {
		return nil, usage(fmt.Errorf("--mode %s: %s takes no orders", f.mode, v.Name))
	}
	_, err := v.address(f.liveURL)
	return v, err
}

// unlocked is the way to a venue's account.
func (a *App) unlocked(ctx context.Context, f *sessionFlags, p *plan, log *slog.Logger, metrics *live.Metrics) (*Venue, *Access, error) {
	v, err := a.liveVenue(f)
	if err != nil {
		return nil, nil, err
	}
	x, err := v.access(f.liveURL, p, log, metrics)
	if err != nil {
		return nil, nil, err
	}
	x.DeadMan, x.Behind = f.deadMan, f.behind
	return v, x, usage(v.unlock(ctx, x))
}
