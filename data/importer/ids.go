package importer

import (
	"hash/fnv"

	"github.com/dunamis-engine/dunamis/exchange"
)

// keptIDs is how many of the newest rows at least are remembered by their ids.
const keptIDs = 1 << 14

// ids finds rows that are repeated: where pages of an API overlap, a client that asks for the
// next page from the last time on gets that time's trades again; and a recorder that connects
// again may be sent the newest ones once more, later and after others. It remembers the newest
// rows by a hash of 64 bits, of which two in as many are the same once in 10^15 rows.
type ids struct {
	newer, older map[uint64]struct{}
}

func newIDs() *ids {
	return &ids{newer: map[uint64]struct{}{}, older: map[uint64]struct{}{}}
}

// repeated reports whether a row with this id, time and trade was among the newest, and
// remembers it. A row without an id never was.
func (d *ids) repeated(id []byte, at exchange.Time, t exchange.Trade) bool {
	if len(id) == 0 {
		return false
	}
	h := fnv.New64a()
	_, _ = h.Write(id) // never fails
	key := mix(mix(mix(mix(h.Sum64(), uint64(at)), uint64(t.Price)), uint64(t.Qty)), uint64(t.Side))
	if _, known := d.newer[key]; known {
		return true
	}
	if _, known := d.older[key]; known {
		return true
	}
	if len(d.newer) == keptIDs {
		d.newer, d.older = d.older, d.newer
		clear(d.newer)
	}
	d.newer[key] = struct{}{}
	return false
}

// mix takes a number into a hash.
func mix(h, v uint64) uint64 {
	h ^= v + 0x9e3779b97f4a7c15 + h<<6 + h>>2
	h *= 0xff51afd7ed558ccd
	return h ^ h>>33
}
