package cli

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// one checks that a command has one argument; hint says where to find it.
func one(what, hint string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("name %s: %s; %s", what, c.UseLine(), hint)
		case 1:
			return nil
		}
		return fmt.Errorf("%s takes one argument and got %d: %s", c.CommandPath(), len(args), strings.Join(args, " "))
	}
}

func oneSession() cobra.PositionalArgs {
	return one("the session", "paper list shows the sessions")
}

// atLeast checks that a command has some arguments.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("%s needs %s (see %s --help)", c.CommandPath(), what, c.CommandPath())
		}
		return nil
	}
}

// renamed lets the texts of all commands call the program by its own name, and returns what does
// the same with other texts.
func (a *App) renamed(root *cobra.Command) func(string) string {
	if a.Command != everything {
		return func(text string) string { return text }
	}
	words := map[string][]string{}
	for _, sub := range root.Commands() {
		words["backtest"] = append(words["backtest"], sub.Name())
		for _, below := range sub.Commands() {
			if sub.Name() == "paper" {
				words["paper"] = append(words["paper"], below.Name())
			}
		}
	}
	calls := regexp.MustCompile(`\bpaper (--|(` + strings.Join(words["paper"], "|") + `)\b)|\bbacktest (--|(` +
		strings.Join(words["backtest"], "|") + `)\b)`)
	own := func(text string) string {
		return calls.ReplaceAllStringFunc(text, func(call string) string {
			if rest, is := strings.CutPrefix(call, "backtest"); is {
				return a.Name + rest
			}
			return a.Name + " " + call
		})
	}
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		c.Long, c.Example, c.Short = own(c.Long), own(c.Example), own(c.Short)
		c.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = own(f.Usage) })
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	root.Long = strings.Replace(root.Long, "backtest replays", a.Name+" replays", 1)
	root.Use = a.Name
	each(root)
	return own
}

// helpWidth is the greatest length of a line of a help text.
const helpWidth = 100

// flagGroup are flags that belong together in a help text.
type flagGroup struct {
	title string
	flags string // names, separated by spaces
}

// flagGroups are all flags of all commands, in the order in which they are shown.
func flagGroups() []flagGroup {
	return []flagGroup{
		{"Data", "catalog venue symbol data from to warmup instruments format clock-offset max-gap skip-bad feed live " +
			"live-url synthetic speed resync-after parts"},
		{"Strategy", "config strategy param seed"},
		{"Parameters of a sweep", "method points workers objective where run-timeout max-failed retry-failed"},
		{"Account", "balance leverage account name permission"},
		{"Exchange model", "models latency response-latency feed-latency queue slippage-ticks bar-path bar-fill " +
			"volume-share touch-probability max-age impact self-trade funding-rate consumption venue-rules faults recorded"},
		{"Risk guard", "max-order max-order-value max-position max-position-value price-collar max-spread max-staleness " +
			"max-orders-per-minute max-open-orders max-daily-loss max-drawdown max-rejections raise-limits"},
		{"Session", "session mode unattended keep-orders dead-man adopt ignore-others skip-event state min-length flatten " +
			"suspend wait orders"},
		{"Server", "listen tls-cert tls-key api-year rate-limit order-rate-limit sockets sockets-per-address webhook"},
		{"Output", "out no-report json csv plots html sample-every log log-file json-log quiet progress watch force " +
			"no-descriptions"},
		{"Other", "help version"},
	}
}

// usageOf prints how a command is called: its line, examples, the commands below it, and its
// flags by group. No line that it lays out is longer than helpWidth.
func usageOf(c *cobra.Command) error {
	w := c.OutOrStderr()
	fmt.Fprintln(w, "Usage:")
	if c.Runnable() {
		fmt.Fprintf(w, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s [command]\n", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintln(w, "\nAvailable Commands:")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				row(w, "  "+sub.Name(), c.NamePadding()+4, sub.Short)
			}
		}
	}
	printFlags(w, c)
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nUse \"%s [command] --help\" for more information about a command.\n", c.CommandPath())
	}
	return nil
}

// unlisted is the annotation of flags that help does not show.
const unlisted = "unlisted"

// printFlags prints the flags of a command by group.
func printFlags(w io.Writer, c *cobra.Command) {
	rest := map[string]*pflag.Flag{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Annotations[unlisted] == nil {
			rest[f.Name] = f
		}
	})
	groups := flagGroups()
	for i, g := range groups {
		var list []*pflag.Flag
		for _, name := range strings.Fields(g.flags) {
			if f := rest[name]; f != nil {
				list = append(list, f)
				delete(rest, name)
			}
		}
		if i == len(groups)-1 { // what is in no group
			for _, name := range slices.Sorted(maps.Keys(rest)) {
				list = append(list, rest[name])
			}
		}
		if len(list) > 0 {
			fmt.Fprintf(w, "\n%s:\n", g.title)
			printGroup(w, list)
		}
	}
}

// mostIndent is the greatest column at which the description of a flag begins; flags that are
// longer have theirs on the next line.
const mostIndent = 32

func printGroup(w io.Writer, list []*pflag.Flag) {
	heads, indent := make([]string, len(list)), 0
	for i, f := range list {
		short := "      "
		if f.Shorthand != "" {
			short = "  -" + f.Shorthand + ", "
		}
		name, _ := pflag.UnquoteUsage(f)
		heads[i] = strings.TrimRight(short+"--"+f.Name+" "+name, " ")
		if n := len(heads[i]) + 3; n <= mostIndent {
			indent = max(indent, n)
		}
	}
	for i, f := range list {
		_, usage := pflag.UnquoteUsage(f)
		row(w, heads[i], max(indent, 12), usage+defaultText(f))
	}
}

// defaultText says what a flag is when it is not given, unless that is nothing.
func defaultText(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "0", "0s", "false", "[]", "none":
		return ""
	}
	if f.Value.Type() == "string" {
		return fmt.Sprintf(" (default %q)", f.DefValue)
	}
	return fmt.Sprintf(" (default %s)", strings.ReplaceAll(strings.Trim(f.DefValue, "[]"), ",", ", "))
}

// row prints a word and what it means, wrapped beside it from a column on.
func row(w io.Writer, head string, indent int, text string) {
	lines := wrappedLines(text, helpWidth-indent)
	if utf8.RuneCountInString(head)+1 > indent {
		fmt.Fprintln(w, head)
		head = ""
	}
	for _, line := range lines {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-*s%s", indent, head, line), " "))
		head = ""
	}
}

// wrappedLines breaks a text between words. Lines that follow each other without an indent are
// one paragraph; one with an indent is a row of a table, and goes on below its second column.
func wrappedLines(text string, width int) []string {
	var out []string
	paragraph := ""
	flush := func() {
		if paragraph != "" {
			out = append(out, wrapAt(paragraph, width, 0)...)
			paragraph = ""
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "  ") {
			paragraph = strings.TrimLeft(paragraph+" "+line, " ")
			continue
		}
		flush()
		out = append(out, wrapAt(line, width, secondColumn(line))...)
	}
	flush()
	return out
}

// secondColumn is where the text behind the first run of two spaces within a line begins.
func secondColumn(line string) int {
	first := len(line) - len(strings.TrimLeft(line, " "))
	gap := strings.Index(line[first:], "  ")
	if gap < 0 {
		return first
	}
	rest := line[first+gap:]
	return first + gap + len(rest) - len(strings.TrimLeft(rest, " "))
}

// wrapAt breaks a line before the width; what follows is indented.
func wrapAt(line string, width, indent int) []string {
	var out []string
	for utf8.RuneCountInString(line) > width {
		at := strings.LastIndexByte(line[:width+1], ' ')
		if at <= indent {
			break // a word that is too long stays whole
		}
		out = append(out, strings.TrimRight(line[:at], " "))
		line = strings.Repeat(" ", indent) + strings.TrimLeft(line[at:], " ")
	}
	return append(out, line)
}
