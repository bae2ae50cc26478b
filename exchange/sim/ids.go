package sim

import (
	"strconv"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Ids count up from one in the order in which things happen, so two runs give
// the same.

// Prefixes of ids, of four bytes each.
const (
	orderPrefix  = "sim-"
	clientPrefix = "dun-"
	forcedPrefix = "sys-" // of executions that no order of ours caused
	prefixLen    = 4
)

func (x *Exchange) orderID() exchange.OrderID { return exchange.OrderID(x.orderIDs.next()) }

func (x *Exchange) execID() string { return x.execIDs.next() }

// clientID claims an id that is not in use: the owner may have chosen one that
// looks like ours.
func (x *Exchange) clientID() *clientName {
	for {
		id := exchange.ClientID(x.clientIDs.next())
		if n := x.names.claimNumber(x.clientIDs.made, id); n != nil {
			return n
		}
	}
}

// minter makes ids. It writes a number of them at once into one string, of which
// every id is a part.
type minter struct {
	prefix string
	made   uint64 // ids so far
	ahead  string // ids to come, all of one length
	length int
}

const mintAhead = 32

func (m *minter) next() string {
	if m.ahead == "" {
		m.mint()
	}
	m.made++
	id := m.ahead[:m.length]
	m.ahead = m.ahead[m.length:]
	return id
}

func (m *minter) mint() {
	var buf [mintAhead * 32]byte
	b := appendNumbered(buf[:0], m.prefix, m.made+1)
	m.length = len(b)
	for range mintAhead - 1 {
		b = append(b, b[len(b)-m.length:]...)
		if !countUp(b[len(b)-m.length+len(m.prefix):]) {
			b = b[:len(b)-m.length] // a digit more: the next time
			break
		}
	}
	m.ahead = string(b)
}

// countUp adds one to the digits of a number, and reports whether they are enough.
func countUp(digits []byte) bool {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] != '9' {
			digits[i]++
			return true
		}
		digits[i] = '0'
	}
	return false
}

// appendNumbered appends a number of at least six digits.
func appendNumbered(b []byte, prefix string, n uint64) []byte {
	b = append(b, prefix...)
	for limit := uint64(100_000); n < limit && limit > 1; limit /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, n, 10)
}

// numberOf returns the number of an order id that we made, 0 for any other text.
func numberOf(id exchange.OrderID) uint64 {
	if len(id) < prefixLen || id[:prefixLen] != orderPrefix {
		return 0
	}
	return numberAfter(string(id))
}

// numberOfClient is numberOf for a client id.
func numberOfClient(id exchange.ClientID) uint64 {
	if len(id) < prefixLen || id[:prefixLen] != clientPrefix {
		return 0
	}
	return numberAfter(string(id))
}

// numberAfter returns the number that follows the prefix of an id, 0 if it is not one as
// we write it.
func numberAfter(id string) (n uint64) {
	digits := len(id) - prefixLen
	if digits < 6 || digits > 18 || digits > 6 && id[prefixLen] == '0' {
		return 0
	}
	for i := prefixLen; i < len(id); i++ {
		d := uint64(id[i]) - '0'
		if d > 9 {
			return 0
		}
		n = n*10 + d
	}
	return n
}
