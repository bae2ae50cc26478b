package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/gateway/keystore"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/secret"
)

// serveFlags are the settings of paper serve: a run without a strategy.
type serveFlags struct {
	runFlags
	state     string
	listen    string
	speed     string
	warmup    time.Duration
	synthetic bool
	live      string
	liveURL   string
	perMinute int
	perSecond int
	sockets   int
	perHost   int
	apiYear   int
	tlsCert   string
	tlsKey    string
}

func (a *App) serveCommand() *cobra.Command {
	f := &serveFlags{runFlags: runFlags{sampleEvery: time.Minute}}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the BitMEX API from recorded or generated markets",
		Long: `Serve the BitMEX REST API at /api/v1 and its WebSocket API at /realtime. Prices come
from the catalog, replayed at a pace, or from a generator; orders of accounts made by
paper keys are filled by the simulated exchange that backtests use.

It listens on this machine only, unless --listen says otherwise. Whoever can reach it
and has a key can trade with play money; where others can listen, use --tls-cert and --tls-key.

Rows have the form of the API until 2023, with null and empty columns. For programs of 2024
and later use --api-year 2024: rows leave them out, and book levels have a transactTime.
A key of paper keys add --api-year has a form of its own.`,
		Example: `  paper serve --synthetic
  paper serve --catalog catalog --symbol XBTUSD --from 2020-03-12 --speed 10
  paper serve --live bitmex --live-url http://10.0.0.5:8090
  paper serve --catalog catalog --symbol XBTUSD --symbol ETHUSD --data book --latency 20ms \
      --listen 127.0.0.1:9000`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.load(c.Flags()); err != nil {
				return err
			}
			a.symbolsOf(f.live, &f.venue, c.Flags())
			return a.serve(c.Context(), f)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.catalog, "catalog", "", "`directory` of the Parquet catalog")
	fs.BoolVar(&f.synthetic, "synthetic", false, "generate the market from --seed instead; it is not a real one")
	fs.StringVar(&f.live, "live", "", "`venue` whose live prices to serve, at --live-url: "+a.venueNames())
	fs.StringVar(&f.liveURL, "live-url", "", "`address` of the venue, or of what speaks its API, such as http://127.0.0.1:8090")
	fs.StringVar(&f.venue, "venue", "bitmex", "venue of the symbols")
	fs.StringArrayVar(&f.symbols, "symbol", []string{"XBTUSD"}, "symbol to serve; may be repeated")
	fs.StringVar(&f.data, "data", "auto", "what to replay: bar-1m, bar-5m ..., trade, quote or book;\nauto is the finest bars, else book, quote, trade")
	fs.StringVar(&f.from, "from", "", "first instant of the replay (default: all the data)")
	fs.StringVar(&f.to, "to", "", "end of the replay, not included (default: all the data)")
	fs.StringVar(&f.speed, "speed", "1", "seconds of the market in a second of the clock, or max")
	fs.DurationVar(&f.warmup, "warmup", 24*time.Hour, "how much data before --from is taken in at once, for charts and statistics")
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8090", "`address` to listen on")
	fs.IntVar(&f.perMinute, "rate-limit", 120, "requests a minute of an account, a quarter of it without a key; 0 is no limit")
	fs.IntVar(&f.perSecond, "order-rate-limit", 10, "requests a second of an account that place or change orders; 0 is no limit")
	fs.IntVar(&f.sockets, "sockets", 2000, "WebSockets that may be open; 0 is no limit")
	fs.IntVar(&f.perHost, "sockets-per-address", 200, "of them those of one address; 0 is no limit")
	fs.IntVar(&f.apiYear, "api-year", 0,
		"year of the API whose form rows have, for keys without one of their own (default: before 2024)")
	fs.StringVar(&f.tlsCert, "tls-cert", "", "`file` with the certificate and its chain, PEM: serve https and wss")
	fs.StringVar(&f.tlsKey, "tls-key", "", "`file` with the private key of --tls-cert, PEM; mode 0600")
	stateFlag(fs, &f.state)
	f.registerExchange(fs)
	return c
}

// The years of the API that --api-year takes: from the venue's first to its last.
const (
	firstYear = 2014
	lastYear  = 2026
)

// checkYear refuses a year in which there was no API; 0 is none.
func checkYear(year int) error {
	if year != 0 && (year < firstYear || year > lastYear) {
		return fmt.Errorf("--api-year %d: want a year from %d to %d", year, firstYear, lastYear)
	}
	return nil
}

// certificate reads what the server shows to clients; nil without --tls-cert.
func (f *serveFlags) certificate() (*tls.Config, error) {
	switch {
	case f.tlsCert == "" && f.tlsKey == "":
		return nil, nil //nolint:nilnil // no TLS
	case f.tlsCert == "" || f.tlsKey == "":
		return nil, usage(errors.New("--tls-cert and --tls-key go together"))
	}
	key, err := secret.FromFile(f.tlsKey)
	if err != nil {
		return nil, usage(fmt.Errorf("--tls-key: %w", err))
	}
	chain, err := disk.ReadFile(f.tlsCert, 1<<20)
	if err != nil {
		return nil, usage(fmt.Errorf("--tls-cert: %w", err))
	}
	pair, err := tls.X509KeyPair(chain, []byte(key.Reveal()))
	if err != nil {
		return nil, usage(fmt.Errorf("--tls-cert %s and --tls-key %s: %w", f.tlsCert, f.tlsKey, err))
	}
	// WebSockets need HTTP/1.1.
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"}}, nil
}

// serve listens before the market begins, so that a wrong address is told at once.
func (a *App) serve(ctx context.Context, f *serveFlags) error {
	speed, err := parseSpeed(f.speed)
	if err != nil {
		return usage(err)
	}
	if f.perMinute < 0 || f.perSecond < 0 || f.warmup < 0 || f.sockets < 0 || f.perHost < 0 {
		return usage(
			errors.New("--rate-limit, --order-rate-limit, --sockets, --sockets-per-address and --warmup must not be negative"),
		)
	}
	if err := checkYear(f.apiYear); err != nil {
		return usage(err)
	}
	certificate, err := f.certificate()
	if err != nil {
		return err
	}
	p, err := a.servePlan(f)
	if err != nil {
		return err
	}
	keys, err := openKeys(f.state)
	if err != nil {
		return err
	}
	feed, from, err := a.serveFeed(ctx, f, p)
	if err != nil {
		return err
	}
	defer feed.Close() //nolint:errcheck // only read
	log := slog.New(slog.NewJSONHandler(a.Stderr, nil))
	registry := prometheus.NewRegistry()
	g, err := gateway.New(gateway.Config{
		Instruments: p.set, Symbols: p.sim.Symbols, Currency: p.sim.Currency, Start: p.from, Keys: keys,
		Open: func(k gateway.Key) (exchange.Exchange, gateway.Statement, error) { return openAccount(k, p.sim) }, RequestsPerMinute: f.perMinute,
		OrdersPerSecond: f.perSecond, Sockets: f.sockets, SocketsPerAddress: f.perHost, Clock: a.Now, Log: log,
		Metrics: registry, APIYear: f.apiYear,
	})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return usage(fmt.Errorf("--listen: %w", err))
	}
	if certificate != nil {
		listener = tls.NewListener(listener, certificate)
	}
	return serveUntilDone(ctx, g, withHealth(g, registry), listener, feed, gateway.Replay{Speed: speed, From: from, Ready: func() { a.announce(listener, f, keys) }})
}

// parseSpeed reads --speed; max is 0.
func parseSpeed(text string) (float64, error) {
	if text == "max" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0.001 && v <= 1_000_000) {
		return 0, fmt.Errorf("--speed %q: want max, or a number from 0.001 to 1000000", text)
	}
	return v, nil
}

// servePlan is the plan of a run, with the simulated exchange that every account gets.
func (a *App) servePlan(f *serveFlags) (*plan, error) {
	p := &plan{flags: &f.runFlags, models: &a.Models}
	var err error
	if p.set, err = a.instruments(f.instruments); err != nil {
		return nil, err
	}
	if err := p.findSymbols(); err != nil {
		return nil, err
	}
	if err := p.parseRange(); err != nil {
		return nil, err
	}
	var balances []string // of a plan; accounts have their own
	for _, c := range p.currencies() {
		balances = append(balances, "1 "+c.Major)
	}
	f.balance = strings.Join(balances, ", ")
	if err := p.parseModels(); err != nil {
		return nil, err
	}
	return p, nil
}

// serveFeed opens the market and says where its pace begins.
func (a *App) serveFeed(ctx context.Context, f *serveFlags, p *plan) (exchange.Feed, exchange.Time, error) {
	sources := 0
	for _, given := range []bool{f.synthetic, f.catalog != "", f.live != ""} {
		if given {
			sources++
		}
	}
	switch {
	case sources != 1:
		return nil, 0, usage(errors.New("one of --catalog, --synthetic for a generated market, and --live is needed"))
	case f.synthetic:
		return a.syntheticFeed(f, p)
	case f.live != "":
		return a.liveFeed(ctx, f, p)
	}
	cat, c, err := p.open()
	if err != nil {
		return nil, 0, err
	}
	from := p.from
	if from != 0 {
		p.from = from.Add(-f.warmup)
	}
	feed, err := a.feed(ctx, cat, p, c)
	return feed, from, dataError(err)
}

// liveFeed listens to a venue. Its events are due when they come.
func (a *App) liveFeed(ctx context.Context, f *serveFlags, p *plan) (exchange.Feed, exchange.Time, error) {
	v := a.venue(f.live)
	switch {
	case v == nil:
		return nil, 0, usage(fmt.Errorf("--live %q: want %s", f.live, a.venueNames()))
	case f.speed != "1" || f.from != "" || f.to != "":
		return nil, 0, usage(errors.New("--speed, --from and --to are for recorded and generated markets, not for --live"))
	}
	x, err := v.access(f.liveURL, p, slog.New(slog.NewJSONHandler(a.Stderr, nil)), nil)
	if err != nil {
		return nil, 0, err
	}
	feed, err := v.Feed(ctx, x)
	p.from = exchange.TimeOf(a.Now())
	return feed, 0, usage(err)
}

// syntheticFeed is a market that is always there, from an hour ago on.
func (a *App) syntheticFeed(f *serveFlags, p *plan) (exchange.Feed, exchange.Time, error) {
	if len(p.instruments) > 1 {
		return nil, 0, usage(errors.New("--synthetic has one --symbol"))
	}
	from := exchange.TimeOf(a.Now()) // so that programs see no lag
	if p.from != 0 {
		from = p.from
	}
	to := p.to
	if to == 0 {
		to = from.Add(365 * 24 * time.Hour)
	}
	p.from = from.Add(-min(f.warmup, time.Hour)).Truncate(time.Minute)
	feed, err := synth.New(synth.Config{Instrument: p.instruments[0], From: p.from, To: to, Seed: f.seed,
		Kinds: []string{"book", "trade"}})
	return feed, from, usage(err)
}

// openAccount makes the simulated exchange of an account.
func openAccount(k gateway.Key, c sim.Config) (exchange.Exchange, gateway.Statement, error) {
	wallets := []ledger.Deposit{{Currency: c.Currency}}
	for _, w := range c.Wallets {
		wallets = append(wallets, ledger.Deposit{Currency: w.Currency})
	}
	if err := fillKnown(wallets, k.Balance); err != nil {
		return nil, nil, err
	}
	c.Balance, c.Wallets = wallets[0].Balance, wallets[1:]
	x, err := sim.New(c)
	if err != nil {
		return nil, nil, err
	}
	statement := x.Account()
	return x, statement, nil
}

func (a *App) announce(l net.Listener, f *serveFlags, keys *keystore.Store) {
	at, s := addressOf(l), ""
	if f.tlsCert != "" {
		s = "s"
	}
	fmt.Fprintf(a.Stdout, "serving http%s://%s/api/v1 and ws%s://%s/realtime\n", s, at, s, at)
	switch {
	case f.tlsCert == "":
		a.warnOfOthers(l, "keys' requests, /metrics and /healthz can be read on the way, and the latter two by all")
	case !onLoopback(l):
		fmt.Fprintf(a.Stderr, "warning: %s can be reached by other machines: all of them can read /metrics and /healthz\n",
			l.Addr())
	}
	if len(keys.List()) == 0 {
		fmt.Fprintln(a.Stdout, "there are no keys yet: paper keys add")
	}
	if f.synthetic {
		fmt.Fprintln(a.Stdout, "the market is generated; it is not a real one")
	}
}

// withHealth adds what those who run a server look at: /healthz and /metrics.
func withHealth(g *gateway.Gateway, r *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", g.Handler())
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithTimeout(req.Context(), time.Second)
		defer cancel()
		if err := g.Healthy(ctx); err != nil {
			http.Error(w, "the market does not move", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

// serveUntilDone runs the market and the server until either ends or the user does.
func serveUntilDone(ctx context.Context, g *gateway.Gateway, h http.Handler, l net.Listener, feed exchange.Feed, r gateway.Replay) error {
	runCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l); cancel() }()
	err := g.Run(runCtx, feed, r)
	stopping, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	shut := server.Shutdown(stopping)
	if errors.Is(shut, context.DeadlineExceeded) {
		shut = server.Close()
	}
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	if err = errors.Join(err, shut); err != nil {
		return dataError(err)
	}
	return nil // an interrupt is how a server ends
}
