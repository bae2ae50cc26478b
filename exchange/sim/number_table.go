package sim

import "math/bits"

// numberTable finds what has a number of ours: an open order or a client id in use. It is
// a hash table with linear probing.
type numberTable[T any] struct {
	slots []numbered[T] // as many as a power of two, at least half of them empty
	shift int           // of a hash, to what counts them
	n     int
}

// numbered is something and its number, beside it so that a search need not look into what
// it passes.
type numbered[T any] struct {
	number uint64 // 0: empty
	what   *T
}

// get returns what has a number, nil if nothing has.
func (t *numberTable[T]) get(number uint64) *T {
	if t.n == 0 || number == 0 {
		return nil
	}
	return t.slots[t.find(number)].what
}

// find returns where a number is, or where it belongs.
func (t *numberTable[T]) find(number uint64) uint64 {
	mask := uint64(len(t.slots) - 1)
	i := t.home(number)
	for t.slots[i].number != number && t.slots[i].number != 0 {
		i = (i + 1) & mask
	}
	return i
}

// home is where a number belongs. Numbers that follow each other are spread, or
// they would be one long run that a removal has to pass.
func (t *numberTable[T]) home(number uint64) uint64 {
	return number * 0x9E3779B97F4A7C15 >> (t.shift & 63)
}

func (t *numberTable[T]) put(number uint64, what *T) {
	if 2*(t.n+1) > len(t.slots) {
		t.grow()
	}
	t.n++
	t.slots[t.find(number)] = numbered[T]{number, what}
}

func (t *numberTable[T]) grow() {
	old := t.slots
	t.slots = make([]numbered[T], max(16, 2*len(old)))
	t.shift = 64 - bits.TrailingZeros(uint(len(t.slots)))
	for _, e := range old {
		if e.number != 0 {
			t.slots[t.find(e.number)] = e
		}
	}
}

// remove takes a number out and moves up those that had to make way for it.
func (t *numberTable[T]) remove(number uint64) {
	if t.n == 0 || number == 0 {
		return
	}
	mask := uint64(len(t.slots) - 1)
	hole := t.find(number)
	if t.slots[hole].number == 0 {
		return
	}
	t.n--
	for i := (hole + 1) & mask; t.slots[i].number != 0; i = (i + 1) & mask {
		// One that is as far from its place as from the hole, or farther, may move.
		if (i-t.home(t.slots[i].number))&mask >= (i-hole)&mask {
			t.slots[hole] = t.slots[i]
			hole = i
		}
	}
	t.slots[hole] = numbered[T]{}
}
