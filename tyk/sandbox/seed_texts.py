"""The words of Northwind's catalogue: short and long descriptions by entry.

Some are Markdown and some HTML, as people type them into Tyk's own editor.
"""

TEXTS = {
    "Orders Sandbox": (
        "Made-up orders, safe to break. Same calls as the real thing.",
        """Build against **invented shops and parcels** before a customer depends on
it. Every call of the Orders API works here, and nothing is ever delivered.

- Orders move by themselves: *open*, *packed* after a minute, *shipped* after two
- `SKU` names ending in `-OUT` are never in stock, for trying out the sad path
- All data is thrown away every Sunday at 03:00 UTC

When it works, ask for **Orders Standard**: only the key changes.
""",
    ),
    "Orders Standard": (
        "Create, change and follow orders from cart to doorstep.",
        """Live orders for **one shop**. From the moment a cart is paid to the scan on
the doorstep, an order has one id and one place to ask about it.

### What you can do

1. Create an order and change it until it is packed
2. Follow its events, or read them all at once
3. Announce returns and fetch invoices as PDF

### Good to know

- Amounts are integers in the currency's smallest unit
- Repeating a call with the same `Idempotency-Key` gives the same order
- Lists are paged with a cursor; a page has 50 rows unless you say otherwise

We look at each request by hand, since live orders move real parcels.
""",
    ),
    "Orders Partner": (
        "Orders at scale, for marketplaces and fulfilment.",
        """The Orders API for those who place orders **for many shops**. Everything
in Orders Standard, with 1,200 calls a minute and half a million a day.

Partners also get:

| | |
|---|---|
| Contact | a named person, reachable by phone |
| Notice | breaking changes announced 180 days ahead |
| Status | a page of your own, with history |

Tell us which shops you work for. The first answer takes about three working days.
""",
    ),
    "Payments": (
        "Authorise, capture and refund. Test cards included.",
        """<p>Take money for an order without touching a card number: the card form
gives you a token, and the token is all this API ever sees.</p>
<ul>
<li>Authorise now, capture when the parcel leaves, within seven days</li>
<li>Capture less than you authorised; the rest goes back by itself</li>
<li>Refund in parts, as often as needed</li>
</ul>
<p>Calls use <strong>a user name and a password</strong> (HTTP basic authentication),
because most bookkeeping tools speak nothing else. Test card <code>4242 4242 4242
4242</code> succeeds, <code>4000 0000 0000 0002</code> is declined.</p>
""",
    ),
    "Shipping": (
        "Rates, labels and parcel tracking for 14 carriers.",
        """Ask once, compare **14 carriers**, print a label, and know where the parcel
is. Rates are the ones Northwind pays, so they are often lower than yours.

- `POST /rates` compares what a shipment would cost, cheapest first
- `POST /labels` buys a label as PDF or ZPL
- `GET /tracking/{number}` reads the scans of any parcel, ours or not

Labels can be voided until the carrier has scanned them.
""",
    ),
    "Geocoding": (
        "Addresses to coordinates and back, in 31 countries.",
        """Turn what people type into a point on the map, and a point into an address
a parcel can be sent to.

- One address at a time, or **10,000 in a batch**
- Suggestions while somebody types
- Says how sure it is: house, street, postcode or city

Open data under the hood, refreshed on the first Monday of the month. You get a key
straight away.
""",
    ),
    "Weather": (
        "Hourly forecasts and warnings for any point on land.",
        """Will the courier get wet? Forecasts **by the hour for ten days**, readings
from 4,100 stations, and the warnings that stop deliveries.

Updated every hour at about a quarter past. Cache it: the answer does not change in
between. You get a key straight away.
""",
    ),
    "Connect": (
        "Act for a merchant who agreed to it, with OAuth 2.0.",
        """<p>Your app reads a merchant's profile and products <em>after the merchant
has said yes</em>. Merchants can end that at any time, and so can you.</p>
<h3>Before you ask</h3>
<ol>
<li>Have the redirect addresses of your app ready; they must be <code>https</code></li>
<li>Decide which scopes you need: <code>profile</code>, <code>catalogue</code></li>
</ol>
<p>You get a client id and a secret. Tokens last an hour and can be refreshed for
90 days.</p>
""",
    ),
    "Service status": (
        "Which of our services are well. No key needed.",
        """One call tells you whether the trouble is yours or ours. The same data that
feeds the status page, **open to everybody**.

Cache answers for a minute.
""",
    ),
    "Partner ledger": (
        "Statements and payouts of marketplace partners.",
        """Bookings, balance and payouts, for partners with a contract. By invitation:
your contact at Northwind sets it up with you.
""",
    ),
}
