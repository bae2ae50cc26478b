package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A name is in use until its owner has heard the end and no order has it.
func TestNamesAreInUseTwice(t *testing.T) {
	n := newNames()
	a := n.claim("a")
	require.NotNil(t, a)
	require.Nil(t, n.claim("a"))
	require.Nil(t, n.order("a"))

	o := new(order)
	a.order = o
	require.Same(t, o, n.order("a"))
	n.release(a) // the owner takes it for ended
	require.Same(t, o, n.order("a"))
	require.Same(t, a, n.claim("a"))
	n.ends(a)
	require.Nil(t, n.order("a"))
	require.Nil(t, n.claim("a"))
	n.release(a)
	require.Zero(t, n.inUse())

	b := n.claim("c")
	require.Same(t, b, n.again("c")) // it lives again, and the report of its end is still on its way
	n.release(b)
	require.Nil(t, n.claim("c"))
	n.release(b)
	require.Zero(t, n.inUse())

	b = n.claim("b")
	require.Same(t, a, b, "a name that is free is used again")
	require.Equal(t, clientName{id: "b", known: 1}, *b)
}
