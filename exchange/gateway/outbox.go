package gateway

import "sync"

// Limits of what waits for a socket. Changes of tables are one frame in memory for all who
// hear of them; answers are each socket's own.
const (
	socketQueue   = 4096    // frames
	socketBytes   = 4 << 20 // bytes of changes; one larger frame may wait alone
	socketAnswers = 64 << 10
)

// outgoing is a frame that waits to be written.
type outgoing struct {
	data   []byte
	answer bool
}

// outbox is the frames that wait for the writer of a socket. The owner fills it, the
// socket's writer empties it.
type outbox struct {
	mu      sync.Mutex
	frames  []outgoing
	head    int // of frames: those before it were taken
	changes int // bytes that were not written yet
	answers int // the same of answers
	ended   bool
	slow    bool
	filled  chan struct{} // capacity 1: there is something for the writer
	drained chan struct{} // capacity 1: an answer was written
}

func newOutbox() *outbox {
	return &outbox{filled: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

// put queues a frame. A socket with too much waiting is marked slow, and what waits for
// it is dropped.
func (o *outbox) put(data []byte, answer bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended || o.slow {
		return
	}
	over := len(o.frames)-o.head >= socketQueue || !answer && o.changes > 0 && o.changes+len(data) > socketBytes
	if over {
		o.slow, o.frames, o.head = true, nil, 0
		wake(o.filled)
		return
	}
	if answer {
		o.answers += len(data)
	} else {
		o.changes += len(data)
	}
	if o.head > 0 && len(o.frames) == cap(o.frames) { // use the room of those that were taken
		n := copy(o.frames, o.frames[o.head:])
		clear(o.frames[n:])
		o.frames, o.head = o.frames[:n], 0
	}
	o.frames = append(o.frames, outgoing{data, answer})
	wake(o.filled)
}

// end lets the writer finish what waits, and nothing more.
func (o *outbox) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	wake(o.filled)
}

// take returns the next frame. Without one it says whether the outbox has ended and
// whether the socket was too slow.
func (o *outbox) take() (f outgoing, ok, ended, slow bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.head == len(o.frames) {
		return f, false, o.ended, o.slow
	}
	f = o.frames[o.head]
	o.frames[o.head] = outgoing{}
	if o.head++; o.head == len(o.frames) {
		o.frames, o.head = o.frames[:0], 0
		if cap(o.frames) > 256 {
			o.frames = nil // of a burst
		}
	}
	return f, true, false, false
}

// written says that a frame that was taken is on its way.
func (o *outbox) written(f outgoing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.answer {
		o.answers -= len(f.data)
		wake(o.drained)
	} else {
		o.changes -= len(f.data)
	}
}

// full reports whether so many answers wait that no more should be asked for.
func (o *outbox) full() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.answers > socketAnswers
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
