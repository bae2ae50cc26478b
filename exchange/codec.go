package exchange

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrEncoding means that bytes are not what AppendEvent wrote.
var ErrEncoding = errors.New("not an encoded event")

// LongestEvent is the greatest length of an encoded event, in bytes: three, and a number of at most ten for each of
// stream, symbol, the two times and the values.
const LongestEvent = 3 + 10*(4+len(Event{}.v))

// AppendEvent encodes an event in a few bytes, for journals. prev is the event before
// it, or the zero Event: times are written as differences.
func AppendEvent(b []byte, e, prev *Event) []byte {
	places := len(e.v)
	for places > 0 && e.v[places-1] == 0 {
		places--
	}
	b = append(b, byte(e.Kind), byte(e.Side)<<4|byte(places), byte(e.Flags))
	b = binary.AppendUvarint(b, uint64(e.Stream))
	b = binary.AppendUvarint(b, uint64(e.Symbol))
	b = binary.AppendVarint(b, int64(e.Time-prev.Time))
	b = binary.AppendVarint(b, int64(e.Arrival-prev.Arrival))
	for _, v := range e.v[:places] {
		b = binary.AppendVarint(b, v)
	}
	return b
}

// DecodeEvent reads one event that AppendEvent wrote after prev, and returns the bytes
// behind it.
func DecodeEvent(b []byte, prev *Event) (e Event, rest []byte, err error) {
	if len(b) < 3 {
		return e, nil, fmt.Errorf("%w: cut off", ErrEncoding)
	}
	e.Kind, e.Side, e.Flags = EventKind(b[0]), Side(b[1]>>4), Flags(b[2])
	places := int(b[1] & 15)
	if e.Kind == 0 || int(e.Kind) >= len(kindEventNames) || e.Side > Sell || places > len(e.v) {
		return e, nil, fmt.Errorf("%w: kind %d, side %d, %d places", ErrEncoding, b[0], b[1]>>4, places)
	}
	d := decoder{b: b[3:]}
	stream := d.uvarint()
	symbol := d.uvarint()
	e.Time = prev.Time + Time(d.varint())
	e.Arrival = prev.Arrival + Time(d.varint())
	for i := range places {
		e.v[i] = d.varint()
	}
	e.Stream, e.Symbol = uint16(stream), SymbolID(symbol)
	if d.bad || uint64(e.Stream) != stream || uint64(e.Symbol) != symbol {
		return e, nil, fmt.Errorf("%w: cut off, or numbers out of range", ErrEncoding)
	}
	return e, d.b, nil
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	return taken(d, v, n)
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	return taken(d, v, n)
}

func taken[T any](d *decoder, v T, n int) T {
	if n <= 0 {
		d.bad = true
		return v
	}
	d.b = d.b[n:]
	return v
}
