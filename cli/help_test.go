package cli_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/strategies"
)

// eachCommand visits the commands of both programs.
func eachCommand(t *testing.T, visit func(t *testing.T, program string, c *cobra.Command)) {
	t.Helper()
	for _, program := range []string{"backtest", "paper"} {
		app := &cli.App{Command: program, Strategies: strategies.All(), Now: time.Now}
		var walk func(c *cobra.Command)
		walk = func(c *cobra.Command) {
			t.Run(c.CommandPath(), func(t *testing.T) { visit(t, program, c) })
			for _, sub := range c.Commands() {
				walk(sub)
			}
		}
		walk(cli.Commands(app))
	}
}

// helpOf is what a command prints when it is asked for help.
func helpOf(t *testing.T, program string, c *cobra.Command) string {
	t.Helper()
	var out, errs bytes.Buffer
	app := &cli.App{
		Command:    program,
		Args:       append(strings.Fields(c.CommandPath())[1:], "--help"),
		Stdout:     &out,
		Stderr:     &errs,
		Strategies: strategies.All(),
		Now:        time.Now,
	}
	require.Equal(t, cli.ExitOK, app.Run(t.Context()), errs.String())
	return out.String()
}

// Help fits into a hundred columns, and says of each flag in which group it is.
func TestHelpFits(t *testing.T) {
	// Groups of flags follow the examples and the commands below.
	firstGroup := regexp.MustCompile(
		`(?m)^(Data|Strategy|Account|Exchange model|Risk guard|Session|Output|Server|Other):$`,
	)
	eachCommand(t, func(t *testing.T, program string, c *cobra.Command) {
		help := helpOf(t, program, c)
		for _, line := range strings.Split(help, "\n") {
			require.LessOrEqual(t, utf8.RuneCountInString(line), 100, line)
			require.NotContains(t, line, "\t")
		}
		require.NotContains(t, help, "[=true|false]")
		require.Contains(t, help, "Usage:\n  "+c.CommandPath())
		flags := help[firstGroup.FindStringIndex(help)[0]:]
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Annotations["unlisted"] != nil {
				return
			}
			head := regexp.MustCompile(`(?m)^  (-., |    )--` + f.Name + `( |$)`)
			require.Len(t, head.FindAllString(flags, -1), 1, "%s is in one group", f.Name)
			_, usage := pflag.UnquoteUsage(f)
			require.NotEmpty(t, usage, f.Name)
		})
	})
}

func TestGroupsOfRun(t *testing.T) {
	help := mustBacktest(t, "run", "--help")
	at := -1
	for _, title := range []string{"Data:", "Strategy:", "Account:", "Exchange model:", "Risk guard:", "Output:",
		"Other:"} {
		next := strings.Index(help, "\n"+title+"\n")
		require.Greater(t, next, at, "%s\n%s", title, help)
		at = next
	}
}

func TestVersionFlag(t *testing.T) {
	for _, program := range []string{"backtest", "paper"} {
		var flag, command, errs bytes.Buffer
		for out, arg := range map[*bytes.Buffer]string{&flag: "--version", &command: "version"} {
			app := &cli.App{Command: program, Args: []string{arg}, Stdout: out, Stderr: &errs, Now: time.Now}
			require.Equal(t, cli.ExitOK, app.Run(t.Context()), errs.String())
		}
		require.Equal(t, command.String(), flag.String())
		require.Regexp(t, `^dunamis \S+ \(go\S+\)\n$`, flag.String())
	}
}

// A command that needs a session says which there are, and how it is called.
func TestCommandsWithoutTheirArgument(t *testing.T) {
	for _, name := range []string{"status", "stop", "kill", "flatten", "clear", "gap", "promote", "limits", "export"} {
		var out, errs bytes.Buffer
		app := &cli.App{
			Command:    "paper",
			Args:       []string{name},
			Stdout:     &out,
			Stderr:     &errs,
			Strategies: strategies.All(),
			Now:        time.Now,
		}
		require.Equal(t, cli.ExitUsage, app.Run(t.Context()))
		require.Regexp(
			t,
			`^paper: name the session: paper `+name+` SESSION \[flags\]; paper list shows the sessions\n$`,
			errs.String(),
		)
	}
	code, _, stderr := backtest(t, "replay", "one", "two")
	require.Equal(t, cli.ExitUsage, code)
	require.Equal(t, "backtest: backtest replay takes one argument and got 2: one two\n", stderr)
	code, _, stderr = backtest(t, "compare", "one")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, "needs directories of runs, such as runs/one runs/two")
}
