package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

// Options say what is run, before it runs.
type Options struct {
	Account      Account
	Instruments  *exchange.Instruments
	Symbols      []exchange.SymbolID // the first is the primary one
	Currency     exchange.Currency   // all symbols settle in it
	StartBalance exchange.Money      // positive
	Run          Run                 // Start and End are filled in
	Models       []Model
	Data         []DataPart

	// For the manifest.
	Version   string // of Dunamis
	GoVersion string
	Seed      uint64
	Config    any    // the whole configuration; must be representable as JSON
	Command   string // see [Manifest]
	Started   time.Time
}

// Outcome says what the recorder cannot see for itself.
type Outcome struct {
	Engine        engine.Summary
	AmbiguousBars int64
	Counts        map[string]int64 // what else the exchange counted
	Warnings      []string
	Ended         time.Time // for the manifest
}

// Recorder observes a run and writes its directory. It belongs to the goroutine
// of the run. Make one with [Create] and end it with Finish or Abort; a recorder
// that is dropped leaves a directory that is known to be unfinished.
type Recorder struct {
	o        Options
	dir      *directory // nil: nothing is written
	tables   *tables    // nil: nothing is written
	manifest Manifest
	symbols  []string // by SymbolID
	primary  exchange.SymbolID
	closed   bool

	digest   digest
	orders   orders
	trips    trips
	exposure exposure
	daily    daily
	drawdown drawdown
	price    benchmark
	sums     Totals
	counts   Counts
	started  bool
	start    exchange.Time // of the first sample
	end      exchange.Time // of the last one

	rejected   string        // the first order or command that the exchange refused
	liquidated exchange.Time // of the first liquidation
}

var _ engine.PriceObserver = (*Recorder)(nil)

// Create opens a run directory, which is made if it does not exist, and returns
// its recorder. A directory that holds anything but an unfinished run is refused
// with a [*DirectoryError]; an unfinished run is replaced. An empty name keeps
// no files: Finish then only returns the result.
func Create(dir string, o Options) (*Recorder, error) { return create(disk.OS{}, dir, o) }

func create(d disk.FS, dir string, o Options) (*Recorder, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	config, err := json.Marshal(o.Config)
	if err != nil {
		return nil, &ConfigError{Field: "Config", Reason: err.Error()}
	}
	o.fill()
	n := o.Instruments.Len()
	r := &Recorder{o: o, primary: o.Symbols[0], digest: newDigest(), orders: newOrders(), trips: newTrips(n),
		exposure: newExposure(n)}
	for _, i := range o.Instruments.All() {
		r.symbols = append(r.symbols, i.Symbol)
	}
	r.digest.run(&r.o)
	r.manifest = Manifest{Schema: ManifestSchema, Status: Running,
		Versions: Versions{Dunamis: o.Version, Go: o.GoVersion, Result: ResultSchema},
		Started:  o.Started.UTC(), Seed: o.Seed, Config: config, Command: o.Command, Run: o.Run, Models: o.Models,
		Data: o.Data}
	if dir != "" {
		if err := r.open(d, dir); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// check finds what would make the result wrong.
func (o *Options) check() error {
	switch {
	case o.Account == nil:
		return &ConfigError{Field: "Account", Reason: "is needed"}
	case o.Instruments == nil || len(o.Symbols) == 0:
		return &ConfigError{Field: "Symbols", Reason: "at least one is needed, with its instrument"}
	case o.StartBalance <= 0:
		return &ConfigError{Field: "StartBalance", Reason: "must be positive"}
	}
	for _, s := range o.Symbols {
		if int(s) >= o.Instruments.Len() {
			return &ConfigError{Field: "Symbols", Reason: fmt.Sprintf("no instrument has the id %d", s)}
		}
		if i := o.Instruments.Get(s); i.Settle.Code != o.Currency.Code {
			return &ConfigError{Field: "Symbols", Reason: i.Name() + " settles in " + i.Settle.Code + ", the account is in " +
				o.Currency.Code}
		}
	}
	return nil
}

// fill derives what can be derived, and makes lists of JSON where nothing was
// given: a reader should not have to tell an empty list from none.
func (o *Options) fill() {
	o.Models, o.Data = orEmpty(o.Models), orEmpty(o.Data)
	o.Symbols = slices.Clone(o.Symbols)
	if o.Run.Params == nil {
		o.Run.Params = map[string]string{}
	}
	if len(o.Run.Symbols) == 0 {
		for _, s := range o.Symbols {
			o.Run.Symbols = append(o.Run.Symbols, o.Instruments.Get(s).Symbol)
		}
	}
	if o.Run.Venue == "" {
		o.Run.Venue = o.Instruments.Get(o.Symbols[0]).Venue
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (r *Recorder) open(d disk.FS, path string) (err error) {
	if r.dir, err = claim(d, path); err != nil {
		return err
	}
	if err = r.dir.writeManifest(&r.manifest); err == nil {
		r.tables, err = openTables(r.dir, &r.o)
	}
	if err != nil {
		return errors.Join(err, r.dir.release())
	}
	return nil
}

// Submitted implements [engine.Observer].
func (r *Recorder) Submitted(_ exchange.SymbolID, id exchange.ClientID, mid exchange.Price) {
	if r.tables != nil {
		r.orders.submit(id, mid)
	}
}

// Priced implements [engine.PriceObserver]: the benchmark begins with the first price
// of the primary symbol, whenever samples are taken.
func (r *Recorder) Priced(at exchange.Time) bool {
	r.price.add(at, r.o.Account.Position(r.primary).MarkPrice)
	return r.price.first != 0
}

// Report implements [engine.Observer].
func (r *Recorder) Report(rep *exchange.Report) error {
	if r.closed {
		return ErrClosed
	}
	switch rep.Kind {
	case exchange.ReportOrder:
		r.digest.order(r.symbols[rep.Order.Symbol], rep.ExecType, rep.Arrival, &rep.Order)
		return r.order(rep.Time, &rep.Order)
	case exchange.ReportFill:
		return r.fill(rep)
	case exchange.ReportFunding:
		return r.funding(rep)
	case exchange.ReportReject:
		r.reject(rep.Time, rep.Reject.Command, rep.Reject.Reason)
		r.digest.reject(r.symbols[rep.Symbol], rep.Arrival, &rep.Reject)
	}
	return nil // positions and margin follow from the rest
}

func (r *Recorder) order(at exchange.Time, o *exchange.Order) error {
	ended := r.orders.put(at, o)
	if ended == nil {
		return nil
	}
	if o.Status == exchange.Rejected {
		r.reject(at, "order", o.RejectReason)
	}
	return r.writeOrder(ended)
}

func (r *Recorder) reject(at exchange.Time, command, reason string) {
	if r.counts.Rejected == 0 {
		r.rejected = fmt.Sprintf("%s at %s: %s", command, at, reason)
	}
	r.counts.Rejected++
}

func (r *Recorder) writeOrder(x *openOrder) error {
	if r.tables == nil {
		return nil
	}
	return r.tables.addOrder(r.symbols[x.state.Symbol], x)
}

func (r *Recorder) fill(rep *exchange.Report) error {
	f := &rep.Fill
	r.digest.fill(r.symbols[f.Symbol], rep.Arrival, f, &rep.Order)
	r.countFill(f)
	r.sums.Realised += f.Realised
	r.sums.Fees += f.Fee
	r.sums.Turnover += f.Value
	r.trips.add(f)
	r.exposure.set(f.Time, f.Symbol, f.Position)
	if r.tables != nil {
		if err := r.tables.addFill(r.symbols[f.Symbol], f); err != nil {
			return err
		}
	}
	if rep.Order.OrderID == "" && rep.Order.ClientID == "" {
		return nil // forced by the venue, without an order
	}
	return r.order(rep.Time, &rep.Order)
}

func (r *Recorder) countFill(f *exchange.Fill) {
	r.counts.Fills++
	if f.Liquidity == exchange.AddedLiquidity {
		r.counts.MakerFills++
	}
	switch f.Type {
	case exchange.ExecLiquidation, exchange.ExecBankruptcy:
		if r.counts.Liquidations == 0 {
			r.liquidated = f.Time
		}
		r.counts.Liquidations++
	case exchange.ExecSettlement:
		r.counts.Settlements++
	}
	if f.Ambiguous {
		r.counts.AmbiguousFills++
	}
}

func (r *Recorder) funding(rep *exchange.Report) error {
	f := &rep.Funding
	r.digest.funding(r.symbols[f.Symbol], rep.Arrival, f)
	r.counts.FundingPayments++
	r.sums.Funding += f.Amount
	if r.tables == nil {
		return nil
	}
	return r.tables.addFunding(r.symbols[f.Symbol], f)
}

// Sample implements [engine.Observer].
func (r *Recorder) Sample(at exchange.Time) error {
	if r.closed {
		return ErrClosed
	}
	if !r.started {
		r.begin(at)
	}
	r.end = at
	r.counts.Samples++
	margin := r.o.Account.Margin(at)
	position := r.o.Account.Position(r.primary)
	r.digest.sample(at, &margin)
	r.daily.add(at, margin.Balance, r.o.StartBalance)
	r.drawdown.add(at, margin.Balance, r.o.StartBalance)
	r.price.add(at, position.MarkPrice)
	if r.tables == nil {
		return nil
	}
	totals := r.o.Account.Totals()
	return r.tables.addEquity(at, &margin, &position, &totals)
}

// begin takes positions that were open before the run.
func (r *Recorder) begin(at exchange.Time) {
	r.started, r.start = true, at
	for _, s := range r.o.Symbols {
		r.exposure.set(at, s, r.o.Account.Position(s).Qty)
	}
}

// Finish checks that the account adds up, writes everything and says in the
// manifest that the run has finished. When it cannot, the run is left as
// failed; an account that does not add up is an [*IdentityError].
//
// Every report of the run must have been delivered: an exchange that still holds
// some back when the data ends must hand them over before.
func (r *Recorder) Finish(o Outcome) (*Result, error) {
	if r.closed {
		return nil, ErrClosed
	}
	result, err := r.result(&o)
	if err != nil {
		return nil, r.fail(Failed, err, o.Ended)
	}
	if r.dir == nil {
		r.closed = true
		return result, nil
	}
	if err := r.publish(result, o.Ended); err != nil {
		return nil, r.fail(Failed, err, o.Ended)
	}
	r.closed = true
	return result, r.dir.release()
}

// Abort ends a run that cannot finish, and says why in the manifest: it was
// interrupted if its context was cancelled, and failed otherwise. The tables are
// closed and hold what happened so far. After Finish it does nothing.
func (r *Recorder) Abort(cause error, ended time.Time) error {
	if r.closed {
		return nil
	}
	status := Failed
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		status = Interrupted
	}
	return r.abort(status, cause, ended)
}

// fail aborts because of err and returns it, with what else went wrong.
func (r *Recorder) fail(status Status, err error, ended time.Time) error {
	return errors.Join(err, r.abort(status, err, ended))
}

func (r *Recorder) abort(status Status, cause error, ended time.Time) error {
	r.closed = true
	if r.dir == nil {
		return nil
	}
	err := r.closeTables()
	r.manifest.Status, r.manifest.Reason = status, cause.Error()
	r.setEnded(ended)
	return errors.Join(err, r.dir.writeManifest(&r.manifest), r.dir.release())
}

func (r *Recorder) setEnded(ended time.Time) {
	at := ended.UTC()
	r.manifest.Ended = &at
}

// closeTables writes the orders that are open and makes the tables whole, once.
func (r *Recorder) closeTables() error {
	if r.tables == nil {
		return nil
	}
	t := r.tables
	var errs []error
	for _, x := range r.orders.rest() {
		errs = append(errs, r.writeOrder(x))
	}
	r.tables = nil
	errs = append(errs, t.close())
	return errors.Join(errs...)
}
