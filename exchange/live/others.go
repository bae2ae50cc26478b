package live

// Others says what a client does with orders and positions on its account that its program
// did not make.
type Others uint8

// Ways to treat them.
const (
	// Doubt leaves them alone, does not report the orders, and says each by a notice of a
	// [Difference], which is for an operator to judge.
	Doubt Others = iota
	// Adopt takes them over: the orders are reported, and cancelled with the program's own.
	Adopt
	// Ignore leaves them alone, does not report the orders, and says nothing.
	Ignore
)
