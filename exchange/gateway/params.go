package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// params are the parameters of a request, wherever they were: the query, a form or a
// JSON body. A value that is an array or an object is JSON text, as it is in a query.
type params map[string]string

func parseParams(r *http.Request, body []byte) (params, error) {
	p := params{}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid("Malformed query")
	}
	p.addForm(query)
	if len(bytes.TrimSpace(body)) == 0 {
		return p, nil
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, invalid("Malformed form")
		}
		p.addForm(form)
		return p, nil
	}
	return p, p.addJSON(body)
}

func (p params) addForm(v url.Values) {
	for k, list := range v {
		if len(list) > 0 && list[0] != "" {
			p[k] = list[0]
		}
	}
}

func (p params) addJSON(body []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		var shape *json.UnmarshalTypeError
		if errors.As(err, &shape) {
			return invalid("Malformed JSON: want an object")
		}
		return invalid("Malformed JSON: " + err.Error())
	}
	for k, raw := range fields {
		var s string
		switch {
		case string(raw) == "null":
		case json.Unmarshal(raw, &s) == nil:
			p[k] = s
		default:
			p[k] = string(raw)
		}
	}
	return nil
}

// invalid is the venue's refusal of a parameter.
func invalid(text string) *api.Error {
	return &api.Error{Status: http.StatusBadRequest, Name: "ValidationError", Message: text}
}

func refused(text string) *api.Error {
	return &api.Error{Status: http.StatusBadRequest, Name: "HTTPError", Message: text}
}

// qty reads a whole number. The venue takes 100, "100" and 100.0.
func (p params) qty(name string) (q exchange.Qty, sent bool, err error) {
	text, sent := p[name]
	if !sent {
		return 0, false, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n != math.MinInt64 {
		return exchange.Qty(n), true, nil
	}
	v, err := exchange.ParsePrice(text)
	if err != nil || v%exchange.PriceUnit != 0 {
		return 0, true, invalid("Invalid " + name)
	}
	return exchange.Qty(v / exchange.PriceUnit), true, nil
}

func (p params) price(name string) (v exchange.Price, sent bool, err error) {
	text, sent := p[name]
	if !sent {
		return 0, false, nil
	}
	if v, err = exchange.RoundPrice(text); err != nil {
		return 0, true, invalid("Invalid " + name)
	}
	return v, true, nil
}

func (p params) word(name string, into interface{ UnmarshalText([]byte) error }) error {
	text, sent := p[name]
	if !sent || text == "" {
		return nil
	}
	if name == "execInst" {
		text = strings.ReplaceAll(text, " ", "")
	}
	if err := into.UnmarshalText([]byte(text)); err != nil {
		return invalid(fmt.Sprintf("Unsupported %s", name))
	}
	return nil
}

func (p params) flag(name string, otherwise bool) (bool, error) {
	text, sent := p[name]
	if !sent {
		return otherwise, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, invalid(name + " is invalid")
	}
	return v, nil
}

// maxValues is how many values a list of a filter, or of columns, may have.
const maxValues = 500

// list reads one string or a JSON array of them, or the comma list that some clients
// send, without those that are there twice. There may be as many as orders in a request.
func (p params) list(name string) ([]string, error) {
	text, sent := p[name]
	if !sent || text == "" {
		return nil, nil
	}
	list, ok := texts(text)
	switch {
	case !ok:
		return nil, invalid("Invalid " + name)
	case len(list) > maxBulk:
		return nil, invalid(
			fmt.Sprintf("Too many values of %s: %d. The maximum count allowed is %d.", name, len(list), maxBulk),
		)
	}
	return distinct(list), nil
}

// texts reads a JSON array of strings, or a list with commas.
func texts(text string) (list []string, ok bool) {
	if !strings.HasPrefix(text, "[") {
		return strings.Split(text, ","), true
	}
	return list, json.Unmarshal([]byte(text), &list) == nil
}

// distinct drops what is in a list before.
func distinct(list []string) []string {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(s string) bool {
		was := seen[s]
		seen[s] = true
		return was
	})
}

// query is what the requests for rows have in common.
type query struct {
	symbol   string
	filter   filter
	columns  []string
	start    int
	count    int
	reverse  bool
	from, to api.Time
}

func (p params) query(count, most int) (q query, err error) {
	q = query{symbol: p["symbol"], count: count}
	if q.start, err = p.whole("start", 0, math.MaxInt32); err != nil {
		return q, err
	}
	if q.count, err = p.whole("count", count, most); err != nil {
		return q, err
	}
	if q.reverse, err = p.flag("reverse", false); err != nil {
		return q, err
	}
	if text := p["filter"]; text != "" {
		if q.filter, err = parseFilter(text); err != nil {
			return q, err
		}
	}
	if text := p["columns"]; text != "" {
		list, ok := texts(text)
		switch {
		case !ok:
			return q, invalid("columns are not valid")
		case len(list) > maxValues:
			return q, invalid(fmt.Sprintf("Too many columns: %d. The maximum count allowed is %d.", len(list), maxValues))
		}
		q.columns = distinct(list)
	}
	if q.from, err = p.time("startTime"); err != nil {
		return q, err
	}
	q.to, err = p.time("endTime")
	return q, err
}

func (p params) whole(name string, otherwise, most int) (int, error) {
	if _, sent := p[name]; !sent {
		return otherwise, nil
	}
	n, _, err := p.qty(name) // the venue's own description says that count and start are doubles
	if err != nil || n < 0 || n > exchange.Qty(most) {
		return 0, invalid(name + " is invalid")
	}
	return int(n), nil
}

func (p params) time(name string) (api.Time, error) {
	text, sent := p[name]
	if !sent {
		return 0, nil
	}
	if t, err := exchange.ParseTime(text); err == nil {
		return api.Time(t), nil
	}
	for _, layout := range []string{"2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return api.Time(exchange.TimeOf(t)), nil
		}
	}
	return 0, invalid(name + " is invalid")
}

func intNumber(n int64) api.Number { return api.Number(strconv.FormatInt(n, 10)) }
