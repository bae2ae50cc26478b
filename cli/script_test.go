package cli_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/strategies"
)

// Under the race detector a process sleeps for a second before it ends, unless told
// otherwise; the tests start hundreds.
const (
	raceVariable = "GORACE"
	raceOptions  = "atexit_sleep_ms=0"
)

func TestMain(m *testing.M) {
	_ = os.Setenv(raceVariable, raceOptions) // for processes; ours has read it already
	testscript.Main(m, map[string]func(){
		"backtest": func() { os.Exit(cli.Main(strategies.All())) },
		"paper":    func() { os.Exit(cli.PaperMain(strategies.All())) },
		// Binaries with a venue and a strategy of their own.
		"backtest-desk": func() { os.Exit(cli.Main(append(strategies.All(), nagDefinition()), cli.WithVenue(deskVenue()))) },
		"paper-desk":    func() { os.Exit(cli.PaperMain(append(strategies.All(), nagDefinition()), cli.WithVenue(deskVenue()))) },
		// Binaries with a queue model that panics at one event.
		"backtest-fragile": func() {
			os.Exit(cli.Main([]engine.Definition{restsDefinition()}, cli.WithQueue("fragile", newFragile)))
		},
		"paper-fragile": func() {
			os.Exit(cli.PaperMain([]engine.Definition{restsDefinition()}, cli.WithQueue("fragile", newFragile)))
		},
	})
}

// TestScripts runs the command as a user would: each file of testdata/script is a
// session with what it must print and how it must exit.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// exits CODE ARGS... runs backtest and compares its exit code.
			"exits": exits,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv(raceVariable, raceOptions)
			return nil
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS...")
	}
	err := ts.Exec("backtest", args[1:]...)
	got := "0"
	if err != nil {
		got = exitText(err)
	}
	if got != args[0] {
		ts.Fatalf("backtest %v: exit code %s, want %s", args[1:], got, args[0])
	}
}

func exitText(err error) string {
	type coder interface{ ExitCode() int }
	if c, ok := err.(coder); ok {
		switch c.ExitCode() {
		case cli.ExitUsage:
			return "2"
		case cli.ExitData:
			return "3"
		case cli.ExitFailed:
			return "4"
		}
	}
	return err.Error()
}
