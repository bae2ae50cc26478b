package importer

import (
	"bytes"
	"fmt"
	"time"
)

// sample generates files of a format.
type sample struct {
	name, file string
	header     string
	row        func(i int) string
	footer     string
}

func (s sample) generate(rows int) []byte {
	var b bytes.Buffer
	b.WriteString(s.header)
	for i := range rows {
		b.WriteString(s.row(i))
	}
	b.WriteString(s.footer)
	return b.Bytes()
}

// samples returns one generator for each format. Prices walk, times ascend.
func samples() []sample {
	start := time.Date(2021, 7, 22, 0, 0, 0, 0, time.UTC)
	minute := func(i int) string {
		return start.Add(time.Duration(i+1) * time.Minute).Format("2006-01-02T15:04:05.000Z")
	}
	stamp := func(i int) string {
		return start.Add(time.Duration(i) * 7 * time.Millisecond).Format("2006-01-02D15:04:05.000000000")
	}
	micros := func(i int) string {
		at := start.Add(time.Duration(i) * 7 * time.Millisecond).UnixMicro()
		return fmt.Sprintf("binance-delivery,BTCUSD_PERP,%d,%d", at, at+1500)
	}
	price := func(i int) float64 { return 30000 + float64(i%200)/2 }
	side := func(i int) string { return []string{"Buy", "Sell"}[i%2] }
	lower := func(i int) string { return []string{"buy", "sell"}[i%2] }
	return []sample{
		{
			name: "bitmex-bucketed", file: "XBTUSD-1m.csv.gz",
			header: "timestamp,symbol,open,high,low,close,trades,volume,vwap,lastSize,turnover,homeNotional,foreignNotional\n",
			row: func(i int) string {
				p := price(i)
				return fmt.Sprintf("%s,XBTUSD,%g,%g,%g,%g,%d,%d,%g,20,42980036984,429.80036984,1586756\n",
					minute(i), p, p+4.5, p-3.5, p+1, i%700, i%90000, p)
			},
		},
		{
			name: "bitmex-bucketed-json", file: "XBTUSD-1m.json.gz", header: "[", footer: "]",
			row: func(i int) string {
				p := price(i)
				return fmt.Sprintf(`{"timestamp":"%s","symbol":"XBTUSD","open":%g,"high":%g,"low":%g,"close":%g,"trades":%d,`+
					`"volume":%d,"vwap":%g,"lastSize":20,"turnover":42980036984,"homeNotional":429.80036984,"foreignNotional":1586756},`,
					minute(i), p, p+4.5, p-3.5, p+1, i%700, i%90000, p)
			},
		},
		{
			name: "bitmex-trade", file: "20210722.csv.gz",
			header: "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n",
			row: func(i int) string {
				return fmt.Sprintf("%s,XBTUSD,%s,%d,%g,ZeroPlusTick,498350a3-0000-4000-8000-%012d,333333,0.00333,100\n",
					stamp(i), side(i), 100+i%900, price(i), i)
			},
		},
		{
			name: "bitmex-quote", file: "20210722.csv.gz",
			header: "timestamp,symbol,bidSize,bidPrice,askPrice,askSize\n",
			row: func(i int) string {
				return fmt.Sprintf("%s,XBTUSD,%d,%g,%g,%d\n", stamp(i), 100+i%900, price(i), price(i)+0.5, 700+i%500)
			},
		},
		{
			name: "tardis-trades", file: "trades.csv.gz",
			header: "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n",
			row: func(i int) string {
				return fmt.Sprintf("%s,%d,%s,%g,%d\n", micros(i), i, lower(i), price(i), 1+i%50)
			},
		},
		{
			name: "tardis-quotes", file: "quotes.csv.gz",
			header: "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n",
			row: func(i int) string {
				return fmt.Sprintf("%s,%d,%g,%g,%d\n", micros(i), 1+i%50, price(i)+0.5, price(i), 1+i%70)
			},
		},
		{
			name: "tardis-incremental_book_L2", file: "book.csv.gz",
			header: "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n",
			row: func(i int) string {
				return fmt.Sprintf("%s,%t,%s,%g,%d\n", micros(i/4), i < 100, []string{"bid", "ask"}[i%2], price(i), i%50)
			},
		},
		{
			name: "tardis-derivative_ticker", file: "ticker.csv.gz",
			header: "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate," +
				"open_interest,last_price,index_price,mark_price\n",
			row: func(i int) string {
				return fmt.Sprintf("%s,1626940800000000,0.000%d,,100,%g,%g,%g\n", micros(i), 1+i%8, price(i), price(i)+1, price(i)+2)
			},
		},
		{
			name: "tardis-liquidations", file: "liquidations.csv.gz",
			header: "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n",
			row: func(i int) string {
				return fmt.Sprintf("%s,%d,%s,%g,%d\n", micros(i), i, lower(i), price(i), 1+i%50)
			},
		},
	}
}
