package loose

import "testing"

func TestDays(t *testing.T) {
	if d, _ := Days(3); d != 3 {
		t.Error(d)
	}
}
