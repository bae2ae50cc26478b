"""The venue's own Python client (package bitmex, with bravado) in a session: market data, orders, positions, wallet.

It begins with the description of the API that the server publishes, or with the file DOCUMENT. Prints one line of
JSON with what it saw; any error ends it with a trace.
"""

import datetime
import json
import os

import requests

requests.Session.trust_env = False

from bravado.client import SwaggerClient
from bravado.exception import HTTPBadRequest
from bravado.requests_client import RequestsClient

from BitMEXAPIKeyAuthenticator import APIKeyAuthenticator

host = os.environ["URL"]
# The settings of the package's own function, which has the venue's address built in.
config = {"use_models": False, "validate_responses": False, "also_return_response": True}
http = RequestsClient()
http.authenticator = APIKeyAuthenticator(host, os.environ["KEY"], os.environ["SECRET"])
if "DOCUMENT" in os.environ:
    with open(os.environ["DOCUMENT"], encoding="utf-8") as f:
        document = json.load(f)
    document["host"], document["schemes"] = host.split("://")[1], ["http"]
    client = SwaggerClient.from_spec(document, http_client=http, config=config)
else:
    client = SwaggerClient.from_url(host + "/api/explorer/swagger.json", http_client=http, config=config)


def ask(call):
    answer, response = call.result(timeout=20)
    assert response.status_code == 200, response
    return answer


instrument = ask(client.Instrument.Instrument_get(symbol="XBTUSD"))[0]
bid = instrument["bidPrice"]
assert bid > 0 and instrument["tickSize"] > 0, instrument
book = ask(client.OrderBook.OrderBook_getL2(symbol="XBTUSD", depth=5))
assert {row["side"] for row in book} == {"Buy", "Sell"}, book
bins = ask(client.Trade.Trade_getBucketed(symbol="XBTUSD", binSize="1m", count=5, reverse=True))
assert len(bins) == 5, bins
hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
assert ask(client.Trade.Trade_get(symbol="XBTUSD", count=3, startTime=hour_ago))

order = ask(client.Order.Order_new(symbol="XBTUSD", orderQty=100, price=round(bid * 0.9), clOrdID="official-1"))
assert order["ordStatus"] == "New" and order["orderQty"] == 100, order
order = ask(client.Order.Order_amend(origClOrdID="official-1", clOrdID="official-2", orderQty=200))
assert order["orderQty"] == 200, order
open_orders = ask(client.Order.Order_getOrders(symbol="XBTUSD", filter=json.dumps({"open": True})))
assert [o["clOrdID"] for o in open_orders] == ["official-2"], open_orders
cancelled = ask(client.Order.Order_cancel(clOrdID=json.dumps(["official-2"])))
assert cancelled[0]["ordStatus"] == "Canceled", cancelled

ask(client.Position.Position_updateLeverage(symbol="XBTUSD", leverage=5.0))
filled = ask(client.Order.Order_new(symbol="XBTUSD", orderQty=300, ordType="Market"))
assert filled["ordStatus"] == "Filled", filled
position = ask(client.Position.Position_get(filter=json.dumps({"symbol": "XBTUSD"})))[0]
assert position["currentQty"] == 300 and position["leverage"] == 5, position
closed = ask(client.Order.Order_new(symbol="XBTUSD", ordType="Market", execInst="Close"))
assert closed["ordStatus"] == "Filled", closed
history = ask(client.User.User_getWalletHistory(currency="XBt", count=2.0))
assert len(history) == 2, history
margin = ask(client.User.User_getMargin(currency="XBt"))
assert margin["walletBalance"] > 0, margin
assert ask(client.Execution.Execution_getTradeHistory(symbol="XBTUSD", count=10))
ask(client.Order.Order_cancelAllAfter(timeout=60000.0))
ask(client.Order.Order_cancelAll(symbol="XBTUSD"))
try:
    ask(client.Order.Order_new(symbol="XBTUSD", orderQty=5_000_000, price=round(bid * 0.9)))
    raise AssertionError("an order beyond the balance was taken")
except HTTPBadRequest as e:
    text = e.response.json()["error"]["message"]
    assert text.startswith("Account has insufficient Available Balance, "), text
print(json.dumps({"fills": 2, "wallet": margin["walletBalance"]}))
