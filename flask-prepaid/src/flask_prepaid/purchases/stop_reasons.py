"""Why an auto top-up stops or is not made, and why a plan stops, in words for the customer."""

from __future__ import annotations

from prepaid_ledger.tables import Kind

from ..gateway.billing.invoice_charges import OWES
from ..languages.words import marked

#: Why a top-up, or a plan, stops. Each can be read after "because".
BLOCKED = marked("this account is blocked")
CHALLENGED = marked("your bank wants you to confirm a payment")
DECLINED = marked("the card was declined")
DISPUTED = marked("a payment of yours is disputed")
IN_DEBT = marked("credits are owed after a refund or a dispute")
NO_ADDRESS = marked("your billing address is missing, by which the tax is found")
NO_CARD = marked("no card is on file")
NOT_SOLD = marked("the pack is not sold any more")
OTHER_CURRENCY = marked("your plan is paid in another currency, in which your card pays all else")
OTHER_TERMS = marked("the pack is sold on other terms now")
REFUNDED = marked("a top-up was refunded")
REFUSED = marked("our payment service refused the charge, not your bank")
UNDER_REVIEW = marked("we are looking at your last top-up")
WARNED = marked("a bank has warned of a payment of yours")

#: What Stripe refuses for a reason that its customer may know.
REFUSED_BECAUSE = {OWES: marked("a small sum of your plan is still to be paid")}

#: Why a top-up that is due is not made, while it stays on.
CEILING = marked("the packs that you allow for this month are bought")
SELLING_PAUSED = marked("buying is paused")
TOO_MANY = marked("too many payments were tried within an hour")

#: How credits went that nobody spent.
NOT_SPENT = {
    Kind.ADJUSTMENT: marked("your credits were corrected, not spent"),
    Kind.CLAWBACK: marked("your credits were taken back, not spent"),
    Kind.EXPIRY: marked("your credits have expired unused"),
}
