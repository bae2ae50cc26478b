package session_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/session"
)

// A replay finds damage in the tables that show what a session did, and names the row.
func TestDamagedTables(t *testing.T) {
	whole := setup{dir: t.TempDir()}
	_, err := whole.run(t)
	require.NoError(t, err)
	for name, c := range map[string]struct{ table, damage, want string }{
		"a fill": {"fills", "UPDATE fills SET qty = qty + 1 WHERE seq = (SELECT min(seq) FROM fills)",
			"the reports say"},
		"a fee": {"fills", "UPDATE fills SET fee = fee + 1 WHERE seq = (SELECT max(seq) FROM fills)",
			"the reports say"},
		"a text":  {"fills", "UPDATE fills SET price = 'cheap' WHERE seq = (SELECT max(seq) FROM fills)", "cheap"},
		"no fill": {"fills", "DELETE FROM fills WHERE seq = (SELECT max(seq) FROM fills)", "is missing"},
		"one more": {"fills",
			"INSERT INTO fills SELECT 'more', 0, client_id, symbol, side, qty, price, fee, liquidity, position, at FROM fills " +
				"LIMIT 1", "row more"},
		"an order": {"orders",
			"UPDATE orders SET filled = filled + 1 WHERE client_id = (SELECT max(client_id) FROM orders)", "the reports say"},
		"a status": {"orders",
			"UPDATE orders SET status = 'New', open = 1 WHERE client_id = (SELECT min(client_id) FROM orders WHERE open = 0)",
			"the reports say"},
		"no orders": {"orders", "DELETE FROM orders", "is missing"},
		"another order": {"orders",
			"UPDATE orders SET client_id = 'z' WHERE client_id = (SELECT min(client_id) FROM orders)", "orders"},
		"a sample": {"samples",
			"UPDATE samples SET equity = equity + 1 WHERE at = (SELECT max(at) FROM samples WHERE at < (SELECT max(at) FROM " +
				"samples))", "the reports say"},
		"the first": {"samples", "UPDATE samples SET wallet = 0 WHERE at = (SELECT min(at) FROM samples)",
			"the reports say"},
		"a text instead": {"samples", "UPDATE samples SET wallet = 'much' WHERE at = (SELECT min(at) FROM samples)", "much"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "copy")
			require.NoError(t, os.CopyFS(dir, os.DirFS(whole.dir)))
			store, err := session.Open(t.Context(), dir)
			require.NoError(t, err)
			require.NoError(t, store.Exec(t.Context(), c.damage))
			require.NoError(t, store.Close())
			_, err = setup{dir: dir, none: true}.run(t)
			var wrong *session.TableError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.table, wrong.Table)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err = setup{dir: whole.dir, none: true}.run(t)
	require.NoError(t, err)
}
