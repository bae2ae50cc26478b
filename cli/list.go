package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

func (a *App) strategiesCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "strategies [NAME]",
		Short: "List strategies and their parameters",
		Example: `  backtest strategies
  backtest strategies sma_cross
  backtest strategies --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			list := a.Strategies
			if len(args) == 1 {
				d, err := a.strategy(args[0])
				if err != nil {
					return err
				}
				list = []engine.Definition{*d}
			}
			if asJSON {
				return a.printJSON(strategiesJSON(list))
			}
			return a.printStrategies(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

type strategyJSON struct {
	Name    string         `json:"name"`
	Summary string         `json:"summary"`
	Source  string         `json:"source"`
	Params  []engine.Param `json:"params"`
}

func strategiesJSON(list []engine.Definition) []strategyJSON {
	out := make([]strategyJSON, len(list))
	for i, d := range list {
		out[i] = strategyJSON{Name: d.Name, Summary: d.Summary, Source: d.Source, Params: d.Params}
		if out[i].Params == nil {
			out[i].Params = []engine.Param{}
		}
	}
	return out
}

func (a *App) printStrategies(list []engine.Definition) error {
	for i, d := range list {
		if i > 0 {
			fmt.Fprintln(a.Stdout)
		}
		fmt.Fprintf(a.Stdout, "%s  %s\n", d.Name, d.Summary)
		if d.Source != "" {
			fmt.Fprintf(a.Stdout, "  source: %s\n", d.Source)
		}
		w := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
		for _, p := range d.Params {
			fmt.Fprintf(w, "  %s\t%s\tdefault %s\t%s\t%s\n", p.Name, p.Type, orNone(p.Default), paramRange(p), p.Help)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func paramRange(p engine.Param) string {
	switch {
	case len(p.Choices) > 0:
		return strings.Join(p.Choices, ", ")
	case p.Min == "":
		return ""
	case p.Type == engine.ParamQty:
		return "from " + p.Min
	}
	return p.Min + " to " + p.Max
}

func (a *App) instrumentsCommand() *cobra.Command {
	var (
		asJSON bool
		file   string
	)
	c := &cobra.Command{
		Use:   "instruments [SYMBOL]",
		Short: "List known instruments with the terms of every date",
		Long: `List the built-in instruments and those of --instruments FILE.

FILE is a JSON list of objects as --json prints them. An instrument of the same
venue and symbol replaces the built-in one. Terms are dated: each entry states
what changes from its date on.`,
		Example: `  backtest instruments
  backtest instruments XBTUSD --json > mine.json   # edit, then:
  backtest instruments --instruments mine.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := a.instruments(file)
			if err != nil {
				return err
			}
			list := set.All()
			if len(args) == 1 {
				if list = named(list, args[0]); len(list) == 0 {
					return usage(fmt.Errorf("no instrument is called %q; `backtest instruments` lists all", args[0]))
				}
			}
			if asJSON {
				return a.printJSON(list)
			}
			return a.printInstruments(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON that --instruments reads")
	c.Flags().StringVar(&file, "instruments", "", "JSON `file` that adds or overrides instruments")
	return c
}

func named(list []*exchange.Instrument, name string) []*exchange.Instrument {
	var out []*exchange.Instrument
	for _, i := range list {
		if i.Symbol == name || i.Name() == name {
			out = append(out, i)
		}
	}
	return out
}

func (a *App) printInstruments(list []*exchange.Instrument) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "VENUE\tSYMBOL\tKIND\tSETTLED IN\tFROM\tTICK\tLOT\tMAKER\tTAKER\tINIT\tMAINT")
	for _, i := range list {
		for n := range i.Terms {
			t := &i.Terms[n]
			from := ""
			if t.From != 0 {
				from = t.From.Std().Format("2006-01-02")
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", i.Venue, i.Symbol, i.Kind, i.Settle.Code, from,
				t.TickSize, t.LotSize, percent(t.MakerFee), percent(t.TakerFee), percent(t.InitMargin), percent(t.MaintMargin))
		}
	}
	return w.Flush()
}

func percent(r exchange.Ratio) string { return r.Decimal().Shift(2).String() + " %" }

func (a *App) printJSON(v any) error {
	enc := json.NewEncoder(a.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
