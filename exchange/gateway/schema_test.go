package gateway_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// sharedDocument is the venue's published OpenAPI 2 document.
func sharedDocument(t *testing.T) []byte {
	t.Helper()
	dir := os.Getenv("DUNAMIS_SHARED")
	if dir == "" {
		t.Skip("set DUNAMIS_SHARED to a folder with data/bitmex/swagger.json to check against it")
	}
	b, err := os.ReadFile(filepath.Join(dir, "data", "bitmex", "swagger.json"))
	require.NoError(t, err)
	return b
}

// Every answer has the fields and types of the venue's published document.
func TestAnswersFitThePublishedSchema(t *testing.T) {
	var v2 openapi2.T
	require.NoError(t, json.Unmarshal(sharedDocument(t), &v2))
	doc, err := openapi2conv.ToV3(&v2)
	require.NoError(t, err)
	w := busy(t)
	bodies := map[string]string{
		"POST /order":                   `{"symbol":"XBTUSD","orderQty":100,"price":28000}`,
		"PUT /order":                    `{"origClOrdID":"rests","orderQty":300}`,
		"DELETE /order":                 `{"clOrdID":["rests","gone"]}`,
		"DELETE /order/all":             `{}`,
		"POST /order/cancelAllAfter":    `{"timeout":60000}`,
		"POST /order/closePosition":     `{"symbol":"XBTUSD"}`,
		"POST /position/leverage":       `{"symbol":"XBTUSD","leverage":10}`,
		"POST /position/isolate":        `{"symbol":"XBTUSD","enabled":false}`,
		"POST /position/transferMargin": `{"symbol":"ETHUSD","amount":1000000}`,
		"POST /position/riskLimit":      `{"symbol":"XBTUSD","riskLimit":30000000000}`,
	}
	w.step(exchange.LiquidationEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Sell, Price: exchange.MustPrice("20000"), Qty: 500}))
	w.ask("trader", "POST", "/position/leverage", `{"symbol":"ETHUSD","leverage":10}`).into(t, &struct{}{})
	w.ask("trader", "POST", "/order", `{"symbol":"ETHUSD","orderQty":10,"ordType":"Market"}`).into(t, &struct{}{})
	order := []string{"GET", "POST", "PUT", "DELETE"}
	served := 0
	for _, verb := range order {
		for _, path := range doc.Paths.InMatchingOrder() {
			op := doc.Paths.Value(path).GetOperation(verb)
			if op == nil {
				continue
			}
			name := verb + " " + path
			body, known := bodies[name]
			if verb != "GET" && !known {
				continue
			}
			q := ""
			if strings.HasPrefix(path, "/orderBook") {
				q = "?symbol=XBTUSD"
			}
			if strings.HasSuffix(path, "bucketed") {
				q = "?binSize=1m&partial=true"
			}
			if strings.HasSuffix(path, "executionHistory") {
				q = "?symbol=XBTUSD&timestamp=2023-05-01T00:00:00.000Z"
			}
			a := w.ask("trader", verb, path+q, body)
			if a.status == 404 {
				require.Equal(t, "Not Found", a.error(t), name)
				continue
			}
			require.Equal(t, 200, a.status, "%s: %s", name, a.body)
			var v any
			require.NoError(t, json.Unmarshal(a.body, &v), name)
			schema := op.Responses.Value("200").Value.Content.Get("application/json").Schema
			if path == "/user/commission" || path == "/schema" {
				schema = nil // objects with keys that the document leaves open
			}
			if path == "/apiKey" {
				rows, _ := v.([]any)
				for _, r := range rows {
					row, _ := r.(map[string]any)
					delete(row, "permissions") // objects in the document, words on the venue
				}
			}
			if schema != nil {
				require.NoError(t, schema.Value.VisitJSON(withoutNulls(v)), "%s: %s", name, a.body)
				requireFields(t, name, schema, v)
			}
			served++
		}
	}
	require.Equal(t, 48, served, "every endpoint")
}

// withoutNulls drops what has no value: the document knows no null, and the venue
// sends it.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if x == nil {
				delete(v, k)
				continue
			}
			v[k] = withoutNulls(x)
		}
	case []any:
		for n := range v {
			v[n] = withoutNulls(v[n])
		}
	}
	return v
}

// requireFields requires that rows have nothing that the document does not know.
func requireFields(t *testing.T, name string, schema *openapi3.SchemaRef, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		if schema.Value.Items == nil {
			return
		}
		for _, x := range v {
			requireFields(t, name, schema.Value.Items, x)
		}
	case map[string]any:
		if len(schema.Value.Properties) == 0 {
			return
		}
		for k := range v {
			if k != "error" { // of an order that could not be cancelled
				require.Contains(t, schema.Value.Properties, k, "%s: %s is not a field", name, k)
			}
		}
	}
}
