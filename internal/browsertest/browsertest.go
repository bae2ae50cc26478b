// Package browsertest opens pages in a headless Chromium, for the tests of packages that
// make pages. It stands below all of them.
package browsertest

import (
	"context"
	"os/exec"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// T is what it needs of a *testing.T.
type T interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Skip(args ...any)
	Errorf(format string, args ...any)
}

// Open starts a browser with a window of a size in pixels, and returns the context that
// chromedp runs actions in. It ends with the test. What a page throws or writes to its
// console fails the test, which is skipped where Chromium is not installed.
func Open(t T, width, height int) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(width, height), chromedp.WSURLReadTimeout(time.Minute))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // about messages that it does not know
	t.Cleanup(stop)
	chromedp.ListenTarget(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page: %s", ev.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			t.Errorf("the page says %s", ev.Type)
		}
	})
	return ctx
}
