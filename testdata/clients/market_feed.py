"""cryptofeed with every public channel of its BitMEX feed, for ten seconds: trades, book, ticker, funding,
instrument statistics. Prints one line of JSON with how often each callback was called.
"""

import collections
import json
import os

from cryptofeed import FeedHandler
from cryptofeed.defines import FUNDING, L2_BOOK, OPEN_INTEREST, TICKER, TRADES
from cryptofeed.exchanges import Bitmex

seen = collections.Counter()


def count(name):
    async def callback(_, receipt):
        seen[name] += 1

    return callback


class Gateway(Bitmex):
    """The feed at another address: its class has the venue's built in."""


rest, stream = os.environ["URL"], os.environ["STREAM"]
for endpoint in Gateway.websocket_endpoints:
    endpoint.address = stream
for endpoint in Gateway.rest_endpoints:
    endpoint.address = rest

channels = [TRADES, L2_BOOK, TICKER, FUNDING, OPEN_INTEREST]
handler = FeedHandler(config={"log": {"filename": os.devnull, "level": "WARNING"}})
handler.add_feed(
    Gateway(
        symbols=["BTC-USD-PERP"],
        channels=channels,
        callbacks={name: count(name) for name in channels},
    )
)
handler.run(start_loop=False, install_signal_handlers=False)
import asyncio

loop = asyncio.get_event_loop()
loop.call_later(float(os.environ.get("SECONDS", "10")), loop.stop)
loop.run_forever()
print(json.dumps(dict(seen)))
os._exit(0)  # its tasks would wait for messages
