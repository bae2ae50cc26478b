package sim

// orderPool keeps orders that have ended, to be used again. An order that has been
// returned stays as it was until then: what is done because of its end may still
// read it. Only a request that arrives takes one out.
type orderPool struct{ free []*order }

// get returns an order that may hold what another one left.
func (p *orderPool) get() *order {
	if len(p.free) == 0 {
		block := make([]order, 32)
		for i := range block {
			p.free = append(p.free, &block[i])
		}
	}
	last := len(p.free) - 1
	o := p.free[last]
	p.free = p.free[:last]
	return o
}

func (p *orderPool) put(o *order) { p.free = append(p.free, o) }
