package reports

import (
	"fmt"
	"strings"

	"github.com/dunamis-engine/dunamis/internal/terminal"
)

// Markdown lays a result out as summary.md.
func Markdown(r *Result) string { return markdown(r, "") }

// markdown is Markdown with the command that gives the result again, if the configuration does
// not.
func markdown(r *Result, command string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s on %s\n\n", cell(r.Run.Strategy), cell(symbolsText(r)))
	fmt.Fprintf(&b, "%s to %s (%s), %s data.\n\n", r.Run.Start, r.Run.End, LengthText(r.Run.End.Sub(r.Run.Start)),
		cell(r.Run.Data))
	headline(&b, r)
	section(&b, "Account", "", accountRows(r))
	section(&b, "Metrics", "", metricDetails(r))
	section(&b, "Not defined", "", undefinedRows(r))
	section(&b, "Counts", "", countRows(r))
	section(&b, "Open positions", "", positionRows(r))
	section(&b, "Parameters", "", pairs(r.Run.Params))
	var models [][2]string
	for _, m := range r.Models {
		models = append(models, [2]string{m.Name, m.Value})
	}
	section(&b, "Models", "What the simulated exchange assumed.", models)
	warnings(&b, r)
	reproduce(&b, r, command)
	return b.String()
}

// headline sets the strategy beside the price.
func headline(b *strings.Builder, r *Result) {
	fmt.Fprintf(b, "| | return | max drawdown | Sharpe | end equity |\n|---|---:|---:|---:|---:|\n")
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", cell(r.Run.Strategy), percentText(r.Metrics.TotalReturn),
		percentText(r.Metrics.MaxDrawdown), ratioText(r.Metrics.Sharpe), cell(moneyText(&r.Account,
			r.Account.EndEquity)))
	if c := r.Benchmark; c != nil && c.Currency != r.Account.CurrencyMajor && r.Metrics.TotalReturnQuote != nil {
		fmt.Fprintf(b, "| the same in %s | %s | | | |\n", cell(c.Currency), percentText(r.Metrics.TotalReturnQuote))
	}
	fmt.Fprintf(b, "| %s | %s | | | |\n", cell(priceName(r)), percentText(r.Metrics.BenchmarkReturn))
}

func metricDetails(r *Result) [][2]string {
	rows := metricRows(r)
	if from, to := r.Metrics.DrawdownStart, r.Metrics.DrawdownEnd; from != nil && to != nil {
		rows = append(rows, [2]string{"that drawdown from, to", from.String() + ", " + to.String()})
	}
	return rows
}

// section writes a titled table of two columns, and nothing if it is empty.
func section(b *strings.Builder, title, text string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if text != "" {
		fmt.Fprintf(b, "%s\n\n", text)
	}
	b.WriteString("| | |\n|---|---:|\n")
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %s |\n", cell(r[0]), cell(r[1]))
	}
}

func warnings(b *strings.Builder, r *Result) {
	b.WriteString("\n## Warnings\n\n")
	if len(r.Warnings) == 0 {
		b.WriteString("None.\n")
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(b, "- %s\n", cell(w))
	}
}

func reproduce(b *strings.Builder, r *Result, command string) {
	b.WriteString("\n## Reproduce\n\n")
	if command == "" {
		fmt.Fprintf(b, "Run the configuration in `%s` on the same data with the same version", ManifestFile)
	} else { // in an indented block, where a line has no markup
		fmt.Fprintf(b, "Run this command with the same version:\n\n    %s\n\nThe data are made by it", terminal.Line(command))
	}
	fmt.Fprintf(b, "; the digest is then\n`%s`.\n", code(r.Digest))
	if len(r.Data) == 0 {
		return
	}
	b.WriteString("\n| data | rows | digest of its input |\n|---|---:|---|\n")
	const most = 20 // the manifest has them all
	for i, d := range r.Data {
		if i == most {
			fmt.Fprintf(b, "| and %d more | | |\n", len(r.Data)-most)
			break
		}
		fmt.Fprintf(b, "| %s | %d | %s |\n", cell(d.Path), d.Rows, cell(d.Digest))
	}
}

func pairs(m map[string]string) [][2]string {
	var rows [][2]string
	for _, k := range sortedKeys(m) {
		rows = append(rows, [2]string{k, m[k]})
	}
	return rows
}

// code keeps text within a code span, in which nothing can be escaped: what is neither a
// letter nor a digit of a digest is shown as a question mark.
func code(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == ':' {
			return r
		}
		return '?'
	}, s)
}

// markup are the characters with which Markdown and the HTML within it begin.
var markup = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "[", `\[`, "]", `\]`, "|", `\|`, "~", `\~`, "#", `\#`, "!", `\!`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", ":", "&#58;",
)

// cell escapes text for a cell of a table: names and warnings can come from untrusted files.
func cell(s string) string {
	line := terminal.Line(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(s))
	if strings.Contains(line, "://") || strings.Contains(line, "www.") {
		return markup.Replace(strings.ReplaceAll(line, "www.", "www\u200b.")) // no link by itself
	}
	return strings.ReplaceAll(markup.Replace(line), "&#58;", ":")
}
