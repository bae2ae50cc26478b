package exchange

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Trades that the venue published, with the value that it gave them: all of a minute and
// a half of 2021-07-22, and two of other days.
var publishedTrades = []struct {
	symbol string
	size   Qty
	price  string
	gross  Money
}{
	{"XRPU21", 15, "0.00001819", 27_285},
	{"UNIUSDT", 219, "17.292", 3_786_948},
	{"XBTUSD", 1000, "32175", 3_108_000},
	{"ADAUSDT", 1, "1.17478", 1_174_780},
	{"SOLUSDT", 1, "27.457", 27_457},
	{"TRXU21", 1300, "0.0000016425", 213_525},
	{"EOSUSDT", 40, "3.5285", 1_411_400},
	{"TRXUSDT", 25, "0.05489", 137_225},
	{"BCHUSD", 1412, "438.6", 61_930_320},
	{"MATICUSDT", 50, "0.8792", 439_600},
	{"UNIUSDT", 52, "17.297", 899_444},
	{"XBTUSD", 100, "32180.5", 310_747},
	{"XBTUSD", 900, "32180.5", 2_796_723},
	{"MATICUSDT", 1199, "0.8795", 10_545_205},
	{"XBTUSD", 100, "32182.5", 310_728},
	{"XBTUSD", 200, "32182.5", 621_456},
	{"XBTUSD", 100, "32182.5", 310_728},
	{"XBTUSD", 100, "32184", 310_713},
	{"XBTUSD", 100, "32184", 310_713},
	{"XBTUSD", 300, "32185", 932_112},
	{"XBTUSD", 1000, "32185", 3_107_040},
	{"XBTUSD", 100, "32185", 310_704},
	{"XBTUSD", 24_300, "32185.5", 75_499_857},
	{"XBTUSD", 200, "32186", 621_388},
	{"XBTUSD", 100, "32186.5", 310_689},
	{"XBTUSD", 7300, "32187", 22_679_932},
	{"XBTUSD", 3000, "32187", 9_320_520},
}

func TestPublishedTrades(t *testing.T) {
	for _, c := range publishedTrades {
		require.Equal(t, c.gross, termsAt(t, c.symbol, "2021-07-22T22:36:00Z").Value(c.size, MustPrice(c.price)), "%s %d at %s", c.symbol, c.size, c.price)
	}
	require.Equal(t, Money(2_583_000), termsAt(t, "ETHUSD", "2019-01-01").Value(100, MustPrice("258.3")))
	require.Equal(t, Money(101_450), termsAt(t, "XBTUSD", "2024-11-23").Value(100, MustPrice("98570.9")))
}

// The list above is the recording's.
func TestTradesOfTheRecording(t *testing.T) {
	lines := bufio.NewScanner(openShared(t, "bitmex/ws-recording-2021-07-22.log.gz"))
	lines.Buffer(nil, 1<<24)
	n := 0
	for lines.Scan() {
		_, frame, _ := strings.Cut(lines.Text(), ": ")
		if !strings.Contains(frame, `"table":"trade"`) {
			continue
		}
		var m struct {
			Data []struct {
				Symbol string
				Size   Qty
				Price  json.Number
				Gross  Money `json:"grossValue"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(frame), &m))
		for _, r := range m.Data {
			price, err := RoundPrice(r.Price.String())
			require.NoError(t, err)
			c := publishedTrades[n]
			require.Equal(t, []any{c.symbol, c.size, MustPrice(c.price), c.gross}, []any{r.Symbol, r.Size, price, r.Gross})
			n++
		}
	}
	require.NoError(t, lines.Err())
	require.Len(t, publishedTrades, n)
}
