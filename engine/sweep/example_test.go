package sweep_test

import (
	"fmt"

	"github.com/dunamis-engine/dunamis/engine/sweep"
	"github.com/dunamis-engine/dunamis/strategies"
)

// Nine points are asked for, of which the strategy takes those whose fast average is
// faster than the slow one.
func ExampleSpace_Grid() {
	for _, d := range strategies.All() {
		if d.Name != "sma_cross" {
			continue
		}
		space, err := sweep.NewSpace(&d, []string{"fast=10..30:10", "slow=20,30,40", "qty=100"})
		if err != nil {
			panic(err)
		}
		grid, err := space.Grid()
		if err != nil {
			panic(err)
		}
		fmt.Println(space.Size(), "points,", len(grid.Points), "of them runs")
		for _, p := range grid.Points {
			fmt.Println(p.Params["fast"], p.Params["slow"], p.Params["qty"])
		}
	}
	// Output:
	// 9 points, 6 of them runs
	// 10 20 100
	// 10 30 100
	// 10 40 100
	// 20 30 100
	// 20 40 100
	// 30 40 100
}
