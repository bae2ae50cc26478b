package importer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOptions(t *testing.T) {
	for _, name := range append(Formats(), "") {
		require.NoError(t, Options{Format: name}.Validate())
	}
	for _, offset := range []string{"", "auto", "1.27s", "-3ms"} {
		require.NoError(t, Options{ClockOffset: offset}.Validate())
	}
	require.ErrorContains(t, Options{Format: "csv"}.Validate(), `unknown format "csv": want one of auto, bitmex-bucketed`)
	require.ErrorContains(t, Options{ClockOffset: "1.27"}.Validate(), `clock offset "1.27": want auto`)
	_, err := MeasureClockOffset(t.Context(), nil, Options{Format: "csv"})
	require.ErrorContains(t, err, "unknown format")
}
