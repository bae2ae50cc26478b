package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/config"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// runFlags are the settings of a run as text, the same on the command line, in
// a configuration file and in a manifest.
type runFlags struct {
	configFile    string
	modelsFile    string
	catalog       string
	instruments   string
	venue         string
	symbols       []string
	strategy      string
	params        map[string]string
	data          string
	from, to      string
	balance       string
	leverage      string
	latency       latencyFlags
	queue         string
	slippageTicks int
	barPath       string
	barFill       string
	volumeShare   string
	touch         string
	maxAge        string
	impact        string
	selfTrade     string
	fundingRate   string
	consumption   bool
	seed          uint64
	sampleEvery   time.Duration
	out           string
	asJSON        bool
	noReport      bool
	limits        limitFlags
	log           logFlags
	rules         string
	faults        map[string]string
	warmup        string
	command       string // that gives the result again, of a demo; empty: the configuration does
}

func (f *runFlags) register(fs *pflag.FlagSet) {
	f.registerSetting(fs)
	fs.StringToStringVar(&f.params, "param", nil, "strategy parameter `name=value`; may be repeated")
	fs.StringVar(&f.out, "out", "", "`directory` of the results (default: runs/TIME-STRATEGY)")
	fs.BoolVar(&f.asJSON, "json", false, "print result.json to stdout and nothing else there; a list of them for several wallets")
	fs.BoolVar(&f.noReport, "no-report", false, "write no directory of results")
	f.log.register(fs)
	warmupFlag(fs, &f.warmup)
}

// registerSetting adds what decides a run, but for the strategy's parameters.
func (f *runFlags) registerSetting(fs *pflag.FlagSet) {
	fs.StringVarP(&f.configFile, "config", "c", "", "YAML `file` with these settings; flags win over it")
	fs.StringVar(&f.catalog, "catalog", "", "`directory` of the Parquet catalog")
	f.registerModels(fs)
	fs.StringVar(&f.venue, "venue", "bitmex", "venue of the symbols")
	fs.StringArrayVar(&f.symbols, "symbol", nil, "symbol to trade; may be repeated, the first is the primary one")
	fs.StringVar(&f.strategy, "strategy", "", "`name` of the strategy; see backtest strategies")
	fs.StringVar(&f.data, "data", "auto", "what to replay: bar-1m, bar-5m ..., trade, quote, book or order (every\n"+
		"order of the book); auto is the finest bars, else order, book, quote, trade")
	fs.StringVar(&f.from, "from", "", "first instant, such as 2020-01-01 (default: all the data)")
	fs.StringVar(&f.to, "to", "", "end, not included (default: all the data)")
}

// modelKeys are the settings that a file of models may have.
var modelKeys = []string{"latency", "response-latency", "feed-latency", "queue", "slippage-ticks", "bar-path", "bar-fill", "volume-share", "touch-probability",
	"max-age", "impact", "consumption", "faults"}

// load reads the files that flags name. The command line wins, then the models, then the
// configuration.
func (f *runFlags) load(flags *pflag.FlagSet) error {
	given := f.modelsFile
	if err := loadModels(given, flags); err != nil {
		return err
	}
	if f.configFile != "" {
		if err := config.LoadFile(f.configFile, flags); err != nil {
			return usage(err)
		}
	}
	if f.modelsFile == given {
		return nil
	}
	return loadModels(f.modelsFile, flags) // that the configuration names
}

// loadModels reads a file that has no other settings than models.
func loadModels(file string, flags *pflag.FlagSet) error {
	if file == "" {
		return nil
	}
	models := pflag.NewFlagSet("models", pflag.ContinueOnError)
	for _, key := range modelKeys {
		models.AddFlag(flags.Lookup(key))
	}
	if err := config.LoadFile(file, models); err != nil {
		return usage(fmt.Errorf("--models: %w", err))
	}
	return nil
}

// defaultBalance is what an account starts with unless it is said.
const defaultBalance = "1 XBT"

// registerModels adds what a run assumes.
func (f *runFlags) registerModels(fs *pflag.FlagSet) {
	fs.StringVar(&f.balance, "balance", defaultBalance,
		"start balance, as an amount and a currency; of an account with several wallets\n"+
			"one for each, such as \"1 XBT, 50000 USDT\"")
	fs.DurationVar(&f.sampleEvery, "sample-every", time.Minute, "interval of the equity curve")
	f.registerExchange(fs)
	f.limits.register(fs)
}

// registerExchange adds what the simulated exchange assumes.
func (f *runFlags) registerExchange(fs *pflag.FlagSet) {
	fs.StringVar(&f.modelsFile, "models", "", "YAML `file` with latency and queue models, such as backtest calibrate writes")
	fs.StringVar(&f.instruments, "instruments", "", "JSON `file` that adds or overrides instruments")
	fs.StringVar(&f.leverage, "leverage", "0", "leverage of isolated margin; 0 is cross margin")
	f.latency.register(fs)
	fs.StringVar(&f.queue, "queue", "prob-power:3", "queue model of resting orders on books and quotes:\n"+
		"risk-averse, prob-power:K, prob-power2:K, prob-power3:K, prob-log, prob-log2, front, or\n"+
		"cancels:0.1/0.3/0.6, the shares of what is cancelled that stood in the first part of a queue, the first two ...")
	fs.IntVar(&f.slippageTicks, "slippage-ticks", 1, "ticks against us where the data has no book")
	fs.StringVar(&f.barPath, "bar-path", "adaptive", "order of a bar's extremes: adaptive, high-first, low-first or pessimistic")
	fs.StringVar(&f.barFill, "bar-fill", "through", "a limit order fills when a bar trades through its price, or at a touch")
	fs.StringVar(&f.volumeShare, "volume-share", "0", "largest share of a bar's volume that fills; 0 is no limit")
	fs.StringVar(&f.touch, "touch-probability", "0", "chance that a trade at a resting order's price fills it, on trades without a book")
	fs.StringVar(&f.maxAge, "max-age", "1m",
		"oldest data at which an order trades; older, and it waits for the next data of its symbol:\n"+
			"a time, one by kind (book=1m,quote=10s,trade=5m), or off; bars have a rule of their own")
	fs.StringVar(&f.impact, "impact", "none", "what an order that takes pays beyond the book: none, or K times the day's volatility times\n"+
		"the root of its share of the day's volume, measured (sqrt:0.7) or given (sqrt:0.7:0.03:500000000)")
	fs.StringVar(&f.selfTrade, "self-trade", "pass", "orders of ours that meet: pass (they do not see each other), match, cancel-resting,\n"+
		"cancel-taking or cancel-both")
	fs.StringVar(&f.fundingRate, "funding-rate", "", "fixed funding rate where the data has none, such as 0.0001 (default: none)")
	fs.BoolVar(&f.consumption, "consumption", true, "liquidity taken from a book stays taken until its level changes")
	fs.Uint64Var(&f.seed, "seed", 1, "seed of everything random")
	fs.StringVar(&f.rules, "venue-rules", "none", "limits of the venue beyond the instrument's: none, or bitmex (200 open orders,\n"+
		"10 stops, 5 % price band, 60 requests a minute and 10 a second, 10000 XBT in positions and orders)")
	fs.StringToStringVar(&f.faults, "faults", nil, "what goes wrong on the way to the venue: overload=`share` of orders turned away,\n"+
		"lost=share of requests that never arrive, such as overload=0.01,lost=0.001")
}

func (a *App) runCommand() *cobra.Command {
	f := new(runFlags)
	c := &cobra.Command{
		Use:   "run",
		Short: "Replay a strategy over the catalog",
		Long: `Replay a strategy over recorded data and write what it did to a directory:
report.html to look at, manifest.json, result.json, summary.md and the tables
orders, fills, funding and equity as Parquet.

Every flag is also a key of the YAML file given with --config.`,
		Example: `  backtest run --catalog catalog --symbol XBTUSD --strategy sma_cross \
      --param fast=20 --param slow=100 --param size=50%
  backtest run -c run.yaml --from 2020-01-01 --to 2021-01-01 --json
  backtest run --catalog catalog --venue binance --symbol BTCUSD_PERP --strategy grid_maker \
      --data book --latency 5ms --queue risk-averse --balance "1 BTC"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.load(c.Flags()); err != nil {
				return err
			}
			return a.run(c.Context(), f)
		},
	}
	f.register(c.Flags())
	a.completeRun(c)
	return c
}

// completeRun offers names where the shell completes a flag's value.
func (a *App) completeRun(c *cobra.Command) {
	words := func(list ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
	}
	var names []string
	for i := range a.Strategies {
		names = append(names, a.Strategies[i].Name)
	}
	for flag, complete := range map[string]cobra.CompletionFunc{
		"strategy":   words(names...),
		"data":       words("auto", "bar-1m", "bar-5m", "bar-1h", "bar-1d", "trade", "quote", "book", "order"),
		"queue":      words("risk-averse", "prob-power:3", "prob-power2:3", "prob-power3:3", "prob-log", "prob-log2", "front", "cancels:"),
		"bar-path":   words("adaptive", "high-first", "low-first", "pessimistic"),
		"bar-fill":   words("through", "touch"),
		"impact":     words("none", "sqrt:0.7"),
		"self-trade": words("pass", "match", "cancel-resting", "cancel-taking", "cancel-both"),
		"latency":    words("0", "5ms", "5ms/8ms", "feed", "lognormal:5ms:0.4", "lognormal:5ms:0.4:2s", "load:5ms+20us", "recorded:"),
	} {
		if err := c.RegisterFlagCompletionFunc(flag, complete); err != nil {
			panic(err) // the flag's name is misspelled above
		}
	}
}

// settings are the flags as a manifest shows them, under the names that a
// configuration file uses.
func (f *runFlags) settings() map[string]any {
	all := map[string]any{
		"catalog": f.catalog, "instruments": f.instruments, "venue": f.venue, "symbol": f.symbols, "strategy": f.strategy,
		"param": given(f.params), "data": f.data, "from": f.from, "to": f.to, "balance": f.balance, "leverage": f.leverage,
		"queue": f.queue, "slippage-ticks": f.slippageTicks, "bar-path": f.barPath,
		"bar-fill": f.barFill, "volume-share": f.volumeShare, "touch-probability": f.touch,
		"max-age": f.maxAge, "impact": f.impact, "self-trade": f.selfTrade, "funding-rate": f.fundingRate,
		"consumption": f.consumption,
		"seed":        f.seed, "sample-every": f.sampleEvery.String(), "venue-rules": f.rules, "faults": given(f.faults),
	}
	if f.warmup != "" && f.warmup != "0" {
		all["warmup"] = f.warmup
	}
	if f.command != "" { // the catalog is gone with the command
		delete(all, "catalog")
	}
	maps.Copy(all, f.latency.settings())
	maps.Copy(all, f.limits.settings())
	return all
}

// given is a mapping that a configuration file can have, also when it is empty.
func given(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// plan is a run with every setting checked.
type plan struct {
	flags       *runFlags
	models      *Models
	set         *exchange.Instruments
	instruments []*exchange.Instrument
	definition  *engine.Definition
	values      engine.Values
	from, to    exchange.Time
	balance     exchange.Money
	sim         sim.Config
	delay       engine.Delay
	grace       time.Duration
	limits      engine.Limits
}

// plan checks the settings of a run in one currency.
func (a *App) plan(f *runFlags) (*plan, error) { return a.planned(f, (*plan).single) }

// planned checks the settings of a run whose symbols fit.
func (a *App) planned(f *runFlags, fit func(*plan) error) (*plan, error) {
	p := &plan{flags: f, models: &a.Models}
	var err error
	if p.set, err = a.instruments(f.instruments); err != nil {
		return nil, err
	}
	if p.definition, err = a.strategy(f.strategy); err != nil {
		return nil, err
	}
	if p.values, err = p.definition.Values(f.params); err != nil {
		return nil, nearParam(err, p.definition)
	}
	if err := p.findSymbols(); err != nil {
		return nil, err
	}
	if err := fit(p); err != nil {
		return nil, err
	}
	if err := p.parseRange(); err != nil {
		return nil, err
	}
	if err := p.parseModels(); err != nil {
		return nil, err
	}
	if p.limits, err = f.limits.limits(p.sim.Currency); err != nil {
		return nil, err
	}
	return p, nil
}

// nearParam adds the parameter that may have been meant to the error of an unknown one.
func nearParam(err error, d *engine.Definition) error {
	var unknown *engine.ParamError
	if !errors.As(err, &unknown) || !unknown.Unknown {
		return err
	}
	names := make([]string, len(d.Params))
	for i := range d.Params {
		names[i] = d.Params[i].Name
	}
	if near := config.Nearest(unknown.Name, names); near != "" {
		return fmt.Errorf("%w; did you mean %s?", err, near)
	}
	return err
}

func (p *plan) findSymbols() error {
	f := p.flags
	if len(f.symbols) == 0 {
		return usage(errors.New("--symbol is needed, such as --symbol XBTUSD"))
	}
	venue := exchange.CanonicalVenue(f.venue)
	for _, name := range f.symbols {
		i, err := p.set.Lookup(venue, name)
		if err != nil {
			return usage(err)
		}
		for _, other := range p.instruments {
			if other == i {
				return usage(fmt.Errorf("--symbol %s is given twice", name))
			}
		}
		p.instruments = append(p.instruments, i)
	}
	return nil
}

func (p *plan) parseRange() (err error) {
	for _, x := range []struct {
		flag, text string
		into       *exchange.Time
	}{{"from", p.flags.from, &p.from}, {"to", p.flags.to, &p.to}} {
		if x.text == "" {
			continue
		}
		if *x.into, err = exchange.ParseTime(x.text); err != nil {
			return usage(fmt.Errorf("--%s: %w", x.flag, err))
		}
	}
	if p.to != 0 && p.to <= p.from {
		return usage(fmt.Errorf("--to %s is not after --from %s", p.to, p.from))
	}
	return nil
}

func (p *plan) parseModels() error {
	f := p.flags
	wallets, err := p.parseBalances()
	if err != nil {
		return usage(err)
	}
	currency, balance := wallets[0].Currency, wallets[0].Balance
	leverage, err := exchange.ParseRatio(f.leverage)
	if err != nil || leverage < 0 || leverage > 1000*exchange.RatioUnit {
		return usage(fmt.Errorf("--leverage %q: want 0 for cross margin, or up to 1000", f.leverage))
	}
	if f.slippageTicks < 0 || f.slippageTicks > 10000 {
		return usage(fmt.Errorf("--slippage-ticks %d: want 0 to 10000", f.slippageTicks))
	}
	if f.sampleEvery < time.Second {
		return usage(fmt.Errorf("--sample-every %s: want at least 1s", f.sampleEvery))
	}
	c := sim.Config{
		Instruments: p.set, Currency: currency, Balance: balance, Wallets: wallets[1:], Leverage: leverage, SlippageTicks: f.slippageTicks,
		NoConsumption: !f.consumption, Seed: f.seed,
	}
	for _, i := range p.instruments {
		c.Symbols = append(c.Symbols, i.ID)
	}
	if err := f.assume(&c, p.models); err != nil {
		return usage(err)
	}
	if p.delay, p.grace, err = f.latency.delay(c.Latency); err != nil {
		return usage(err)
	}
	p.balance, p.sim = balance, c
	return nil
}

// assume reads what the simulated exchange assumes.
func (f *runFlags) assume(c *sim.Config, own *Models) (err error) {
	if c.Latency, err = f.latency.model(own); err != nil {
		return err
	}
	if c.Queue, err = own.queue(f.queue); err != nil {
		return fmt.Errorf("--queue: %w", err)
	}
	if c.Bars, err = parseBarModel(f); err != nil {
		return err
	}
	if c.TouchProbability, err = exchange.ParseRatio(f.touch); err != nil || c.TouchProbability < 0 || c.TouchProbability > exchange.RatioUnit {
		return fmt.Errorf("--touch-probability %q: want a chance from 0 to 1", f.touch)
	}
	if c.MaxAge, err = sim.ParseMaxAge(f.maxAge); err != nil {
		return fmt.Errorf("--max-age: %w", err)
	}
	if c.Impact, err = sim.ParseImpact(f.impact); err != nil {
		return fmt.Errorf("--impact: %w", err)
	}
	if c.SelfTrade, err = sim.ParseSelfTrade(f.selfTrade); err != nil {
		return fmt.Errorf("--self-trade: %w", err)
	}
	if c.Rules, c.Faults, err = parseTrouble(f); err != nil {
		return err
	}
	if f.fundingRate != "" {
		if c.FundingRate, err = exchange.ParseRatio(f.fundingRate); err != nil || absRatio(c.FundingRate) > exchange.RatioUnit/10 {
			return fmt.Errorf("--funding-rate %q: want a rate per funding interval, such as 0.0001", f.fundingRate)
		}
		c.UseFundingRate = true
	}
	return nil
}

func absRatio(r exchange.Ratio) exchange.Ratio { return max(r, -r) }

// parseAmount reads "1 XBT", "100000000 XBt" or "1" (in the currency people
// say) of a flag.
func parseAmount(flag, text string, c exchange.Currency) (exchange.Money, error) {
	amount, unit, _ := strings.Cut(strings.TrimSpace(text), " ")
	unit = strings.TrimSpace(unit)
	bad := fmt.Errorf("--%s %q: want an amount of the settlement currency, such as \"1 %s\" or \"%s %s\"", flag, text, c.Major,
		"1"+strings.Repeat("0", c.Scale), c.Code)
	scale := c.Scale
	switch {
	case unit == "" || strings.EqualFold(alias(unit), alias(c.Major)) && unit != c.Code:
	case unit == c.Code && c.Code == c.Major:
	case unit == c.Code:
		scale = 0
	default:
		return 0, bad
	}
	m, err := exchange.ParseMoney(amount, scale)
	if err != nil || m <= 0 {
		return 0, bad
	}
	return m, nil
}

// alias maps the two names of bitcoin to one.
func alias(unit string) string {
	if unit == "BTC" {
		return "XBT"
	}
	return unit
}

// parseTrouble reads the limits of the venue and what goes wrong on the way there.
func parseTrouble(f *runFlags) (r sim.Rules, x sim.Faults, err error) {
	switch f.rules {
	case "none":
	case "bitmex":
		r = sim.BitMEXRules()
	default:
		return r, x, fmt.Errorf("--venue-rules %q: want none or bitmex", f.rules)
	}
	for name, text := range f.faults {
		into := map[string]*exchange.Ratio{"overload": &x.Overload, "lost": &x.Lost}[name]
		if into == nil {
			return r, x, fmt.Errorf("--faults %s: want overload or lost", name)
		}
		if *into, err = exchange.ParseRatio(text); err != nil || *into < 0 || *into > exchange.RatioUnit {
			return r, x, fmt.Errorf("--faults %s=%s: want a share from 0 to 1, such as 0.01", name, text)
		}
	}
	return r, x, nil
}

func parseBarModel(f *runFlags) (m sim.BarModel, err error) {
	if m.Path, err = sim.ParseBarPath(f.barPath); err != nil {
		return m, fmt.Errorf("--bar-path: %w", err)
	}
	switch f.barFill {
	case "through":
	case "touch":
		m.Touch = true
	default:
		return m, fmt.Errorf("--bar-fill %q: want through or touch", f.barFill)
	}
	m.VolumeShare, err = exchange.ParseRatio(f.volumeShare)
	if err != nil || m.VolumeShare < 0 || m.VolumeShare > exchange.RatioUnit {
		return m, fmt.Errorf("--volume-share %q: want a fraction from 0 to 1", f.volumeShare)
	}
	return m, nil
}

// run executes a plan and prints its outcome.
func (a *App) run(ctx context.Context, f *runFlags) error {
	p, err := a.planned(f, (*plan).reportable)
	if err != nil {
		return err
	}
	if f.catalog == "" {
		return usage(errors.New("--catalog is needed; make one with backtest data import"))
	}
	if f.out == "" && !f.noReport {
		f.out = filepath.Join("runs", a.Now().UTC().Format("20060102-150405")+"-"+p.definition.Name)
	}
	o, err := a.execute(ctx, p)
	if err != nil {
		return err
	}
	results := o.results
	stats := make([]*analysis.Statistics, len(results))
	for n := range results {
		if f.noReport {
			break
		}
		if stats[n], err = writePage(p.walletDir(n)); err != nil {
			return fmt.Errorf("the run has finished; its page was not written: %w", err)
		}
	}
	switch {
	case f.asJSON && len(results) == 1:
		return a.printJSON(results[0])
	case f.asJSON:
		return a.printJSON(results)
	}
	for n, r := range results {
		if n > 0 {
			fmt.Fprintln(a.Stdout)
		}
		a.printResult(r, stats[n])
		if !f.noReport {
			fmt.Fprintf(a.Stdout, "\nresults in %s, to look at: %s\n", p.walletDir(n), filepath.Join(p.walletDir(n), reports.PageFile))
		}
	}
	if len(results) > 1 && len(o.together.Unvalued) == 0 {
		fmt.Fprintf(a.Stdout, "\nequity of all wallets at the last prices: %s\n", p.sim.Currency.Text(o.together.Balance))
	}
	return nil
}
