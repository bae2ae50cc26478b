package strict

import "testing"

func TestLarger(t *testing.T) {
	for _, c := range [][3]int{{1, 2, 2}, {2, 1, 2}, {-1, -2, -1}} {
		if got := Larger(c[0], c[1]); got != c[2] {
			t.Errorf("Larger(%d, %d) = %d", c[0], c[1], got)
		}
	}
}
