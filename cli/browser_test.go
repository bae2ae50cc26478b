package cli_test

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/internal/browsertest"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports"
)

// tab is a page in a headless browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// open opens a file as a user would and waits until its script has run.
func openPage(t *testing.T, file string) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	p := &tab{t, browsertest.Open(t, 1280, 900)}
	p.do(chromedp.Navigate("file://"+file), chromedp.WaitReady(`html[data-ready=yes]`, chromedp.ByQuery))
	return p
}

func (p *tab) do(actions ...chromedp.Action) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Run(p.ctx, actions...))
}

func (p *tab) number(script string) (v float64) {
	p.t.Helper()
	p.do(chromedp.Evaluate(script, &v))
	return v
}

func (p *tab) text(script string) (v string) {
	p.t.Helper()
	p.do(chromedp.Evaluate(script, &v))
	return v
}

// span is the time that all charts show.
func (p *tab) span() (from, to float64) {
	p.t.Helper()
	var ranges []string
	p.do(chromedp.Evaluate(`[...document.querySelectorAll(".uplot")].map(u => u.dataset.range)`, &ranges))
	require.NotEmpty(p.t, ranges)
	for _, r := range ranges {
		require.Equal(p.t, ranges[0], r, "all charts show the same time")
	}
	a, b, _ := strings.Cut(ranges[0], " ")
	from, err := strconv.ParseFloat(a, 64)
	require.NoError(p.t, err)
	to, err = strconv.ParseFloat(b, 64)
	require.NoError(p.t, err)
	return from, to
}

func (p *tab) length() float64 {
	from, to := p.span()
	return to - from
}

// over is a point of the nth chart, from 0 to 1 across.
func (p *tab) over(n int, share float64) (x, y float64) {
	p.t.Helper()
	return p.point(`document.querySelectorAll(".u-over")[`+strconv.Itoa(n)+`]`, share)
}

// point scrolls to an element, and returns where it is when the page has come to rest: a
// turn of the wheel goes on for a while.
func (p *tab) point(element string, share float64) (x, y float64) {
	p.t.Helper()
	var at []float64
	p.do(chromedp.Evaluate(`new Promise(done => {
		const e = `+element+`;
		let still = 0, was = NaN;
		const look = () => {
			e.scrollIntoView({ block: "center", behavior: "instant" });
			const r = e.getBoundingClientRect();
			still = r.top === was ? still + 1 : 0;
			was = r.top;
			if (still < 20) requestAnimationFrame(look); else done([r.left, r.width, r.top, r.height]);
		};
		look();
	})`, &at, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
	return at[0] + share*at[1], at[2] + at[3]/2
}

// click clicks the first element that a selector finds.
func (p *tab) click(selector string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		x, y := p.point(`document.querySelector(`+strconv.Quote(selector)+`)`, 0.5)
		return chromedp.MouseClickXY(x, y).Do(ctx)
	})
}

// However one chart is zoomed, all are.
func TestChartsMoveTogether(t *testing.T) {
	racetest.Skip(t)
	dir, _ := demoPage(t)
	p := openPage(t, filepath.Join(dir, reports.PageFile))
	whole := p.length()
	require.InDelta(t, 121*86400, whole, 60)

	focus := chromedp.Evaluate(`document.querySelectorAll(".plot")[1].focus()`, nil)
	p.do(focus, chromedp.KeyEvent("+"))
	require.InDelta(t, 0.6*whole, p.length(), 1)
	before, _ := p.span()
	p.do(focus, chromedp.KeyEvent("\u0303")) // arrow right, as chromedp names it
	after, _ := p.span()
	require.InDelta(t, 0.12*whole, after-before, 1)
	p.do(focus, chromedp.KeyEvent("0"))
	require.InDelta(t, whole, p.length(), 1)

	x, y := p.over(3, 0.5)
	wheel := func(modifiers input.Modifier) chromedp.Action {
		return input.DispatchMouseEvent(input.MouseWheel, x, y).WithDeltaX(0).WithDeltaY(-300).WithModifiers(modifiers)
	}
	p.do(wheel(input.ModifierCtrl))
	require.InDelta(t, whole/2.718, p.length(), 0.01*whole)
	p.do(p.click(`[data-move=whole]`), chromedp.Evaluate(`document.activeElement.blur()`, nil))
	x, y = p.over(3, 0.5)
	p.do(wheel(0))
	require.InDelta(t, whole, p.length(), 1, "without Ctrl, and not in focus, a wheel turns the page")

	x, y = p.over(4, 0.25)
	to, _ := p.over(4, 0.5)
	p.do(chromedp.MouseEvent(input.MouseMoved, x, y), chromedp.MouseEvent(input.MousePressed, x, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.MouseMoved, (x+to)/2, y, chromedp.ButtonLeft), chromedp.MouseEvent(input.MouseMoved, to, y, chromedp.ButtonLeft), chromedp.MouseEvent(input.MouseReleased, to, y, chromedp.ButtonLeft))
	require.InDelta(t, 0.25*whole, p.length(), 0.02*whole)
	shown := p.text(`document.getElementById("range").textContent`)
	require.Regexp(t, `^2020-(01-3[01]|02-01) \d\d:\d\d to 2020-(02-29|03-0[12]) \d\d:\d\d UTC$`, shown)
	p.do(p.click(`[data-move=out]`))
	require.InDelta(t, 0.25*whole/0.6, p.length(), 0.03*whole)

	p.do(p.click(`.jump`))
	from, until := p.span()
	require.LessOrEqual(t, from, p.number(`Number(document.querySelector(".jump").dataset.from)`))
	require.GreaterOrEqual(t, until, p.number(`Math.min(Number(document.querySelector(".jump").dataset.to), JSON.parse(document.getElementById("data").textContent).end)`))
}

func TestTablesSortFilterAndPage(t *testing.T) {
	racetest.Skip(t)
	dir, _ := demoPage(t)
	p := openPage(t, filepath.Join(dir, reports.PageFile))
	where := `document.querySelector("[data-table=fills] [aria-live]").textContent`
	first := func(column int) string {
		return p.text(`document.querySelector("[data-table=fills] tbody").rows[0].cells[` + strconv.Itoa(column) + `].textContent`)
	}
	require.Equal(t, "1–50 of 66", p.text(where))
	p.do(p.click(`[data-table=fills] .tools button:nth-of-type(2)`))
	require.Equal(t, "51–66 of 66", p.text(where))

	const price = 4
	header := `document.querySelectorAll("[data-table=fills] th")[4]`
	p.do(chromedp.Evaluate(header+`.querySelector("button").click()`, nil))
	require.Equal(t, "ascending", p.text(header+`.getAttribute("aria-sort")`))
	require.Equal(t, "4,628.5", first(price))
	p.do(chromedp.Evaluate(header+`.querySelector("button").click()`, nil))
	require.Equal(t, "descending", p.text(header+`.getAttribute("aria-sort")`))
	require.Equal(t, "10,467.5", first(price))

	p.do(chromedp.SendKeys(`[data-table=fills] input`, "sell 2020-01-", chromedp.ByQuery),
		chromedp.Sleep(300*time.Millisecond))
	require.Regexp(t, `^1–\d\d of \d\d$`, p.text(where))
	require.NotEqual(t, "1–50 of 66", p.text(where))
	require.Equal(t, "Sell", first(2))
	p.do(chromedp.SendKeys(`[data-table=fills] input`, "zzz", chromedp.ByQuery), chromedp.Sleep(300*time.Millisecond))
	require.Equal(t, "nothing matches", p.text(where))
}

// Pages fit a phone, have both themes, and name everything for those who do not see.
func TestPagesFitEverybody(t *testing.T) {
	racetest.Skip(t)
	dir, _ := demoPage(t)
	other, compared := filepath.Join(t.TempDir(), "other"), filepath.Join(t.TempDir(), "compare.html")
	mustBacktest(t, "demo", "--strategy", "buy_and_hold", "--out", other)
	mustBacktest(t, "compare", dir, other, "--html", compared)
	_, args := smallSweep(t)
	swept := filepath.Join(t.TempDir(), "sweep")
	mustBacktest(t, append([]string{"sweep", "--out", swept}, args...)...)
	for _, file := range []string{filepath.Join(dir, reports.PageFile), compared, filepath.Join(swept, reports.PageFile)} {
		p := openPage(t, file)
		open := p.number(`performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd`)
		t.Logf("%s: %.0f ms to open", file, open)
		require.Less(t, open, 10_000.0)
		require.Zero(t, p.number(`performance.getEntriesByType("resource").length`), "nothing is asked of anybody")

		background := `getComputedStyle(document.body).backgroundColor`
		light := p.text(background)
		p.do(p.click("#theme"))
		require.NotEqual(t, light, p.text(background))
		p.do(chromedp.Evaluate(`dispatchEvent(new Event("beforeprint"))`, nil))
		require.Equal(t, light, p.text(background), "what is printed is light")
		p.do(chromedp.Evaluate(`dispatchEvent(new Event("afterprint"))`, nil))
		require.NotEqual(t, light, p.text(background))

		require.Empty(t, p.text(`[...document.querySelectorAll("button, input, select, a, [role=img], [role=region], svg[role]")].filter(e => !(e.textContent.trim() && e.tagName !== "SELECT" || e.getAttribute("aria-label") || e.closest("label"))).map(e => e.outerHTML.slice(0, 200)).join("\n")`), "everything has a name")
		require.Empty(t, p.text(`[...document.querySelectorAll("th:not([scope])")].map(e => e.outerHTML).join("\n")`))
		require.Empty(t, p.text(`[...document.querySelectorAll("nav a")].filter(a => !document.querySelector(a.getAttribute("href"))).map(a => a.href).join()`))

		p.do(emulation.SetDeviceMetricsOverride(390, 844, 2, true), chromedp.Reload(), chromedp.WaitReady(`html[data-ready=yes]`, chromedp.ByQuery))
		require.LessOrEqual(t, p.number(`document.documentElement.scrollWidth`), 390.0, "nothing sticks out on a phone: "+file)
	}
}

// The page of a sweep: what is kept, and the command of a run.
func TestSweepPageAnswers(t *testing.T) {
	racetest.Skip(t)
	_, args := smallSweep(t)
	dir := filepath.Join(t.TempDir(), "sweep")
	s := sweepInto(t, dir, args...)
	p := openPage(t, filepath.Join(dir, reports.PageFile))
	kept := `document.getElementById("parallel-count").textContent`
	p.do(chromedp.Evaluate(`{ const s = document.getElementById("share"); s.value = 30; s.dispatchEvent(new Event("input")) }`, nil))
	require.Contains(t, p.text(kept), "4 of 11 runs are kept")
	p.do(p.click("#all"))
	require.Contains(t, p.text(kept), "11 of 11 runs are kept")

	hit := `document.querySelector("#lines .hit").getBoundingClientRect()`
	p.do(chromedp.ScrollIntoView("#lines", chromedp.ByQuery))
	x, top, high := p.number(hit+".left")+20, p.number(hit+".top"), p.number(hit+".height")
	p.do(chromedp.MouseEvent(input.MousePressed, x, top+high*0.9, chromedp.ButtonLeft), chromedp.MouseEvent(input.MouseMoved, x, top+high*0.95, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.MouseMoved, x, top+high, chromedp.ButtonLeft), chromedp.MouseEvent(input.MouseReleased, x, top+high, chromedp.ButtonLeft))
	require.Contains(t, p.text(kept), "4 of 11 runs are kept", "those with fast=20")

	best := s.ByNumber(*s.Best)
	require.Equal(t, "1", p.text(`document.querySelector("[data-table=runs] tbody").rows[0].cells[0].textContent`))
	p.do(chromedp.Evaluate(`document.querySelector("[data-table=runs] tbody button").click()`, nil))
	require.Equal(t,
		s.Command+" --param fast="+best.Params["fast"]+" --param slow="+best.Params["slow"]+" --param bars=1m --param "+
			"qty=5000",
		p.text(`document.querySelector("#picked code").textContent`))

	cell := `document.querySelector(".surface td.best").textContent`
	sharpe := p.text(cell)
	p.do(chromedp.SetValue("#metric", "2", chromedp.ByQuery), chromedp.Evaluate(`document.getElementById("metric").dispatchEvent(new Event("change"))`, nil))
	require.NotEqual(t, sharpe, p.text(cell))
	require.Regexp(t, `^\d+\.\d\d %$`, p.text(cell), "the drawdown now")
}
