package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/session"
)

// bitmexVenue is BitMEX, or whatever speaks its API. The venue itself has closed, and has
// no address any more.
func bitmexVenue() Venue {
	return Venue{
		Name: "bitmex", Env: "DUNAMIS_BITMEX", OrdersPerMinute: 60,
		Feed: bitmexFeed, Account: bitmexAccount, Examine: bitmexExamine,
		paths: []string{"/api/v1", "/realtime"},
	}
}

func bitmexConfig(a *Access) bitmex.Config {
	policy := live.DefaultPolicy()
	policy.Behind = a.Behind
	return bitmex.Config{URL: a.URL, Key: a.Secret("KEY").Reveal(), Secret: a.Secret("SECRET"), Policy: policy,
		Log: a.Log, Metrics: a.Metrics}
}

func bitmexFeed(ctx context.Context, a *Access) (exchange.Feed, error) {
	return bitmex.NewFeed(ctx, bitmex.FeedConfig{Config: bitmexConfig(a), Instruments: a.Instruments, Symbols: a.Symbols})
}

func bitmexAccount(ctx context.Context, a *Access, known *live.Known, notice func(live.Notice)) (session.Venue, error) {
	return bitmex.Connect(ctx, bitmex.ExchangeConfig{Config: bitmexConfig(a), Instruments: a.Instruments,
		Symbols: a.Symbols, DeadMan: a.DeadMan, Known: known, Prefix: a.Prefix, Others: a.Others,
		Notice: notice, CancelConnections: 2})
}

func bitmexExamine(ctx context.Context, a *Access) (*Examination, error) {
	client, err := bitmex.NewClient(bitmexConfig(a))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	x := new(Examination)
	begun := time.Now()
	said, err := client.Time(ctx)
	if err != nil {
		return nil, err
	}
	x.Answer = time.Since(begun)
	x.Skew, x.Told = begun.Add(x.Answer/2).Sub(said.Std()).Round(time.Millisecond), said != 0
	for _, id := range a.Symbols {
		name := a.Instruments.Get(id).Symbol
		rows, err := client.Instruments(ctx, bitmex.Query{Symbol: name, Count: 1})
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 || rows[0].Symbol != name {
			x.Missing = append(x.Missing, name)
		}
	}
	if key := a.Secret("KEY"); !key.Empty() {
		x.Permissions, err = bitmexPermissions(ctx, client, key.Reveal())
	}
	return x, err
}

// bitmexPermissions are what a key may do, besides reading.
func bitmexPermissions(ctx context.Context, client *bitmex.Client, key string) ([]string, error) {
	keys, err := client.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	for n := range keys {
		if keys[n].ID == key {
			return append([]string{}, keys[n].Permissions...), nil
		}
	}
	return []string{}, nil
}
