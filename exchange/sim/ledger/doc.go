// Package ledger keeps the books of one simulated account: a wallet for each
// currency, the positions with their integer cost, the totals of open orders,
// margin, funding, liquidation and bankruptcy prices. It computes in the venue's
// integers and rounds where the venue rounds, and it has no floating point.
//
// It knows nothing of matching, latency or order books. The simulated exchange
// above it tells it what happened (Fill, SetMark, Fund, SetOpen) and asks it
// what may happen (CheckOrder, CanPay) and what must (SetMark, MustLiquidate).
//
//	exchange/sim ─▶ exchange/sim/ledger ─▶ exchange
//
// # Rules
//
// The rules are BitMEX's, taken from its guides and checked against rows that
// it published for real accounts. Binance COIN-M contracts are inverse ones
// with a contract of 10 or 100 USD and follow the same maths with other
// rounding ([exchange.MoneyRounding]).
//
//   - Cost. A fill costs the value of its contracts, on BitMEX rounded per lot
//     ([exchange.Terms.Cost]). Unrealised = value at mark - cost. A reduction
//     realises cost in proportion to the contracts closed. A fill that turns a
//     position is split in proportion, the part that opens rounded down: an
//     account export of 2019. What stays of a position that is reduced in steps
//     is computed from its cost before the first step, so that the steps do not
//     matter.
//   - Fees and funding are rounded per execution as the instrument says
//     ([exchange.Terms.Fee]), on BitMEX halves away from zero: funding and
//     liquidation executions of 2017 to 2020.
//   - Order margin = ⌈gross open cost × (IM + fee × (2 + IM))⌉, with the fees of
//     entry and exit; the gross open cost leaves out what would only reduce the
//     position and counts the dearer side where buys and sells exclude each
//     other: rows of 2018, 2019 and 2026. A new order that opens through the
//     mark must also bring the difference, exchange guide of 2020, and may not
//     lead an isolated position to liquidation at once. Orders that rest are not
//     charged again when the mark passes them.
//   - Isolated margin: init = ⌈cost × max(IM, 1/leverage)⌉,
//     comm = ⌈fee × (cost + init + added)⌉, margin = init + comm + added - lost,
//     maintenance = ⌈cost × (MM + funding to pay)⌉ + comm, liquidation when
//     margin + unrealised ≤ maintenance: six position rows of 2018 to 2022.
//     Funding received is added to the margin, funding paid is lost from it. A
//     short inverse position at leverage 1 or less cannot lose more than its
//     cost: it has neither comm nor maintenance.
//   - Cross margin is that of the engine of 2024: maintenance = ⌈cost × (MM +
//     funding to pay)⌉ and no more; available = wallet + unrealised - order
//     margin - margin in use; all cross positions are liquidated together when
//     wallet + unrealised ≤ maintenance. Isolated margin is out of their reach,
//     and profit of an isolated position is not available: announcement of the
//     engine, an account export of 2026 and the official example.
//   - Margin moves to an isolated position and back, no deeper than its initial
//     margin: trading rules. As with funding received a part becomes comm.
//   - Liquidation goes in steps, each of which may be enough: a risk limit that was
//     raised is lowered to what the position is worth (LowerRiskLimit); what is above
//     the next lower limit is closed in the market, whole or not at all (Excess);
//     what is left is taken over at its bankruptcy price with the taker fee
//     (Liquidate): liquidation guide. Before them the exchange cancels the orders,
//     which frees no margin here. Several cross positions share what is left of the
//     account in proportion to their maintenance, so that each loses about its own.
//   - The insurance fund closes what it took over (Takeover) at the prices that the
//     exchange finds in the market, keeps what is better than bankruptcy and pays what
//     is worse, as far as it has it, with what the account lacked besides: liquidation
//     guide. What is left, and what it does not have, is the other side's by
//     auto-deleveraging; that is counted, and the account does not notice.
//   - Risk limit: IM and MM grow by one base MM for every step that the account
//     has raised the limit of a symbol. By default it is at the base and an
//     order beyond it is refused.
//   - Wallets are apart: what settles in a currency is margined, and liquidated, in
//     its wallet alone, as on the venue before and after 2024.
//   - Spot: a pair is bought with the quote currency and cannot be sold short. If
//     the account has a wallet for the coin, the two are exchanged: there is no
//     position, what is offered is reserved in the coin's wallet, and profit that is
//     not realised buys nothing. A coin without a wallet is held at cost: what it has
//     cost is margin that comes back when it is sold. There is no liquidation.
//   - A position that is no whole number of lots, after the lot has changed, is
//     valued pro rata; its odd part can be closed at the mark without a fee
//     (CloseOddLot): announcement of 2021-06-08.
//
// At all times
//
//	wallet = deposit + realised - fees + funding + insurance + exchanged
//	fund   = deposit + received - paid
//
// a flat position has a cost of exactly zero, and accounts that trade with each other,
// the fees that they paid and the fund own together what they owned at first.
package ledger
