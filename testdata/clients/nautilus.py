"""nautilus_trader's BitMEX adapter in a session of a quarter of a minute: it reads the instruments, follows quotes, trades
and the book, and places, amends, cancels and fills orders. Prints one line of JSON with what it saw.
"""

import asyncio
import json
import os

import pandas as pd
from nautilus_trader.adapters.bitmex.config import BitmexDataClientConfig, BitmexExecClientConfig
from nautilus_trader.adapters.bitmex.factories import BitmexLiveDataClientFactory, BitmexLiveExecClientFactory
from nautilus_trader.config import InstrumentProviderConfig, LiveExecEngineConfig, LoggingConfig
from nautilus_trader.config import StrategyConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide, TriggerType
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.model.objects import Quantity
from nautilus_trader.trading.strategy import Strategy

rest = os.environ["URL"] + "/api/v1"
stream = os.environ["STREAM"]
seen = {"quotes": 0, "trades": 0, "deltas": 0, "events": {}, "orders": [], "error": None}


class Session(Strategy):
    """One action a second; what came of them is read at the end."""

    def __init__(self):
        super().__init__(StrategyConfig())
        self.id_ = InstrumentId.from_str("XBTUSD.BITMEX")
        self.step = 0

    def on_start(self):
        self.instrument = self.cache.instrument(self.id_)
        if self.instrument is None:
            seen["error"] = "no instrument XBTUSD"
            return
        self.subscribe_quote_ticks(self.id_)
        self.subscribe_trade_ticks(self.id_)
        self.subscribe_order_book_deltas(self.id_)
        self.subscribe_mark_prices(self.id_)
        self.subscribe_funding_rates(self.id_)
        self.subscribe_bars(BarType.from_str("XBTUSD.BITMEX-1-MINUTE-LAST-EXTERNAL"))
        self.clock.set_timer("step", pd.Timedelta(seconds=1), callback=self.act)

    def act(self, _):
        quote = self.cache.quote_tick(self.id_)
        if quote is None:
            return
        self.step += 1
        bid = float(quote.bid_price)
        price = self.instrument.make_price
        make = self.order_factory
        hundred = Quantity.from_int(100)
        match self.step:
            case 1:
                self.rests = make.limit(self.id_, OrderSide.BUY, hundred, price(bid * 0.97), post_only=True)
                self.submit_order(self.rests)
            case 2:
                self.modify_order(self.rests, Quantity.from_int(200), price(bid * 0.96))
            case 3:
                self.submit_order(make.market(self.id_, OrderSide.BUY, Quantity.from_int(300)))
            case 4:
                self.submit_order(
                    make.stop_market(
                        self.id_, OrderSide.SELL, Quantity.from_int(300), price(bid * 0.9),
                        trigger_type=TriggerType.MARK_PRICE, reduce_only=True,
                    )
                )
            case 5:
                self.cancel_order(self.rests)
            case 6:
                self.cancel_all_orders(self.id_)
            case 7:
                self.close_all_positions(self.id_)
            case 18:  # it asks what became of a cancellation after five seconds: an update without a type says nothing to it
                seen["orders"] = [o.status_string() for o in self.cache.orders()]
                seen["open"] = len(self.cache.positions_open())
                loop.call_soon_threadsafe(lambda: loop.create_task(stop()))

    def on_quote_tick(self, _):
        seen["quotes"] += 1

    def on_trade_tick(self, _):
        seen["trades"] += 1

    def on_order_book_deltas(self, _):
        seen["deltas"] += 1

    def on_order_event(self, event):
        name = type(event).__name__
        seen["events"][name] = seen["events"].get(name, 0) + 1


provider = InstrumentProviderConfig(load_all=True)
keys = {"api_key": os.environ["KEY"], "api_secret": os.environ["SECRET"]}
ends = {"base_url_http": rest, "base_url_ws": stream, "instrument_provider": provider}
node = TradingNode(
    config=TradingNodeConfig(
        trader_id=TraderId("GATEWAY-001"),
        logging=LoggingConfig(log_level="ERROR", use_pyo3=True),
        exec_engine=LiveExecEngineConfig(reconciliation=True),
        data_clients={"BITMEX": BitmexDataClientConfig(**keys, **ends)},
        exec_clients={"BITMEX": BitmexExecClientConfig(**keys, **ends)},
        timeout_connection=20.0,
        timeout_reconciliation=10.0,
        timeout_portfolio=10.0,
        timeout_disconnection=2.0,
        timeout_post_stop=1.0,
    )
)
node.trader.add_strategy(Session())
node.add_data_client_factory("BITMEX", BitmexLiveDataClientFactory)
node.add_exec_client_factory("BITMEX", BitmexLiveExecClientFactory)
node.build()


async def stop(after=0.0):
    await asyncio.sleep(after)
    await node.stop_async()


loop = node.get_event_loop()
loop.create_task(stop(60))
try:
    node.run()
finally:
    print("\n" + json.dumps(seen), flush=True)
    node.dispose()
