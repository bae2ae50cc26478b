package cli

import "github.com/spf13/cobra"

// Commands returns the commands of a program, for tests of their texts.
func Commands(a *App) *cobra.Command {
	if a.Command == "paper" {
		return a.paperRoot()
	}
	return a.root()
}
