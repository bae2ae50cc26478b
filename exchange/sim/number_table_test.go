package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The table is a map.
func TestNumberTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table numberTable[order]
		want := map[uint64]*order{}
		number := rapid.Uint64Range(1, 40)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			n := number.Draw(t, "number")
			switch {
			case want[n] != nil && rapid.Bool().Draw(t, "goes"):
				delete(want, n)
				table.remove(n)
			case want[n] == nil:
				want[n] = new(order)
				table.put(n, want[n])
			}
			table.remove(1000 + n) // which is not there
			require.Equal(t, len(want), table.n)
			for n := range uint64(42) {
				require.Same(t, want[n], table.get(n), "number %d", n)
			}
		}
	})
}
