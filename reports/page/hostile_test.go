package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	parser "golang.org/x/net/html"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/browsertest"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/sweeps"
)

// hostile ends a text, a quoted and an unquoted attribute, a script, a style and a comment.
const hostile = `--></title></script></style>"'><img src=x onerror=pwned()><script>pwned()</script><a href="javascript:pwned()" onclick='pwned()'>`

// fill gives every string that a value leads to a hostile text, and everything else a
// value that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostile)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int8, reflect.Int16:
		v.SetInt(3)
	case reflect.Uint, reflect.Uint64, reflect.Uint32, reflect.Uint8, reflect.Uint16:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(0.25)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			text, err := json.Marshal(map[string]string{hostile: hostile})
			if err != nil {
				panic(err)
			}
			v.SetBytes(text)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for n := range v.Len() {
			fill(v.Index(n))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for n := range v.NumField() {
			if v.Field(n).CanSet() {
				fill(v.Field(n))
			}
		}
	default:
	}
}

func filled[T any]() *T {
	v := new(T)
	fill(reflect.ValueOf(v).Elem())
	return v
}

const day = exchange.Time(86400 * 1e9)

// hostileRun is a run whose every text is hostile.
func hostileRun(t *testing.T) []byte {
	t.Helper()
	r := &run{result: filled[reports.Result](), manifest: filled[reports.Manifest](), stats: filled[analysis.Statistics](),
		fills: *filled[[]reports.FillRow](), orders: *filled[[]reports.OrderRow](), outcomes: *filled[map[string]int64](),
		fillCount: 2, orderCount: 2}
	r.result.Run.Start, r.result.Run.End = 0, 10*day
	r.result.Account.CurrencyScale = 8
	r.result.Instruments[0].Kind = exchange.Inverse
	for n := range r.stats.Returns {
		x := &r.stats.Returns[n]
		x.Years = x.Years[:1]
		x.Years[0].Year = 1970
		for k := range x.Months {
			x.Months[k].Year, x.Months[k].Month = 1970, k+1
		}
	}
	r.stats.Attribution.ByHour[1].Total = -5
	r.stats.Attribution.ByWeekday[1].Total = -5
	r.stats.Returns[0].Rolling[1].Sharpe = nil
	r.other = analysis.ConversionOf(r.result)
	r.other.OK = true
	require.Contains(t, r.other.Own, "onerror")
	r.price, r.position, r.exposure = newCandles(
		0,
		10*day,
		mostCandle,
	), newCurves(
		0,
		10*day,
	).equity, newCurves(
		0,
		10*day,
	).coin
	r.own, r.second = newCurves(0, 10*day), newCurves(0, 10*day)
	for n := range 10 {
		at := exchange.Time(n) * day
		r.price.add(at, 100+float64(n))
		r.position.Add(at, 5)
		r.own.add(at, 100, 100)
		r.second.add(at, 100, 100)
	}
	v, err := r.view()
	require.NoError(t, err)
	var page bytes.Buffer
	require.NoError(t, execute(&page, "report.html.tmpl", v))
	return page.Bytes()
}

// hostileComparison compares runs that are not on the disk, so without their curves.
func hostileComparison(t *testing.T) []byte {
	t.Helper()
	v := filled[compareView]()
	var err error
	v.scripts, err = scriptsOf("compare.js", compareData{Start: 0, End: 10, Runs: []compareLine{
		{
			Name:     hostile,
			Equity:   lineData{T: []float64{0, 5}, V: []number{1, 2}},
			Drawdown: lineData{T: []float64{0, 5}, V: []number{0, 0}},
		}}})
	require.NoError(t, err)
	var page bytes.Buffer
	require.NoError(t, execute(&page, "compare.html.tmpl", v))
	return page.Bytes()
}

func hostileSweep(t *testing.T) []byte {
	t.Helper()
	s, entries := filled[sweeps.Sweep](), *filled[[]sweeps.Entry]()
	s.Search.Objective = "sharpe"
	s.Run.Start, s.Run.End = 0, 10*day
	s.Account.CurrencyScale = 8
	best := 1
	s.Best, s.Stability.Plateau = &best, &best
	for n := range s.Runs {
		s.Runs[n].N, s.Runs[n].Sharpe = n+1, new(float64(n))
		entries[n].Run.N = n + 1
	}
	var page bytes.Buffer
	require.NoError(t, renderSweep(&page, s, entries))
	return page.Bytes()
}

var (
	tags    = regexp.MustCompile(`<[a-zA-Z!/][^>]*>`)
	inline  = regexp.MustCompile(`(?s)<(script|style)>(.*?)</(?:script|style)>`)
	allowed = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`)
)

// Whatever the texts of a run are, its pages say them and do nothing else, and would not be
// let do anything else by a browser.
func TestHostileTexts(t *testing.T) {
	for name, render := range map[string]func(*testing.T) []byte{"report": hostileRun, "compare": hostileComparison,
		"sweep": hostileSweep} {
		t.Run(name, func(t *testing.T) {
			page := string(render(t))
			require.Greater(t, strings.Count(page, "pwned()"), 10, "it says the texts")
			for _, tag := range tags.FindAllString(inline.ReplaceAllString(page, ""), -1) {
				// In a tag the text is in a quoted value, where it must not end the quotes.
				outside := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(tag, "")
				require.NotContains(t, outside, "onerror", tag)
				require.NotContains(t, outside, "onclick", tag)
				require.NotContains(t, tag, "<img", tag)
				require.NotContains(t, outside, "style=", "inline styles are not let through")
			}
			policy := allowed.FindStringSubmatch(page)
			require.NotNil(t, policy)
			text := html.UnescapeString(policy[1])
			require.True(t, strings.HasPrefix(text, "default-src 'none'; script-src 'sha256-"), text)
			require.NotContains(t, text, "unsafe")
			require.NotContains(t, text, "*")
			parts := inline.FindAllStringSubmatch(page, -1)
			require.NotEmpty(t, parts)
			for _, part := range parts {
				sum := sha256.Sum256([]byte(part[2]))
				require.Contains(t, text, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", "%s %.60s", part[1], part[2])
			}
			require.Less(t, strings.Index(page, policy[0]), strings.Index(page, parts[0][0]), "before anything that it is about")
			browse(t, name, page)
		})
	}
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// browse opens a page in a browser, if there is one: its scripts run, and no other.
func browse(t *testing.T, name, page string) {
	t.Helper()
	if testing.Short() {
		return
	}
	file := filepath.Join(t.TempDir(), name+".html")
	require.NoError(t, os.WriteFile(file, []byte(page), 0o600))
	t.Run("in a browser", func(t *testing.T) {
		ctx := browsertest.Open(t, 1200, 900)
		var images, alive int
		var injected, title string
		require.NoError(t, chromedp.Run(ctx,
			chromedp.Navigate("file://"+file), chromedp.WaitReady(`html[data-ready=yes]`, chromedp.ByQuery),
			chromedp.Evaluate(`document.querySelectorAll("img").length`, &images),
			chromedp.Evaluate(`document.querySelectorAll("canvas, .data tbody tr").length`, &alive),
			// What a text that was not escaped would do is not let through either.
			chromedp.Evaluate(`document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='document.title=1337'>");
				const s = document.createElement("script"); s.textContent = "document.title = 1338"; document.body.append(s);
				new Promise(done => setTimeout(() => done(document.title), 200))`, &injected, awaited),
			chromedp.Title(&title)))
		require.Zero(t, images)
		require.NotZero(t, alive)
		require.NotContains(t, []string{"1337", "1338"}, injected)
		require.NotContains(t, []string{"1337", "1338"}, title)
	})
}

// A parser of HTML finds in the pages of a run with hostile texts the elements and the
// attributes that it finds in those of a run with plain ones, and no other.
func TestHostileTextsMakeNoElements(t *testing.T) {
	for name, render := range map[string]func(*testing.T) []byte{"report": hostileRun, "compare": hostileComparison,
		"sweep": hostileSweep} {
		t.Run(name, func(t *testing.T) {
			document, err := parser.Parse(bytes.NewReader(render(t)))
			require.NoError(t, err)
			scripts := 0
			for n := range document.Descendants() {
				if n.Type != parser.ElementNode {
					continue
				}
				switch n.Data {
				case "img", "iframe", "object", "embed", "base", "form", "link", "animate", "set", "foreignobject",
					"math", "video", "audio":
					require.Fail(t, "an element came out of a text", n.Data)
				case "script":
					scripts++
				case "a":
					for _, a := range n.Attr {
						require.False(t,
							a.Key == "href" && strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)),
								"javascript"), a.Val)
					}
				}
				for _, a := range n.Attr {
					require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc",
						"%s=%q of %s", a.Key, a.Val, n.Data)
					require.Regexp(t, `^[a-zA-Z0-9:-]+$`, a.Key, "of %s", n.Data)
				}
			}
			require.Len(t, regexp.MustCompile(`(?s)<script[^>]*>.*?</script>`).FindAllString(string(render(t)), -1), scripts,
				"a text ends none")
			require.Positive(t, scripts)
		})
	}
}
