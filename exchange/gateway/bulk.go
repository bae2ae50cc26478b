package gateway

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// Several orders in one request, as the venue took them until 2023 and its own market
// maker still sends them. All of them are valid and pass the checks of the engine, or none is placed; all are
// valid, or none is amended.

// maxBulk is the venue's limit of a request.
const maxBulk = 100

// bulk reads the orders of a request.
func (p params) bulk() (orders []params, err error) {
	var list []json.RawMessage
	if json.Unmarshal([]byte(p["orders"]), &list) != nil || len(list) == 0 {
		return nil, invalid("orders is invalid")
	}
	if len(list) > maxBulk {
		return nil, invalid("Too many orders provided. The maximum count allowed is 100.")
	}
	for _, raw := range list {
		one := params{}
		if err := one.addJSON(raw); err != nil {
			return nil, bulkError(err)
		}
		orders = append(orders, one)
	}
	return orders, nil
}

// bulkError is the venue's way to say that one of several orders is wrong.
func bulkError(err error) error {
	var e *api.Error
	if errors.As(err, &e) && e.Status < 500 {
		return invalid("Bulk orders: " + e.Message)
	}
	return err
}

// outcome is an order, or with it why it was refused after all were found valid.
func outcome(answer any, p params, err error) (canceled, error) {
	var e *api.Error
	switch {
	case err == nil:
		row, _ := answer.(api.Order)
		return canceled{Order: row}, nil
	case errors.As(err, &e) && e.Status < 500:
		return canceled{Order: api.Order{OrderID: p["orderID"], ClOrdID: p["clOrdID"], Symbol: p["symbol"]},
			Error: e.Message}, nil
	}
	return canceled{}, err
}

func (g *Gateway) postBulk(ctx context.Context, r *request) (any, error) {
	list, err := r.bulk()
	if err != nil {
		return nil, err
	}
	r.charge(len(list) - 1)
	orders := make([]exchange.NewOrder, len(list))
	for n, p := range list {
		if orders[n], err = g.newOrder(p); err != nil {
			return nil, bulkError(err)
		}
	}
	var wrong error
	err = g.withAccount(ctx, r, func(*account) {
		for n := range orders {
			o := orders[n]
			o.Normalize()
			if e := o.Validate(g.cfg.Instruments.Get(o.Symbol).At(g.now)); e != nil && wrong == nil {
				wrong = bulkError(translate(e))
			}
		}
	})
	if err := errors.Join(err, wrong); err != nil {
		return nil, err
	}
	rows := make([]canceled, len(orders))
	for n, o := range orders {
		answer, err := g.submit(ctx, r.key, o)
		if errors.Is(err, errRejected) {
			return nil, errors.Join(bulkError(err), g.withdraw(ctx, r.key, rows[:n]))
		}
		if rows[n], err = outcome(answer, list[n], err); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// withdraw cancels the orders of a request of which a later one was rejected: the venue places all orders of a
// request or none. What has been filled by then remains.
func (g *Gateway) withdraw(ctx context.Context, k Key, placed []canceled) error {
	var ids []string
	for n := range placed {
		if isOpen(&placed[n].Order) {
			ids = append(ids, placed[n].OrderID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := g.cancel(ctx, k, ids, nil, "Another order of the request was rejected")
	return err
}

func (g *Gateway) putBulk(ctx context.Context, r *request) (any, error) {
	list, err := r.bulk()
	if err != nil {
		return nil, err
	}
	r.charge(len(list) - 1)
	var wrong error
	err = g.withAccount(ctx, r, func(a *account) {
		for _, p := range list {
			_, row, e := g.amendment(a, p)
			if e == nil && !isOpen(row) {
				e = refused("Invalid ordStatus: " + row.OrdStatus)
			}
			if e != nil && wrong == nil {
				wrong = bulkError(e)
			}
		}
	})
	if err := errors.Join(err, wrong); err != nil {
		return nil, err
	}
	rows := make([]canceled, len(list))
	for n, p := range list {
		answer, err := g.amend(ctx, r.key, p)
		if rows[n], err = outcome(answer, p, err); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
