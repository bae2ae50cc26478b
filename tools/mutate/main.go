package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitLow   = 1 // a package is under the threshold
	exitError = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type options struct {
	root      string
	seed      uint64
	limit     int
	jobs      int
	memory    int
	threshold float64
	timeout   time.Duration
	changed   string
	with      string
	accepted  string
	recheck   bool
	json      string
	testFlags string
	list      bool
	quiet     bool
	patterns  []string
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("mutate", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintln(
			stderr,
			"usage: mutate [flags] PACKAGES\n\nChanges the code of packages, one place at a time, "+
				"and counts the changes that no test notices.\n"+
				"Exit code 1: a package is under the threshold. 2: another error.",
		)
		f.PrintDefaults()
	}
	f.StringVar(&o.root, "root", ".", "`directory` of the module; names of files are relative to it")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the draw of mutants")
	f.IntVar(&o.limit, "limit", 0, "mutants of each package; 0: all")
	f.IntVar(&o.jobs, "jobs", 1, "mutants at a time")
	f.IntVar(&o.memory, "memory", 4096, "memory of a test binary in `MiB`")
	f.Float64Var(&o.threshold, "threshold", 95, "`percent` of the mutants of each package that tests must kill")
	f.DurationVar(
		&o.timeout,
		"timeout",
		0,
		"of the tests of a package; 0: 10s and five times what they take without a mutant",
	)
	f.StringVar(&o.changed, "changed", "", "only files that differ from this git `reference`")
	f.StringVar(
		&o.with,
		"with",
		"",
		"`packages`, separated by spaces, whose tests run too when those of the package itself pass",
	)
	f.StringVar(&o.accepted, "accepted", "", "`file` of mutants that need not be killed, each with a reason")
	f.BoolVar(&o.recheck, "recheck", false, "run the accepted mutants too, and list those that are killed")
	f.StringVar(&o.json, "json", "", "`file` for all results as JSON")
	f.StringVar(&o.testFlags, "testflags", "", "`flags` of the test binaries, separated by spaces, such as -test.short")
	f.BoolVar(&o.list, "list", false, "list the mutants that would be drawn, and run nothing")
	f.BoolVar(&o.quiet, "quiet", false, "no line for each mutant on the standard error")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	o.patterns = f.Args()
	switch {
	case len(o.patterns) == 0:
		return nil, errors.New("no packages: want patterns, such as ./exchange/... for a directory and those below it")
	case o.limit < 0:
		return nil, fmt.Errorf("limit %d: want 0 or more", o.limit)
	case o.jobs < 1:
		return nil, fmt.Errorf("jobs %d: want 1 or more", o.jobs)
	case o.memory < 1:
		return nil, fmt.Errorf("memory %d: want 1 or more", o.memory)
	case o.timeout < 0:
		return nil, fmt.Errorf("timeout %s: want 0 or more", o.timeout)
	case !(o.threshold >= 0 && o.threshold <= 100):
		return nil, fmt.Errorf("threshold %v: want 0 to 100", o.threshold)
	}
	return o, nil
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "mutate:", err)
		return exitError
	}
	rep, err := mutate(ctx, o, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return exitError
	}
	low := rep.low()
	for _, p := range low {
		fmt.Fprintf(stderr, "mutate: %s: %.1f%% of the mutants killed, want %v%%\n", p.Package, p.Rate, o.threshold)
	}
	if len(low) > 0 {
		return exitLow
	}
	return 0
}

func mutate(ctx context.Context, o *options, stdout, stderr io.Writer) (*report, error) {
	r, err := newRunner(ctx, o, stderr)
	if err != nil {
		return nil, err
	}
	packages, err := listPackages(ctx, r.root, o.patterns)
	if err != nil {
		return nil, err
	}
	var only map[string]bool
	if o.changed != "" {
		if only, err = changedFiles(ctx, r.root, o.changed); err != nil {
			return nil, err
		}
	}
	if r.temp, err = os.MkdirTemp("", "mutate"); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(r.temp) }()

	rep := &report{Seed: o.seed, Limit: o.limit, Threshold: o.threshold, Packages: []*packageResult{}, Stale: []string{}}
	known, mutated := map[identity]bool{}, map[string]bool{}
	for _, p := range packages {
		all, sources, err := candidates(r.root, p, o.seed, only)
		if err != nil {
			return nil, err
		}
		for i := range all {
			known[all[i].identity()] = true
		}
		for name := range sources {
			mutated[name] = true
		}
		switch {
		case o.list:
			list(stdout, all, o.limit)
		case len(all) > 0:
			result, err := r.test(ctx, p, all, sources)
			if err != nil {
				return nil, err
			}
			rep.Packages = append(rep.Packages, result)
		}
	}
	if o.list {
		return rep, nil
	}
	for _, a := range r.accepted {
		if mutated[a.File] && !known[a.identity] {
			rep.Stale = append(rep.Stale, fmt.Sprintf("%s:%d: %s", o.accepted, a.line, a.identity))
		}
	}
	return rep, write(rep, o.json, stdout)
}

func newRunner(ctx context.Context, o *options, log io.Writer) (*runner, error) {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return nil, err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, err
	}
	r := &runner{
		root: root, timeout: o.timeout, memory: o.memory, jobs: o.jobs, limit: o.limit, recheck: o.recheck,
		testFlags: strings.Fields(o.testFlags), log: log,
	}
	if o.quiet {
		r.log = io.Discard
	}
	if o.accepted != "" {
		if r.accepted, err = readAccepted(o.accepted); err != nil {
			return nil, err
		}
	}
	if o.with != "" {
		if r.with, err = listPackages(ctx, root, strings.Fields(o.with)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// list prints the mutants in the order of the draw. Some may turn out not to compile.
func list(w io.Writer, all []mutant, limit int) {
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	for i := range all {
		fmt.Fprintf(w, "%s:%d\n%s\n\n", all[i].File, all[i].Line, all[i].identity())
	}
}

func write(rep *report, name string, stdout io.Writer) error {
	if err := rep.writeText(stdout); err != nil {
		return err
	}
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := rep.writeJSON(f); err != nil {
		_ = f.Close() // the other error says more
		return err
	}
	return f.Close()
}
