package reports

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/dunamis-engine/dunamis/exchange"
)

// digest is a SHA-256 over everything that happened to the account: each report
// that changed an order or money, in the order of arrival, and each sample. Two
// runs with the same digest did the same.
//
// The encoding is canonical: a tag byte, then the fields in order; integers as
// 8 bytes, little endian; texts as their length and their bytes; symbols by name
// and not by id, which depends on the other instruments of the process. Samples,
// of which there are many, are the differences to the one before, as varints.
type digest struct {
	h   hash.Hash
	buf []byte

	at                 exchange.Time // of the last sample
	wallet, unrealised exchange.Money
}

// Tags of the digest's records.
const (
	tagRun     = 'R'
	tagOrder   = 'O'
	tagFill    = 'F'
	tagFunding = 'P'
	tagReject  = 'X'
	tagSample  = 'S'
	tagEnd     = 'E'
)

const digestBuffer = 8 << 10

func newDigest() digest {
	return digest{h: sha256.New(), buf: make([]byte, 0, 2*digestBuffer)}
}

func (d *digest) tag(b byte) {
	if len(d.buf) >= digestBuffer {
		d.spill()
	}
	d.buf = append(d.buf, b)
}

func (d *digest) spill() {
	_, _ = d.h.Write(d.buf) // never fails, says its documentation
	d.buf = d.buf[:0]
}

func (d *digest) ints(values ...int64) {
	for _, v := range values {
		d.buf = binary.LittleEndian.AppendUint64(d.buf, uint64(v))
	}
}

func (d *digest) text(s string) {
	d.ints(int64(len(s)))
	d.buf = append(d.buf, s...)
}

func (d *digest) run(o *Options) {
	d.tag(tagRun)
	d.text(ResultSchema)
	d.text(o.Currency.Code)
	d.ints(int64(o.StartBalance), int64(len(o.Symbols)))
	for _, s := range o.Symbols {
		d.text(o.Instruments.Get(s).Name())
	}
}

func (d *digest) order(symbol string, what exchange.ExecType, arrival exchange.Time, o *exchange.Order) {
	d.tag(tagOrder)
	d.text(symbol)
	d.ints(int64(what), int64(arrival))
	d.orderState(o)
}

func (d *digest) orderState(o *exchange.Order) {
	d.text(string(o.OrderID))
	d.text(string(o.ClientID))
	d.text(string(o.LinkID))
	d.ints(int64(o.Side), int64(o.Qty), int64(o.Price), int64(o.DisplayQty), int64(o.StopPrice), int64(o.PegOffset),
		int64(o.PegType), int64(o.Type), int64(o.TimeInForce), int64(o.ExecInst), int64(o.Contingency), int64(o.Status),
		int64(o.Triggered), bit(o.Working), int64(o.Leaves), int64(o.Filled), int64(o.AvgPrice), int64(o.TransactTime),
		int64(o.Time))
	d.text(o.RejectReason)
	d.text(o.Text)
}

func (d *digest) fill(symbol string, arrival exchange.Time, f *exchange.Fill, o *exchange.Order) {
	d.tag(tagFill)
	d.text(symbol)
	d.text(f.ExecID)
	d.text(string(f.OrderID))
	d.text(string(f.ClientID))
	d.ints(int64(arrival), int64(f.Side), int64(f.Qty), int64(f.Price), int64(f.Type), int64(f.Liquidity), int64(f.Value),
		int64(f.Fee), int64(f.FeeRate), int64(f.Realised), int64(f.Position), int64(f.Leaves), int64(f.Cause),
		bit(f.Ambiguous), int64(f.Time))
	d.orderState(o)
}

func (d *digest) funding(symbol string, arrival exchange.Time, f *exchange.FundingPayment) {
	d.tag(tagFunding)
	d.text(symbol)
	d.ints(int64(arrival), int64(f.Rate), int64(f.Qty), int64(f.Price), int64(f.Amount), int64(f.Time))
}

func (d *digest) reject(symbol string, arrival exchange.Time, r *exchange.Reject) {
	d.tag(tagReject)
	d.text(symbol)
	d.text(r.Command)
	d.text(string(r.OrderID))
	d.text(string(r.ClientID))
	d.text(r.Reason)
	d.ints(int64(arrival), int64(r.Time))
}

func (d *digest) sample(at exchange.Time, m *exchange.Margin) {
	d.tag(tagSample)
	b := d.buf
	b = binary.AppendVarint(b, int64(at-d.at))
	b = binary.AppendVarint(b, int64(m.Wallet-d.wallet))
	b = binary.AppendVarint(b, int64(m.Unrealised-d.unrealised))
	d.buf = b
	d.at, d.wallet, d.unrealised = at, m.Wallet, m.Unrealised
}

// sum ends the digest with the account as it ended.
func (d *digest) sum(b *Balance) string {
	d.tag(tagEnd)
	d.ints(int64(b.EndBalance), int64(b.UnrealisedPnL), int64(b.RealisedPnL), int64(b.Fees), int64(b.Funding),
		int64(b.Insurance), int64(b.Turnover))
	d.spill()
	return "sha256:" + hex.EncodeToString(d.h.Sum(nil))
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
