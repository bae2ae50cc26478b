package bitmex_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// After an interruption, a position that the fills do not explain is looked at three times,
// since the venue may show it later than they came. At the third look its word counts, and
// the difference is told once.
func TestPositionsAreLookedAtAgain(t *testing.T) {
	for name, c := range map[string]struct {
		wrong int64 // so many looks show a position that the fills do not explain
		looks int64
		told  bool
	}{
		"right at once":         {0, 1, false},
		"right at the second":   {1, 2, false},
		"right at the third":    {2, 3, false},
		"wrong at the third":    {3, 3, true},
		"wrong for a long time": {99, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			a := v.connect(nil)
			var looks atomic.Int64
			v.change(func() {
				v.hook = func(verb, path, _ string) (int, string) {
					if verb == http.MethodGet && path == "/position" {
						row := api.Position{Symbol: "XBTUSD", CurrentQty: new(int64), Timestamp: at(t, began)}
						if looks.Add(1) <= c.wrong {
							row.CurrentQty = new(int64(500))
						}
						v.change(func() { v.positions = []api.Position{row} })
					}
					return 0, ""
				}
			})
			v.cut()
			a.eventually("it is heard again", func() bool {
				told := a.told()
				return len(told) >= 2 && told[len(told)-1] == ""
			})
			require.Equal(t, c.looks, looks.Load())
			told := slices.DeleteFunc(a.told(), func(text string) bool { return !strings.Contains(text, "position") })
			if c.told {
				require.Equal(t, []string{"position of XBTUSD is 500, and the fills came to 0"}, told)
			} else {
				require.Empty(t, told)
			}
		})
	}
}
