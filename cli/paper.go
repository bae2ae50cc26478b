package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/gateway/keystore"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
	"github.com/dunamis-engine/dunamis/session"
)

// paperRoot is the paper command.
func (a *App) paperRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "paper",
		Short: "Trade with simulated money on live, recorded or generated prices",
		Long: `paper runs a strategy on prices as they come, with orders that a simulated exchange
fills, and loses nothing when the machine dies.

A session: paper run --feed synthetic --from 2021-07-01 --symbol XBTUSD --strategy grid_maker
What it does: paper status xbtusd-grid_maker --watch

It also serves the BitMEX REST and WebSocket API from such markets: a program written
for BitMEX trades against it unmodified.

A key:     paper keys add --balance "10 XBT"
A venue:   paper serve --synthetic

Exit codes: 0 done, 2 wrong usage, 3 a problem with the data, 4 failed or the strategy
panicked, 6 a fault in the program, 7 not confirmed yet by the session, 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(a.sessionCommand(), a.doctorCommand(), a.recordCommand(), a.exportCommand(), a.sessionsCommand(),
		a.statusCommand(), a.stopCommand(), a.gapCommand(), a.promoteCommand(), a.limitsCommand(),
		a.askCommand(session.Kill, "Throw a session's kill switch: cancel its orders, refuse new ones"),
		a.askCommand(session.Flatten, "Cancel a session's orders and close its positions"),
		a.askCommand(session.Clear, "Let orders through again after a kill, or after the risk guard tripped"),
		a.serveCommand(), a.keysCommand(), a.versionCommand())
	prepare(root)
	return root
}

// stateFlag adds where keys are.
func stateFlag(fs *pflag.FlagSet, into *string) {
	fs.StringVar(into, "state", "", "`directory` of the keys (default: $XDG_STATE_HOME/dunamis, else ~/.local/state/dunamis)")
}

// stateDir is the directory of a flag, or the user's.
func stateDir(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if base := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "dunamis"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", usage(fmt.Errorf("--state is needed: %w", err))
	}
	return filepath.Join(home, ".local", "state", "dunamis"), nil
}

func openKeys(flag string) (*keystore.Store, error) {
	dir, err := stateDir(flag)
	if err != nil {
		return nil, err
	}
	s, err := keystore.Open(dir)
	return s, dataError(err)
}

func (a *App) keysCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Make and list the API keys of simulated accounts",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.keysAddCommand(), a.keysListCommand(), a.keysRemoveCommand())
	return c
}

func (a *App) keysAddCommand() *cobra.Command {
	var state, balance, name string
	var account int64
	var year int
	var permissions []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "add",
		Short: "Make a key and show its secret, once",
		Long: `Make an API key of a new simulated account, or of one that is there. The secret is
shown now and never again; the file that keeps it is encrypted. A server that runs
knows the key at once.`,
		Example: `  paper keys add --balance "10 XBT"
  paper keys add --account 100001 --permission orderCancel --name watchdog
  paper keys add --api-year 2025
  paper keys add --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, p := range permissions {
				if p != gateway.PermitOrder && p != gateway.PermitOrderCancel && p != "read" {
					return usage(fmt.Errorf("--permission %q: want order, orderCancel or read", p))
				}
			}
			if err := checkYear(year); err != nil {
				return usage(err)
			}
			permissions = slices.DeleteFunc(permissions, func(p string) bool { return p == "read" })
			if err := a.checkBalance(balance); err != nil {
				return usage(err)
			}
			keys, err := openKeys(state)
			if err != nil {
				return err
			}
			if account != 0 {
				known := keys.Account(account)
				if len(known) == 0 {
					return usage(fmt.Errorf("--account %d: there is none; leave it out for a new one", account))
				}
				balance = known[0].Balance
			}
			k, err := keys.Add(gateway.Key{Name: name, Account: account, Balance: balance, Permissions: permissions,
				APIYear: year})
			if err != nil {
				return dataError(err)
			}
			if asJSON {
				return a.printJSON(map[string]any{"key": k.ID, "secret": k.Secret.Reveal(), "account": k.Account, "balance": k.Balance, "permissions": k.Permissions})
			}
			fmt.Fprintf(a.Stdout, "key     %s\nsecret  %s\naccount %d, starts with %s\n", k.ID, k.Secret.Reveal(), k.Account, k.Balance)
			fmt.Fprintln(a.Stderr, "The secret is not shown again.")
			return nil
		},
	}
	fs := c.Flags()
	stateFlag(fs, &state)
	fs.StringVar(&balance, "balance", "10 XBT", "what the account starts with, as an amount and a currency, or several: \"10 XBT, 50000 USDT\"")
	fs.StringVar(&name, "name", "", "what to call the key")
	fs.Int64Var(&account, "account", 0, "an account that has keys already (default: a new one)")
	fs.IntVar(&year, "api-year", 0,
		"year of the API that the key's programs were written for (default: that of the server)")
	fs.StringSliceVar(&permissions, "permission", []string{gateway.PermitOrder}, "order, orderCancel or read; may be repeated")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// checkBalance checks the form of a balance; whether an account can be in its
// currency shows when a server opens it.
func (a *App) checkBalance(text string) error {
	for _, one := range strings.Split(text, ",") {
		amount, currency, ok := strings.Cut(strings.TrimSpace(one), " ")
		if !ok || amount == "" || strings.TrimSpace(currency) == "" {
			return fmt.Errorf("--balance %q: want an amount and a currency, such as \"10 XBT\", or several: \"10 XBT, 50000 USDT\"", text)
		}
		if err := a.checkAmount(one); err != nil {
			return err
		}
	}
	return nil
}

// checkAmount refuses a balance that no account can start with. It knows the currencies of the
// built-in instruments; the server checks the others when it opens the account.
func (a *App) checkAmount(text string) error {
	set, err := a.instruments("")
	if err != nil {
		return err
	}
	_, unit, _ := strings.Cut(strings.TrimSpace(text), " ")
	unit = strings.TrimSpace(unit)
	for _, i := range set.All() {
		c := i.Settle
		if !strings.EqualFold(alias(unit), alias(c.Major)) && unit != c.Code {
			continue
		}
		amount, err := parseAmount("balance", text, c)
		if err == nil {
			_, err = ledger.New(ledger.Config{Instruments: set, Currency: c, Balance: amount})
		}
		if err != nil {
			return fmt.Errorf("--balance %q: %w", strings.TrimSpace(text), err)
		}
		return nil
	}
	return nil
}

func (a *App) keysListCommand() *cobra.Command {
	var state string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List keys, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			keys, err := openKeys(state)
			if err != nil {
				return err
			}
			list := keys.List()
			if asJSON {
				type row struct {
					Key         string   `json:"key"`
					Name        string   `json:"name"`
					Account     int64    `json:"account"`
					Balance     string   `json:"balance"`
					Permissions []string `json:"permissions"`
				}
				rows := []row{}
				for _, k := range list {
					rows = append(rows, row{k.ID, k.Name, k.Account, k.Balance, append([]string{}, k.Permissions...)})
				}
				return a.printJSON(rows)
			}
			w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "KEY\tACCOUNT\tSTARTS WITH\tPERMISSIONS\tNAME")
			for _, k := range list {
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", k.ID, k.Account, k.Balance, orNone(strings.Join(k.Permissions, ",")), k.Name)
			}
			return w.Flush()
		},
	}
	stateFlag(c.Flags(), &state)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *App) keysRemoveCommand() *cobra.Command {
	var state string
	c := &cobra.Command{
		Use:   "remove KEY",
		Short: "Forget a key",
		Args:  one("the key", "paper keys list shows the keys"),
		RunE: func(_ *cobra.Command, args []string) error {
			keys, err := openKeys(state)
			if err != nil {
				return err
			}
			err = keys.Remove(args[0])
			if errors.Is(err, keystore.ErrNoKey) {
				return usage(fmt.Errorf("key %w", err))
			}
			return dataError(err)
		},
	}
	stateFlag(c.Flags(), &state)
	return c
}
