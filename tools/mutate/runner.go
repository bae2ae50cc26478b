package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// outcome is what became of a mutant.
type outcome string

const (
	killed      outcome = "killed"   // a test failed
	timedOut    outcome = "timeout"  // the tests did not end; counts as killed
	survived    outcome = "survived" // no test failed
	isAccepted  outcome = "accepted" // listed with a reason; does not count
	notCompiled outcome = "not compiled"
)

// runner runs tests against mutants.
type runner struct {
	root      string
	temp      string
	timeout   time.Duration // of the tests of a package; 0: by what they take without a mutant
	memory    int           // of a test binary, MiB
	jobs      int
	limit     int
	testFlags []string
	with      []*goPackage // whose tests run too
	accepted  []*accepted
	recheck   bool // run accepted mutants
	log       io.Writer
}

// packageResult is the result of a package.
type packageResult struct {
	Package     string         `json:"package"`
	Candidates  int            `json:"candidates"` // places that could be changed
	Mutants     int            `json:"mutants"`    // of them compiled and counted, without those accepted
	Killed      int            `json:"killed"`     // timeouts with them
	Timeouts    int            `json:"timeouts"`
	Survived    int            `json:"survived"`
	Accepted    int            `json:"accepted"`
	NotCompiled int            `json:"notCompiled"`
	Rate        float64        `json:"rate"` // killed of those counted, in percent; 100 without any
	Results     []mutantResult `json:"results"`
}

type mutantResult struct {
	mutant

	Outcome outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"` // of an accepted one
}

// target is a package whose tests run against a mutant.
type target struct {
	p       *goPackage
	timeout time.Duration
}

// test draws mutants of a package until limit of them count, and runs the tests.
func (r *runner) test(
	ctx context.Context,
	p *goPackage,
	all []mutant,
	sources map[string]source,
) (*packageResult, error) {
	result := &packageResult{Package: p.ImportPath, Candidates: len(all)}
	if len(all) == 0 {
		result.finish()
		return result, nil
	}
	targets, err := r.targets(ctx, p)
	if err != nil {
		return nil, err
	}
	// Results are taken in the order of the draw, whatever order the jobs end in.
	type job struct {
		m    mutantResult
		err  error
		done chan struct{}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	queue, free := make(chan *job, r.jobs), make(chan struct{}, r.jobs)
	wg.Go(func() {
		defer close(queue)
		for i := range all {
			j := &job{m: mutantResult{mutant: all[i]}, done: make(chan struct{})}
			select {
			case <-ctx.Done():
				return
			case free <- struct{}{}:
			}
			wg.Go(func() {
				defer close(j.done)
				defer func() { <-free }()
				j.err = r.judge(ctx, targets, &j.m, sources[j.m.File])
			})
			select {
			case <-ctx.Done():
				return
			case queue <- j:
			}
		}
	})
	for j := range queue {
		<-j.done
		if j.err != nil {
			return nil, j.err
		}
		result.add(j.m)
		fmt.Fprintf(r.log, "%s:%d: %s: %s\n", j.m.File, j.m.Line, j.m.Operator, j.m.Outcome)
		if r.limit > 0 && result.Mutants == r.limit {
			break
		}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	result.finish()
	return result, nil
}

// targets runs the tests without a mutant: they must pass, and how long they take says
// when a mutant hangs.
func (r *runner) targets(ctx context.Context, p *goPackage) (list []target, err error) {
	packages := []*goPackage{p}
	for _, w := range r.with {
		if w.ImportPath != p.ImportPath && w.tested() {
			packages = append(packages, w)
		}
	}
	for _, t := range packages {
		timeout := 10 * time.Minute
		if r.timeout != 0 {
			timeout = r.timeout
		}
		start := time.Now()
		ok, err := r.passes(ctx, target{t, timeout}, "")
		switch {
		case err != nil:
			return nil, err
		case !ok.built || !ok.passed:
			return nil, fmt.Errorf("the tests of %s fail without a mutant:\n%s", t.ImportPath, ok.output)
		}
		if r.timeout == 0 { // a machine that is busy may be several times slower later on
			timeout = 10*time.Second + 5*time.Since(start)
		}
		list = append(list, target{t, timeout})
	}
	return list, nil
}

// judge finds out what becomes of a mutant.
func (r *runner) judge(ctx context.Context, targets []target, m *mutantResult, src source) error {
	for _, a := range r.accepted {
		if a.identity == m.identity() {
			m.Reason = a.Reason
		}
	}
	if m.Reason != "" && !r.recheck {
		m.Outcome = isAccepted
		return nil
	}
	dir, err := os.MkdirTemp(r.temp, "mutant")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := writeOverlay(dir, src.path, m.source(src.text))
	if err != nil {
		return err
	}
	m.Outcome = survived
	for i, t := range targets {
		ok, err := r.passes(ctx, t, overlay)
		switch {
		case err != nil:
			return err
		case !ok.built && i > 0:
			return fmt.Errorf("%s:%d: %s: the tests of %s do not compile with the mutant:\n%s",
				m.File, m.Line, m.Operator, t.p.ImportPath, ok.output)
		case !ok.built:
			m.Outcome = notCompiled
			return nil
		case ok.timedOut:
			m.Outcome = timedOut
			return nil
		case !ok.passed:
			m.Outcome = killed
			return nil
		}
	}
	if m.Reason != "" {
		m.Outcome = isAccepted
	}
	return nil
}

// writeOverlay writes a file that replaces another one in a build.
func writeOverlay(dir, path string, text []byte) (string, error) {
	changed := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(changed, text, 0o600); err != nil {
		return "", err
	}
	type overlay struct{ Replace map[string]string }
	b, err := json.Marshal(overlay{map[string]string{path: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, b, 0o600)
}

type testRun struct {
	built, passed, timedOut bool
	output                  string
}

// passes compiles the tests of a package and runs them where `go test` would. A package
// without tests is compiled only.
func (r *runner) passes(ctx context.Context, t target, overlay string) (ok testRun, err error) {
	dir, err := os.MkdirTemp(r.temp, "test")
	if err != nil {
		return ok, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "mutant.test")
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary}
	if !t.p.tested() {
		args = []string{"build", "-o", os.DevNull}
	}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	build := exec.CommandContext(ctx, "go", append(args, t.p.ImportPath)...)
	build.Dir = r.root
	out, err := build.CombinedOutput()
	if ctx.Err() != nil {
		return ok, context.Cause(ctx)
	}
	if ok.output = string(out); err != nil {
		return ok, ignoreExit(err)
	}
	ok.built = true
	if !t.p.tested() {
		ok.passed = true
		return ok, nil
	}

	ctx, cancel := context.WithTimeout(ctx, t.timeout+5*time.Second) // the binary's own limit comes first
	defer cancel()
	// A mutant may allocate without end. The shell limits what it can have, where the
	// system knows such a limit.
	args = []string{"-c", `ulimit -v "$0" 2>/dev/null; exec "$@"`, strconv.Itoa(r.memory << 10), binary,
		"-test.failfast", "-test.timeout=" + t.timeout.String()}
	args = append(args, r.testFlags...)
	cmd := exec.CommandContext(ctx, "/bin/sh", args...)
	cmd.Dir, cmd.WaitDelay = t.p.Dir, 10*time.Second
	isolate(cmd)
	start := time.Now()
	out, err = cmd.CombinedOutput()
	ok.output, ok.passed = string(out), err == nil
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return ok, cause
	}
	ok.timedOut = err != nil && time.Since(start) >= t.timeout
	return ok, ignoreExit(err)
}

// ignoreExit keeps the errors that are not the exit code of a command.
func ignoreExit(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

func (p *packageResult) add(m mutantResult) {
	switch m.Outcome {
	case notCompiled:
		p.NotCompiled++
		return // nothing to learn from
	case isAccepted:
		p.Accepted++
	case killed:
		p.Killed++
		p.Mutants++
	case timedOut:
		p.Killed++
		p.Timeouts++
		p.Mutants++
	case survived:
		p.Survived++
		p.Mutants++
	}
	p.Results = append(p.Results, m)
}

func (p *packageResult) finish() {
	p.Rate = 100
	if p.Mutants > 0 {
		p.Rate = 100 * float64(p.Killed) / float64(p.Mutants)
	}
}
