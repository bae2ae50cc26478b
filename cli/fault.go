package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dunamis-engine/dunamis/engine"
)

// fault adds to the error of a panic how the session can go on.
func (w *wired) fault(ctx context.Context, err error, name string) error {
	var panics *engine.PanicError
	if !errors.As(err, &panics) {
		return err
	}
	w.config.Log.Debug("panic", "stack", panics.Stack)
	err = w.plan.named(err)
	without := func(number int64) string {
		return fmt.Sprintf("paper run --session %s --skip-event %d goes on without it", name, number)
	}
	if number, kept := w.session.Number(panics.Index); kept {
		return fmt.Errorf("%w; it is event %d of the session's journal: %s", err, number, without(number))
	}
	const most = 3
	suspects, failed := w.session.Suspects(ctx, most)
	if len(suspects) == 0 {
		return errors.Join(fmt.Errorf("%w; the session goes on with the same command, from what it has kept", err), failed)
	}
	var list []string
	for i := range suspects {
		s := &suspects[i]
		list = append(list, fmt.Sprintf("event %d of the session's journal is out of bounds (%v): %s", s.Number, s.Err,
			without(s.Number)))
	}
	return errors.Join(fmt.Errorf("%w; %s", err, strings.Join(list, "; ")), failed)
}
