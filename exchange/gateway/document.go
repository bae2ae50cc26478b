package gateway

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// documentPath is where clients that are made from the venue's description look for it.
const documentPath = "/api/explorer/swagger.json"

// operation describes an endpoint as the venue's own OpenAPI 2 document does: clients name their methods by
// the id, and send the parameters by their types. A parameter is "name", "name:type" or, when it has to be
// sent, "name!:type"; without a type it is text. Types are int, number, bool, time and JSON.
type operation struct {
	id     string
	row    reflect.Type // of the answer; nil: an object with any members
	many   bool         // the answer is a list of rows
	takes  string
	paging bool // takes also what selects rows: see pagingParameters
}

const pagingParameters = " symbol filter:JSON columns:JSON count:int start:int reverse:bool startTime:time endTime:time"

// operations describes what [Gateway.endpoints] serves.
func operations() map[string]operation {
	rows := func(id string, row reflect.Type, takes string) operation {
		return operation{id: id, row: row, many: true, takes: takes}
	}
	pages := func(id string, row reflect.Type, takes string) operation {
		return operation{id: id, row: row, many: true, takes: takes, paging: true}
	}
	one := func(id string, row reflect.Type, takes string) operation {
		return operation{id: id, row: row, takes: takes}
	}
	var (
		announcement = reflect.TypeFor[api.Announcement]()
		bin          = reflect.TypeFor[api.TradeBin]()
		execution    = reflect.TypeFor[api.Execution]()
		instrument   = reflect.TypeFor[api.Instrument]()
		order        = reflect.TypeFor[api.Order]()
		position     = reflect.TypeFor[api.Position]()
		quote        = reflect.TypeFor[api.Quote]()
	)
	const placed = "symbol! side orderQty:int price:number displayQty:int stopPx:number clOrdID clOrdLinkID " +
		"pegOffsetValue:number pegPriceType ordType timeInForce execInst contingencyType text"
	const amended = "orderID origClOrdID clOrdID orderQty:int leavesQty:int price:number stopPx:number " +
		"pegOffsetValue:number text"
	return map[string]operation{
		"GET /instrument":                  pages("Instrument.get", instrument, ""),
		"GET /instrument/active":           rows("Instrument.getActive", instrument, ""),
		"GET /instrument/activeAndIndices": rows("Instrument.getActiveAndIndices", instrument, ""),
		"GET /instrument/indices":          rows("Instrument.getIndices", instrument, ""),
		"GET /instrument/activeIntervals": one("Instrument.getActiveIntervals", reflect.TypeFor[api.InstrumentInterval](),
			""),
		"GET /instrument/compositeIndex": pages("Instrument.getCompositeIndex", reflect.TypeFor[api.IndexComposite](), ""),
		"GET /instrument/usdVolume": rows("Instrument.getUsdVolume", reflect.TypeFor[api.StatsUSDBySymbol](),
			"symbol columns:JSON"),
		"GET /orderBook/L2":         rows("OrderBook.getL2", reflect.TypeFor[api.OrderBookL2](), "symbol! depth:int"),
		"GET /trade":                pages("Trade.get", reflect.TypeFor[api.Trade](), ""),
		"GET /trade/bucketed":       pages("Trade.getBucketed", bin, "binSize partial:bool"),
		"GET /quote":                pages("Quote.get", quote, ""),
		"GET /quote/bucketed":       pages("Quote.getBucketed", quote, "binSize partial:bool"),
		"GET /funding":              pages("Funding.get", reflect.TypeFor[api.Funding](), ""),
		"GET /liquidation":          pages("Liquidation.get", reflect.TypeFor[api.Liquidation](), ""),
		"GET /settlement":           pages("Settlement.get", reflect.TypeFor[api.Settlement](), ""),
		"GET /insurance":            pages("Insurance.get", reflect.TypeFor[api.Insurance](), ""),
		"GET /stats":                rows("Stats.get", reflect.TypeFor[api.Stats](), ""),
		"GET /stats/history":        rows("Stats.history", reflect.TypeFor[api.StatsHistory](), ""),
		"GET /stats/historyUSD":     rows("Stats.historyUSD", reflect.TypeFor[api.StatsUSD](), ""),
		"GET /announcement":         rows("Announcement.get", announcement, "columns:JSON"),
		"GET /announcement/urgent":  rows("Announcement.getUrgent", announcement, ""),
		"GET /schema":               one("Schema.get", nil, "model"),
		"GET /schema/websocketHelp": one("Schema.websocketHelp", nil, ""),
		"GET /wallet/assets":        rows("Wallet.getAssetsConfig", reflect.TypeFor[api.AssetsConfig](), ""),
		"GET /wallet/networks":      rows("Wallet.getNetworksConfig", reflect.TypeFor[api.NetworksConfig](), ""),

		"GET /order":                    pages("Order.getOrders", order, ""),
		"POST /order":                   one("Order.new", order, placed),
		"PUT /order":                    one("Order.amend", order, amended),
		"POST /order/bulk":              rows("Order.newBulk", order, "orders!:JSON"),
		"PUT /order/bulk":               rows("Order.amendBulk", order, "orders!:JSON"),
		"DELETE /order":                 rows("Order.cancel", order, "orderID:JSON clOrdID:JSON text"),
		"DELETE /order/all":             rows("Order.cancelAll", order, "symbol filter:JSON text"),
		"POST /order/closePosition":     one("Order.closePosition", order, "symbol! price:number"),
		"POST /order/cancelAllAfter":    one("Order.cancelAllAfter", nil, "timeout!:number"),
		"GET /execution":                pages("Execution.get", execution, ""),
		"GET /execution/tradeHistory":   pages("Execution.getTradeHistory", execution, ""),
		"GET /position":                 rows("Position.get", position, "filter:JSON columns:JSON count:int"),
		"POST /position/leverage":       one("Position.updateLeverage", position, "symbol! leverage!:number"),
		"POST /position/isolate":        one("Position.isolateMargin", position, "symbol! enabled:bool"),
		"POST /position/riskLimit":      one("Position.updateRiskLimit", position, "symbol! riskLimit!:int"),
		"POST /position/transferMargin": one("Position.transferIsolatedMargin", position, "symbol! amount!:int"),
		"GET /user":                     one("User.get", reflect.TypeFor[api.User](), ""),
		"GET /user/margin":              one("User.getMargin", reflect.TypeFor[api.Margin](), "currency"),
		"GET /user/wallet":              one("User.getWallet", reflect.TypeFor[api.Wallet](), "currency"),
		"GET /user/walletHistory": rows("User.getWalletHistory", reflect.TypeFor[api.Transaction](),
			"currency count:number start:number reverse:bool"),
		"GET /user/walletSummary":    rows("User.getWalletSummary", reflect.TypeFor[api.WalletSummary](), "currency"),
		"GET /user/executionHistory": rows("User.getExecutionHistory", execution, "symbol! timestamp!:time"),
		"GET /user/commission":       one("User.getCommission", nil, ""),
		"GET /user/tradingVolume":    rows("User.getTradingVolume", reflect.TypeFor[api.TradingVolume](), ""),
		"GET /apiKey":                rows("APIKey.get", reflect.TypeFor[api.APIKey](), ""),
	}
}

// The parts of an OpenAPI 2 document that this package writes.
type (
	document struct {
		Swagger     string                             `json:"swagger"`
		Info        documentInfo                       `json:"info"`
		Host        string                             `json:"host"`
		Schemes     []string                           `json:"schemes"`
		BasePath    string                             `json:"basePath"`
		Consumes    []string                           `json:"consumes"`
		Produces    []string                           `json:"produces"`
		Tags        []documentTag                      `json:"tags"`
		Paths       map[string]map[string]documentCall `json:"paths"`
		Definitions map[string]documentType            `json:"definitions"`
		Secrets     map[string]documentKey             `json:"securityDefinitions"`
	}
	documentInfo struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		Version     string `json:"version"`
	}
	documentTag struct {
		Name string `json:"name"`
	}
	documentKey struct {
		Type string `json:"type"`
		In   string `json:"in"`
		Name string `json:"name"`
	}
	documentCall struct {
		ID         string                    `json:"operationId"`
		Tags       []string                  `json:"tags"`
		Parameters []documentType            `json:"parameters"`
		Responses  map[string]documentAnswer `json:"responses"`
		Security   []map[string][]string     `json:"security,omitempty"`
	}
	documentAnswer struct {
		Description string        `json:"description"`
		Schema      *documentType `json:"schema,omitempty"`
	}
	// documentType is a schema or a parameter.
	documentType struct {
		Name       string                  `json:"name,omitempty"`
		In         string                  `json:"in,omitempty"`
		Ref        string                  `json:"$ref,omitempty"`
		Type       string                  `json:"type,omitempty"`
		Format     string                  `json:"format,omitempty"`
		Nullable   bool                    `json:"x-nullable,omitempty"`
		Required   any                     `json:"required,omitempty"` // bool of a parameter, names of an object's members
		Items      *documentType           `json:"items,omitempty"`
		Properties map[string]documentType `json:"properties,omitempty"`
	}
)

// document answers with a description of what is served, for the address at which the client asked.
func (g *Gateway) document(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	writeJSON(w, describe(r.Host, scheme))
}

func describe(host, scheme string) *document {
	d := &document{
		Swagger: "2.0", Host: host, Schemes: []string{scheme}, BasePath: api.BasePath,
		Info: documentInfo{Title: "BitMEX API", Version: "1.2.0",
			Description: "The part of the BitMEX REST API that the Dunamis gateway serves, with simulated accounts."},
		Consumes: []string{"application/json", "application/x-www-form-urlencoded"},
		Produces: []string{"application/json"},
		Paths:    map[string]map[string]documentCall{},
		Definitions: map[string]documentType{"Error": {Type: "object", Required: []string{"error"},
			Properties: map[string]documentType{
				"error": {Type: "object",
					Properties: map[string]documentType{"message": {Type: "string"}, "name": {Type: "string"}}}}}},
		Secrets: map[string]documentKey{
			"apiKey":       {"apiKey", "header", api.HeaderKey},
			"apiExpires":   {"apiKey", "header", api.HeaderExpires},
			"apiSignature": {"apiKey", "header", api.HeaderSignature},
		},
	}
	tags := map[string]bool{}
	for path, o := range operations() {
		verb, path, _ := strings.Cut(path, " ")
		tag, _, _ := strings.Cut(o.id, ".")
		tags[tag] = true
		call := documentCall{ID: o.id, Tags: []string{tag}, Parameters: o.parameters(verb),
			Responses: map[string]documentAnswer{
				"200": {Description: "Request was successful", Schema: d.answer(&o)}}}
		for _, status := range []string{"400", "401", "403", "404"} {
			call.Responses[status] = documentAnswer{Description: "Error", Schema: &documentType{Ref: "#/definitions/Error"}}
		}
		if d.Paths[path] == nil {
			d.Paths[path] = map[string]documentCall{}
		}
		d.Paths[path][strings.ToLower(verb)] = call
	}
	for tag := range tags {
		d.Tags = append(d.Tags, documentTag{tag})
	}
	slices.SortFunc(d.Tags, func(a, b documentTag) int { return strings.Compare(a.Name, b.Name) })
	return d
}

// parameters are those of the query of a GET, and of a form otherwise.
func (o *operation) parameters(verb string) []documentType {
	in := "formData"
	if verb == http.MethodGet {
		in = "query"
	}
	list := o.takes
	if o.paging {
		list += pagingParameters
	}
	params := []documentType{}
	for word := range strings.FieldsSeq(list) {
		name, kind, _ := strings.Cut(word, ":")
		name, must := strings.CutSuffix(name, "!")
		p := documentType{Name: name, In: in, Type: "string"}
		if must {
			p.Required = true
		}
		switch kind {
		case "int":
			p.Type, p.Format = "integer", "int64"
		case "number":
			p.Type, p.Format = "number", "double"
		case "bool":
			p.Type = "boolean"
		case "time":
			p.Format = "date-time"
		case "JSON":
			p.Format = "JSON"
		}
		params = append(params, p)
	}
	return params
}

// answer is the schema of what an operation answers with, whose rows it defines.
func (d *document) answer(o *operation) *documentType {
	if o.row == nil {
		return &documentType{Type: "object"}
	}
	row := &documentType{Ref: d.define(o.row)}
	if o.many {
		return &documentType{Type: "array", Items: row}
	}
	return row
}

// define describes a type of row and returns the reference to it.
func (d *document) define(row reflect.Type) string {
	ref := "#/definitions/" + row.Name()
	if _, known := d.Definitions[row.Name()]; known {
		return ref
	}
	t := documentType{Type: "object", Properties: map[string]documentType{}}
	for n := range row.NumField() {
		f := row.Field(n)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		t.Properties[name] = d.typeOf(f.Type)
	}
	d.Definitions[row.Name()] = t
	return ref
}

func (d *document) typeOf(t reflect.Type) documentType {
	switch t {
	case reflect.TypeFor[*int64]():
		return documentType{Type: "integer", Format: "int64", Nullable: true}
	case reflect.TypeFor[api.Number]():
		return documentType{Type: "number", Format: "double", Nullable: true}
	case reflect.TypeFor[api.Time]():
		return documentType{Type: "string", Format: "date-time", Nullable: true}
	}
	switch t.Kind() {
	case reflect.String:
		return documentType{Type: "string"}
	case reflect.Bool:
		return documentType{Type: "boolean"}
	case reflect.Slice:
		items := d.typeOf(t.Elem())
		return documentType{Type: "array", Items: &items}
	case reflect.Struct:
		return documentType{Ref: d.define(t)}
	}
	return documentType{Type: "object"}
}
