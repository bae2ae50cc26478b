package bitmex_test

import (
	"log/slog"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// What an operator must know of the account is in the log, with what it is about.
func TestAccountIsLogged(t *testing.T) {
	for name, c := range map[string]struct {
		before func(v *venue)
		change func(*bitmex.ExchangeConfig)
		after  func(a *account)
		want   string
	}{
		"the stream is lost": {
			after: func(a *account) { a.v.cut() },
			want:  `level=WARN msg="account stream lost" venue=bitmex error=.`,
		},
		"an order of nobody": {
			after: func(a *account) {
				a.v.change(func() { a.v.orders = []api.Order{a.v.row("strange", "New", 0)} })
				a.v.cut()
			},
			want: `level=ERROR msg="account differs from the venue's" venue=bitmex ` +
				`difference="order id-strange strange is open and was not heard of"`,
		},
		"a row that cannot be right": {
			after: func(a *account) {
				a.v.say(`{"table":"position","action":"update","data":[{"symbol":"XBTUSD","currentQty":4000000000000000000}]}`)
			},
			want: `level=ERROR msg="account row refused" venue=bitmex row="\\"position\\"" symbol=bitmex:XBTUSD field=\S+ ` +
				`value=4000000000000000000 reason=.`,
		},
		"an order that was not placed": {
			change: func(c *bitmex.ExchangeConfig) {
				c.Known = &live.Known{Unanswered: []exchange.NewOrder{{ClientID: "lost", Symbol: c.Symbols[0], Side: exchange.Buy,
					Qty: 100, Price: exchange.MustPrice("20000"), Type: exchange.Limit}}}
			},
			want: `level=WARN msg="an order was not placed" venue=bitmex client_id=lost`,
		},
		"the switch is not refreshed": {
			before: func(v *venue) {
				v.hook = func(_, path, _ string) (int, string) {
					if path == "/order/cancelAllAfter" {
						return 400, refusal("no")
					}
					return 0, ""
				}
			},
			change: func(c *bitmex.ExchangeConfig) { c.DeadMan = time.Minute },
			want:   `level=ERROR msg="dead man's switch was not refreshed" venue=bitmex error="400 HTTPError: no"`,
		},
		"the account is not compared": {
			after: func(a *account) {
				a.v.change(func() {
					a.v.hook = func(verb, path, _ string) (int, string) {
						if verb == http.MethodGet && path == "/position" {
							return 403, refusal("no")
						}
						return 0, ""
					}
				})
			},
			change: func(c *bitmex.ExchangeConfig) { c.Reconcile = 5 * time.Millisecond },
			want:   `level=WARN msg="account was not compared" venue=bitmex error="403 HTTPError: no"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			if c.before != nil {
				c.before(v)
			}
			log := new(lockedBuffer)
			a := v.connect(func(config *bitmex.ExchangeConfig) {
				config.Log = slog.New(slog.NewTextHandler(log, nil))
				if c.change != nil {
					c.change(config)
				}
			})
			if c.after != nil {
				c.after(a)
			}
			line := regexp.MustCompile(c.want)
			require.Eventually(t, func() bool { return line.MatchString(log.String()) }, testLimit, time.Millisecond, log)
		})
	}
}
