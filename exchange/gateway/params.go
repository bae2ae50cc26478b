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

// list reads one string or a JSON array of them, or the comma list that some clients send.
func (p params) list(name string) ([]string, error) {
	text, sent := p[name]
	if !sent || text == "" {
		return nil, nil
	}
	if !strings.HasPrefix(text, "[") {
		return strings.Split(text, ","), nil
	}
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, invalid("Invalid " + name)
	}
	return list, nil
}

// query is what the requests for rows have in common.
type query struct {
	symbol   string
	filter   map[string]any
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
		if json.Unmarshal([]byte(text), &q.filter) != nil {
			return q, invalid("filter values are not valid")
		}
	}
	if text := p["columns"]; text != "" {
		if !strings.HasPrefix(text, "[") {
			q.columns = strings.Split(text, ",")
		} else if json.Unmarshal([]byte(text), &q.columns) != nil {
			return q, invalid("columns are not valid")
		}
	}
	if q.from, err = p.time("startTime"); err != nil {
		return q, err
	}
	q.to, err = p.time("endTime")
	return q, err
}

func (p params) whole(name string, otherwise, most int) (int, error) {
	text, sent := p[name]
	if !sent {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, invalid(name + " is invalid")
	}
	return n, nil
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
