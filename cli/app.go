package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/internal/config"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/internal/terminal"
)

// version is set by the linker in release builds.
var version = "dev"

// App is everything of the process that the commands touch, so that tests can
// put something else in its place.
type App struct {
	Command     string    // "backtest", which is the default, "paper", or "both"
	Name        string    // of the program; empty: Command
	Args        []string  // without the program's name
	Stdin       io.Reader // nil: the process's
	Stdout      io.Writer
	Stderr      io.Writer
	Interactive bool // stderr is a terminal: progress may be drawn
	Strategies  []engine.Definition
	Models      Models
	Venues      []Venue          // beside the built-in ones
	Now         func() time.Time // for run ids and manifests, never for results

	// What Stdout and Stderr were before Run: control sequences go there, and nothing else
	// does.
	rawStdout, rawStderr io.Writer
}

// Main runs the backtest command with the process's arguments and returns its
// exit code. An interrupt ends the command in order; a second one at once.
func Main(strategies []engine.Definition, options ...Option) int {
	return run("backtest", strategies, options)
}

// PaperMain runs the paper command in the same way.
func PaperMain(strategies []engine.Definition, options ...Option) int {
	return run("paper", strategies, options)
}

// BothMain runs a program with the commands of backtest, and those of paper below the command
// paper: a strategy of one's own in one binary. Help and errors call it by the name under which
// it was started.
func BothMain(strategies []engine.Definition, options ...Option) int {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	return run(everything, strategies, append(options, func(a *App) { a.Name = name }))
}

// everything is the command of a program that has all commands.
const everything = "both"

func run(command string, strategies []engine.Definition, options []Option) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // the next interrupt kills the process as usual
	}()
	app := &App{
		Command: command, Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, Strategies: strategies, Now: time.Now,
		Interactive: term.IsTerminal(int(os.Stderr.Fd())),
	}
	for _, add := range options {
		add(app)
	}
	return app.Run(ctx)
}

// Run executes the command line and returns the exit code.
func (a *App) Run(ctx context.Context) int {
	if a.Command == "" {
		a.Command = "backtest"
	}
	a.rawStdout, a.rawStderr = a.Stdout, a.Stderr
	printed := &checkedWriter{to: a.rawStdout}
	a.Stdout, a.Stderr = terminal.NewWriter(printed), terminal.NewWriter(a.rawStderr)
	root := a.root() //nolint:contextcheck // commands get the context when they run
	switch a.Command {
	case "paper":
		root = a.paperRoot() //nolint:contextcheck // the same
	case everything:
		root.AddCommand(a.paperRoot()) //nolint:contextcheck // the same
	}
	a.Name = cmp.Or(a.Name, a.Command)
	called := a.renamed(root)
	root.SetArgs(a.Args)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	err := a.checkVenues()
	if err == nil {
		err = executed(ctx, root)
	}
	if err == nil {
		err = printed.failed()
	}
	code := exitCode(err)
	switch {
	case err == nil:
	case code == ExitInterrupted:
		fmt.Fprintln(a.Stderr, "interrupted")
	default:
		// The lines after the first are indented, so that a line break in a text from outside cannot
		// imitate a message of the program.
		text := called(strings.ReplaceAll(err.Error(), "\n", "\n  "))
		fmt.Fprintf(a.Stderr, "%s: %s%s\n", a.Name, text, traced(err))
	}
	return code
}

// checkedWriter remembers the first error of a writer: most of what is printed is text whose
// errors are not looked at one by one.
type checkedWriter struct {
	to  io.Writer
	mu  sync.Mutex
	err error
}

// Write implements io.Writer.
func (w *checkedWriter) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = cmp.Or(w.err, err)
	}
	return n, err
}

// failed is an error if something could not be printed.
func (w *checkedWriter) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		return nil
	}
	return fmt.Errorf("the output could not be written: %w", w.err)
}

// executed runs a command. A panic that nothing else has caught is a fault in the program.
func executed(ctx context.Context, root *cobra.Command) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = engine.NewPanicError(p, nil)
		}
	}()
	return root.ExecuteContext(ctx)
}

// traced writes the stack trace of a panic to a temporary file and returns a text that names
// the file, for a bug report.
func traced(err error) string {
	var p *engine.PanicError
	var g *gateway.FaultError
	var stack string
	switch {
	case errors.As(err, &p):
		stack = p.Stack
	case errors.As(err, &g):
		stack = g.Stack
	default:
		return ""
	}
	f, failed := os.CreateTemp("", "dunamis-fault-*.txt")
	if failed != nil {
		return ""
	}
	_, failed = fmt.Fprintf(f, "%s\n%s\n\n%s", Version(), err, stack)
	if errors.Join(failed, f.Close()) != nil {
		return ""
	}
	return "; the trace is in " + f.Name()
}

func (a *App) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "backtest",
		Short: "Replay strategies over the history of crypto derivatives",
		Long: `backtest replays a strategy over recorded market data through a simulated exchange
that knows queues, latency, fees, funding, margin and liquidation.

A first look:   backtest demo
Your own data:  backtest data import --catalog catalog XBTUSD-1m-2020.csv.gz
A run:          backtest run --catalog catalog --venue bitmex --symbol XBTUSD --strategy sma_cross

Exit codes: 0 done, 2 wrong usage, 3 a problem with the data, 4 failed or the strategy
panicked, 5 some runs of a sweep failed, 6 a fault in the program, 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: false,
		},
	}
	root.AddCommand(a.runCommand(), a.sweepCommand(), a.replayCommand(), a.calibrateCommand(), a.demoCommand(),
		a.reportCommand(),
		a.compareCommand(), a.dataCommand(), a.strategiesCommand(), a.instrumentsCommand(), a.versionCommand())
	prepare(root)
	return root
}

// prepare gives the commands below a root what all of them have.
func prepare(root *cobra.Command) {
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(usageOf)
	root.Version = Version()
	root.SetVersionTemplate(versionLine())
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("version").Usage = "print the version"
	codeUsageErrors(root)
}

// versionLine is what the version command prints.
func versionLine() string { return fmt.Sprintf("dunamis %s (%s)\n", Version(), goVersion()) }

// codeUsageErrors gives wrong arguments and unknown commands the usage code.
func codeUsageErrors(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if c.HasSubCommands() && len(args) > 0 {
				return usage(fmt.Errorf("unknown command %q%s; see %s --help", args[0], suggestion(c, args[0]), c.CommandPath()))
			}
			return usage(check(c, args))
		}
	}
	for _, sub := range c.Commands() {
		codeUsageErrors(sub)
	}
}

func suggestion(c *cobra.Command, word string) string {
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	if near := config.Nearest(word, names); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := config.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			err = fmt.Errorf("%w; did you mean --%s?", err, near)
		}
	}
	return usage(fmt.Errorf("%w (see %s --help)", err, c.CommandPath()))
}

func (a *App) versionCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := Version()
			if asJSON {
				return a.printJSON(map[string]string{"version": v, "go": goVersion()})
			}
			fmt.Fprint(a.Stdout, versionLine())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// Version is the version of the build: the linker's, or the module's.
func Version() string {
	if version != "dev" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return version
}

func goVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.GoVersion
	}
	return "go"
}

// instruments returns the built-in instruments, with those of the binary's venues and of
// a file added.
func (a *App) instruments(file string) (*exchange.Instruments, error) {
	set, err := exchange.BuiltinInstruments()
	for n := range a.Venues {
		if v := &a.Venues[n]; err == nil && v.Instruments != nil {
			if err = v.Instruments(set); err != nil {
				err = fmt.Errorf("instruments of %s: %w", v.Name, err)
			}
		}
	}
	if err != nil || file == "" {
		return set, err
	}
	f, err := disk.Open(file)
	if err != nil {
		return nil, usage(fmt.Errorf("--instruments: %w", err))
	}
	defer f.Close() //nolint:errcheck // only read
	if err := set.Load(f); err != nil {
		return nil, usage(fmt.Errorf("--instruments %s: %w", file, err))
	}
	return set, nil
}

// strategy finds a definition by name.
func (a *App) strategy(name string) (*engine.Definition, error) {
	if name == recordName && a.Command != "backtest" {
		return recordDefinition(), nil
	}
	var names []string
	for i := range a.Strategies {
		if a.Strategies[i].Name == name {
			return &a.Strategies[i], nil
		}
		names = append(names, a.Strategies[i].Name)
	}
	hint := "want one of " + strings.Join(names, ", ")
	if near := config.Nearest(strings.ReplaceAll(name, "-", "_"), names); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	if name == "" {
		return nil, usage(fmt.Errorf("--strategy is needed; %s", hint))
	}
	return nil, usage(fmt.Errorf("unknown strategy %q; %s", name, hint))
}
