// Package engine runs a strategy: one loop, one goroutine, one ordered stream
// of events, whatever the events come from and wherever the commands go.
//
//	exchange.Feed ─▶ engine ─▶ Strategy ─▶ exchange.Exchange
//	                   ▲                        │
//	                   └────── reports ─────────┘
//
// # A run
//
// The loop takes the earliest of the feed's next event, the exchange's next
// event, the next delivery to the strategy and the next timer, and steps to
// that instant. Everything that happens at one instant happens in this order,
// which is part of the specification, since a change of it changes results:
//
//  1. market events whose exchange time it is reach the simulated exchange, in
//     the feed's order;
//  2. the exchange does what is due: orders arrive, triggers fire, funding is
//     settled, positions are liquidated; reports that have arrived update the
//     account view and are handed to the strategy;
//  3. bars that the engine builds and whose interval has ended are handed over;
//  4. market events that arrive at this instant update the view and are handed
//     over: those that were delayed first, in order of stream, then those
//     without delay;
//  5. timers fire;
//  6. what the operator of a session asks for is done;
//  7. the risk guard looks at the account;
//  8. what the strategy asked for meanwhile and arrives without delay is done,
//     from 2, until nothing is left at this instant.
//
// A strategy therefore never sees an event before its arrival, a bar before
// its end, or its own order's fate before the report's latency has passed.
//
// # Sessions
//
// A feed of history is read ahead: the engine knows its next event. A feed that is a
// [Pacer] gives events while time passes, and is told instead what the engine would do
// next, and when: it answers with events, or by letting that time come. What happens is
// a function of the events and their times alone, live as in a replay.
//
// # Warm-up
//
// [Config.History] is heard before the first event of the feed, in the same order of
// things but without an exchange: commands return [ErrWarmup], nothing is observed, and
// the run begins with the feed's first event.
//
// # Limits
//
// A guard stands between the strategy and the exchange, in every mode. It holds
// what is sent to [Limits] and refuses the rest with a [*RiskError] before it
// travels. Losses and rejections beyond their limits trip it: open orders are
// cancelled, and only what reduces a position passes from then on.
//
// # Its place
//
// The engine knows the vocabulary of package exchange and nothing else: not the
// catalog, not the simulator, not a venue. Package cli wires them together.
package engine
