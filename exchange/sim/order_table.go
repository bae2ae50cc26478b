package sim

import "math/bits"

// orderTable finds open orders by their number. It is a hash table with linear
// probing.
type orderTable struct {
	slots []numberedOrder // as many as a power of two, at least half of them empty
	shift int             // of a hash, to what counts them
	n     int
}

// numberedOrder is an order and its number, beside it so that a search need not look into
// the orders that it passes.
type numberedOrder struct {
	number uint64 // 0: empty
	order  *order
}

// get returns the order with a number, nil if there is none.
func (t *orderTable) get(number uint64) *order {
	if t.n == 0 || number == 0 {
		return nil
	}
	return t.slots[t.find(number)].order
}

// find returns where a number is, or where it belongs.
func (t *orderTable) find(number uint64) uint64 {
	mask := uint64(len(t.slots) - 1)
	i := t.home(number)
	for t.slots[i].number != number && t.slots[i].number != 0 {
		i = (i + 1) & mask
	}
	return i
}

// home is where a number belongs. Numbers that follow each other are spread, or
// they would be one long run that a removal has to pass.
func (t *orderTable) home(number uint64) uint64 { return number * 0x9E3779B97F4A7C15 >> t.shift }

func (t *orderTable) put(number uint64, o *order) {
	if 2*(t.n+1) > len(t.slots) {
		t.grow()
	}
	t.n++
	t.slots[t.find(number)] = numberedOrder{number, o}
}

func (t *orderTable) grow() {
	old := t.slots
	t.slots = make([]numberedOrder, max(16, 2*len(old)))
	t.shift = 64 - bits.TrailingZeros(uint(len(t.slots)))
	for _, e := range old {
		if e.number != 0 {
			t.slots[t.find(e.number)] = e
		}
	}
}

// remove takes a number out and moves up those that had to make way for it.
func (t *orderTable) remove(number uint64) {
	if t.get(number) == nil {
		return
	}
	t.n--
	mask := uint64(len(t.slots) - 1)
	hole := t.find(number)
	for i := (hole + 1) & mask; t.slots[i].number != 0; i = (i + 1) & mask {
		// One that is as far from its place as from the hole, or farther, may move.
		if (i-t.home(t.slots[i].number))&mask >= (i-hole)&mask {
			t.slots[hole] = t.slots[i]
			hole = i
		}
	}
	t.slots[hole] = numberedOrder{}
}
