package cli_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/strategies"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"backtest": func() { os.Exit(cli.Main(strategies.All())) },
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
