# ruff: noqa: E501 - the lines of a table are as long as it is wide
"""What has to happen when: every event that moves credits or money, in every state that it can meet.

A cell is what the customer has afterwards: credits that can be spent, and what is owed; in front of it the
state of the plan or how a charge ended, where the table is about that. ``refused`` changes nothing.
``-word`` can't happen, for the reason of that name in ``NEVER``. The tests bring each cell about, and the
page of the documentation is made of the same text: a new feature adds its rows and columns here.
"""

from __future__ import annotations

from .plan_tables import CHANGED, INVOICES, MONTHS, PLANS
from .shape import Table

LOTS = Table(
    "A pack",
    "120 credits were bought for $10.00, and last 30 days. What of a lot went without being spent covers its "
    "part of a refund, so debt is never more than what was spent.",
    {
        "whole": "Nothing of it is spent.",
        "spent": "40 are spent.",
        "used up": "All are spent.",
        "held": "40 are held for work that goes on.",
        "lapsed": "40 are spent, and 80 have lapsed.",
        "half back": "$5.00 are refunded.",
        "refunded": "All is refunded.",
        "disputed": "A bank has taken all of it back.",
        "free": "A code of 100 % paid for it.",
    },
    {
        "spend": "50 credits are spent.",
        "grant": "50 credits are given.",
        "redeem": "A code of 50 credits is redeemed.",
        "buy": "100 credits are bought for $5.00.",
        "adjust": "An operator takes 50 credits.",
        "adjust, refund": "An operator takes 20 credits, and then all that is left is refunded.",
        "refund": "All that is left is refunded.",
        "half refund": "$5.00 are refunded.",
        "failed refund": "All that is left is refunded, and the refund fails at the bank later.",
        "dispute": "A bank takes all of it back.",
        "half dispute": "A bank takes $5.00 of it back.",
        "growing": "A bank takes $5.00 of it back, and then all.",
        "shrinking": "A bank takes all of it back, and then $5.00 only.",
        "lost": "A bank takes all of it back, for good.",
        "won": "A bank takes all of it back, and gives it again.",
        "inquiry": "A bank asks, and takes nothing.",
        "won late": "A bank takes all of it back, and gives it again after 31 days.",
        "lapse": "31 days go by.",
        "new price": "The pack costs twice as much from now on, and then all that is left is refunded.",
        "leave": "The customer is deleted at Stripe.",
    },
    """
               | whole | spent     | used up    | held      | lapsed    | half back | refunded | disputed  | free
spend          | 70    | 30        | refused    | 30        | refused   | 10        | refused  | refused   | 70
grant          | 170   | 130       | 50         | 130       | 50        | 110       | 50       | 50        | 170
redeem         | 170   | 130       | 50         | 130       | 50        | 110       | 50       | 50        | 170
buy            | 220   | 180       | 100        | 180       | 100       | 160       | 100      | 100       | 220
adjust         | 70    | 30        | refused    | 30        | refused   | 10        | refused  | refused   | 70
adjust, refund | 0     | 0 owes 40 | refused    | 0 owes 40 | refused   | 0         | refused  | refused   | refused
refund         | 0     | 0 owes 40 | 0 owes 120 | 0 owes 40 | 0 owes 40 | 0         | refused  | refused   | refused
half refund    | 60    | 20        | 0 owes 60  | 20        | 0         | 0         | refused  | refused   | refused
failed refund  | 120   | 80        | 0          | 80        | -once     | -once     | -once    | -once     | refused
dispute        | 0     | 0 owes 40 | 0 owes 120 | 0 owes 40 | 0 owes 40 | 0         | 0        | -disputed | -charge
half dispute   | 60    | 20        | 0 owes 60  | 20        | 0         | 0         | 0        | -disputed | -charge
growing        | 0     | 0 owes 40 | 0 owes 120 | 0 owes 40 | 0 owes 40 | 0         | 0        | -disputed | -charge
shrinking      | 60    | 20        | 0 owes 60  | 20        | 0         | 0         | 0        | -disputed | -charge
lost           | 0     | 0 owes 40 | 0 owes 120 | 0 owes 40 | 0 owes 40 | 0         | 0        | 0         | -charge
won            | 120   | 80        | 0          | 80        | 0         | 60        | 0        | 120       | -charge
inquiry        | 120   | 80        | 0          | 80        | 0         | 60        | 0        | -disputed | -charge
won late       | 120   | 80        | 0          | 120       | 0         | 60        | 0        | 120       | -charge
lapse          | 0     | 0         | 0          | 0         | 0         | 0         | 0        | 0         | 0
new price      | 0     | 0 owes 40 | 0 owes 120 | 0 owes 40 | 0 owes 40 | 0         | refused  | refused   | refused
leave          | 120   | 80        | 0          | 80        | 0         | 60        | 0        | 0         | 120
""",
)

TOPUPS = Table(
    "Auto top-up",
    "The customer has bought 100 credits, and 100 more are to be bought for $5.00 when fewer than 20 are left. "
    "After the credits stands what has become of the setting.",
    {
        "on": "A good card is on file.",
        "declines": "The card on file is declined, as one that has expired is.",
        "asks": "The bank asks its customer each time.",
        "no card": "The card is not on file any more.",
        "blocked": "A good card is on file, and the host has shut the customer out.",
        "closed": "A good card was on file, and the customer was deleted at Stripe.",
    },
    {
        "spend": "90 credits are spent.",
        "overrun": "Work costs 130 credits, and what is not there is owed.",
        "refund": "The 100 credits are refunded.",
        "dispute": "A bank takes back what the 100 credits cost.",
        "adjust": "An operator takes 90 credits.",
        "take all": "An operator takes all 100 credits.",
        "grant": "50 credits are given.",
        "redeem": "A code of 50 credits is redeemed.",
        "leave": "The customer is deleted at Stripe.",
    },
    """
         | on        | declines     | asks              | no card           | blocked           | closed
spend    | 110 on    | 10 on        | 10 stopped        | 10 stopped        | 10 stopped        | 10 off
overrun  | 70 on     | 0 owes 30 on | 0 owes 30 stopped | 0 owes 30 stopped | 0 owes 30 stopped | 0 owes 30 off
refund   | 0 stopped | 0 stopped    | 0 stopped         | 0 stopped         | 0 stopped         | 0 off
dispute  | 0 stopped | 0 stopped    | 0 stopped         | 0 stopped         | 0 stopped         | 0 off
adjust   | 10 on     | 10 on        | 10 on             | 10 stopped        | 10 stopped        | 10 off
take all | 0 stopped | 0 stopped    | 0 stopped         | 0 stopped         | 0 stopped         | 0 off
grant    | 150 on    | 150 on       | 150 on            | 150 on            | 150 on            | 150 off
redeem   | 150 on    | 150 on       | 150 on            | 150 on            | refused           | refused
leave    | 100 off   | 100 off      | 100 off           | 100 off           | 100 off           | 100 off
""",
)

BILLED = Table(
    "A pack with an invoice",
    "120 credits were bought for $10.00 by an invoice, to which a tax of 10 % was added. What goes back takes its "
    "part of the credits, tax and all.",
    {
        "checkout": "A consumer has paid $11.00 on Checkout.",
        "card on file": "A consumer has paid $11.00 with a card on file.",
        "reverse charge": "A company with a VAT id has paid $10.00 with a card on file.",
    },
    {
        "spend": "50 credits are spent.",
        "refund": "All that is left is refunded.",
        "half refund": "$5.00 are refunded.",
        "failed refund": "All that is left is refunded, and the refund fails at the bank later.",
        "dispute": "A bank takes all of it back.",
        "won": "A bank takes all of it back, and gives it again.",
        "credit note": "Half of the invoice is credited to the customer's balance at Stripe.",
    },
    """
              | checkout | card on file | reverse charge
spend         | 70       | 70   | 70
refund        | 0        | 0    | 0
half refund   | 65       | 65   | 60
failed refund | 120      | 120  | 120
dispute       | 0        | 0    | 0
won           | 120      | 120  | 120
credit note   | 60       | 60   | 60
""",
)

BALANCE = Table(
    "Money in the customer's balance at Stripe",
    "A plan of 100 credits for $10.00, or a pack of 120 for $10.00, was paid by card with an invoice. Some of its "
    "money, with its credits, went to the balance, which has paid for a pack of 100 credits for $5.00. The events "
    "are about the charge that had brought the money: what goes back twice has bought nothing.",
    {
        "smaller plan": "After half of the month the plan was made one of 50 credits for $6.00: $2.00 went to the balance.",
        "credited month": "A credit note gave $5.00 of the month to the balance.",
        "credited pack": "A credit note gave $5.00 of the pack to the balance.",
        "moved on": "A credit note gave all of the month to the balance, which has paid for the next month. That was made smaller: $2.00 of it went to the balance again.",
        "bought before": "The pack was paid for by $5.00 that were a gift. Then a credit note gave $5.00 of the month to the balance.",
        "outside": "A credit note gave $5.00 of the month back outside of Stripe. The pack was paid for by $5.00 that were a gift.",
    },
    {
        "spend": "50 credits are spent.",
        "refund": "All that was charged for it is refunded.",
        "half refund": "$5.00 are refunded.",
        "dispute": "A bank takes its charge back.",
        "won": "A bank takes its charge back, and gives it again.",
    },
    """
            | smaller plan | credited month | credited pack | moved on | bought before | outside
spend       | 125          | 100            | 110 | 125 | 100 | 100
refund      | 60           | 0              | 0   | 60  | 100 | 100
half refund | 125          | 100            | 100 | 125 | 100 | 100
dispute     | 60           | 0              | 0   | 60  | 100 | 100
won         | 175          | 150            | 160 | 175 | 150 | 150
""",
)

CODES = Table(
    "A code",
    "The customer has bought 100 credits for $5.00, and a code gives 50 more for 30 days, once to each. What a code "
    "gave was not paid for: no refund takes it back.",
    {
        "new": "Nobody has redeemed it.",
        "redeemed": "The customer has redeemed it.",
        "twice": "It gives twice to each, and the customer has redeemed it once.",
        "used up": "It gives once in all, and another customer has redeemed it.",
        "off": "It is switched off.",
        "over": "Its time is over.",
        "referral": "It is a friend's, who gets 20 for it.",
        "referred": "It is a friend's, who got 20 for it when the customer redeemed it.",
        "guessed": "The customer has guessed at codes as often as an hour allows.",
        "blocked": "The host has shut the customer out.",
        "closed": "The customer was deleted at Stripe.",
    },
    {
        "redeem": "It is redeemed.",
        "hour": "An hour goes by, and it is redeemed.",
        "another": "Another code, of 7 credits, is redeemed.",
        "switch on": "An operator switches it on, and it is redeemed.",
        "switch off": "An operator switches it off.",
        "spend": "50 credits are spent.",
        "grant": "50 credits are given.",
        "buy": "100 credits are bought for $5.00.",
        "refund": "The $5.00 are refunded.",
        "dispute": "A bank takes the $5.00 back.",
        "lapse": "31 days go by.",
        "leave": "The customer is deleted at Stripe.",
    },
    """
           | new | redeemed | twice | used up | off     | over    | referral       | referred       | guessed | blocked | closed
redeem     | 150 | refused  | 200   | refused | refused | refused | 150, friend 20 | refused        | refused | refused | refused
hour       | 150 | refused  | 200   | refused | refused | refused | 150, friend 20 | refused        | 150     | refused | refused
another    | 107 | 157      | 157   | 107     | 107     | 107     | 107            | 157, friend 20 | refused | refused | refused
switch on  | 150 | refused  | 200   | refused | 150     | refused | 150, friend 20 | refused        | refused | refused | refused
switch off | 100 | 150      | 150   | 100     | 100     | 100     | 100            | 150, friend 20 | 100     | 100     | 100
spend      | 50  | 100      | 100   | 50      | 50      | 50      | 50             | 100, friend 20 | 50      | 50      | 50
grant      | 150 | 200      | 200   | 150     | 150     | 150     | 150            | 200, friend 20 | 150     | 150     | 150
buy        | 200 | 250      | 250   | 200     | 200     | 200     | 200            | 250, friend 20 | 200     | 200     | 200
refund     | 0   | 50       | 50    | 0       | 0       | 0       | 0              | 50, friend 20  | 0       | 0       | 0
dispute    | 0   | 50       | 50    | 0       | 0       | 0       | 0              | 50, friend 20  | 0       | 0       | 0
lapse      | 100 | 100      | 100   | 100     | 100     | 100     | 100            | 100            | 100     | 100     | 100
leave      | 100 | 150      | 150   | 100     | 100     | 100     | 100            | 150, friend 20 | 100     | 100     | 100
""",
)

CURRENCIES = Table(
    "Prices in two currencies",
    "A pack of 120 credits costs $10.00 or €9.00, and so does a plan of 100 credits a month. After the credits stands "
    "what is left of the money, by the report of sales.",
    {
        "euros": "The pack was bought for €9.00.",
        "dollars": "The pack was bought for $10.00.",
        "both": "The pack was bought for $10.00, and then for €9.00.",
        "saved card": "The pack was bought for €9.00 with a card on file.",
        "plan": "The first month of the plan was paid in euros.",
    },
    {
        "spend": "50 credits are spent.",
        "refund": "All of the last payment is refunded.",
        "half refund": "4.50 of its currency are refunded.",
        "dispute": "A bank takes the last payment back.",
        "won": "A bank takes it back, and gives it again.",
        "buy in euros": "The pack is bought for €9.00.",
        "buy in dollars": "The pack is bought for $10.00.",
        "new price": "The pack costs €18.00 from now on, and all of the last payment is refunded.",
        "renewal": "A month goes by.",
        "larger": "The plan is changed to one of 500 credits for $40.00 or €36.00.",
        "other currency": "The plan is changed to one of 500 credits that is sold in dollars only.",
        "leave": "The customer is deleted at Stripe.",
    },
    """
               | euros            | dollars          | both              | saved card       | plan
spend          | 70 €9.00         | 70 $10.00        | 190 €9.00 $10.00  | 70 €9.00         | 50 €9.00
refund         | 0 €0.00          | 0 $0.00          | 120 €0.00 $10.00  | 0 €0.00          | 0 €0.00
half refund    | 60 €4.50         | 66 $5.50         | 180 €4.50 $10.00  | 60 €4.50         | 50 €4.50
dispute        | 0 €0.00          | 0 $0.00          | 120 €0.00 $10.00  | 0 €0.00          | 0 €0.00
won            | 120 €9.00        | 120 $10.00       | 240 €9.00 $10.00  | 120 €9.00        | 100 €9.00
buy in euros   | 240 €18.00       | 240 €9.00 $10.00 | 360 €18.00 $10.00 | 240 €18.00       | 220 €18.00
buy in dollars | 240 €9.00 $10.00 | 240 $20.00       | 360 €9.00 $20.00  | 240 €9.00 $10.00 | refused
new price      | 0 €0.00          | 0 $0.00          | 120 €0.00 $10.00  | 0 €0.00          | 0 €0.00
renewal        | 120 €9.00        | 120 $10.00       | 240 €9.00 $10.00  | 120 €9.00        | 100 €18.00
larger         | refused          | refused          | refused           | refused          | 500 €36.00
other currency | refused          | refused          | refused           | refused          | refused
leave          | 120 €9.00        | 120 $10.00       | 240 €9.00 $10.00  | 120 €9.00        | 100 €9.00
""",
)

TOLD = Table(
    "Who is told of it",
    "The customer has bought 100 credits, and wants to be told when fewer than 50 are left, by mail and by a webhook. "
    "A cell is what is sent: the mails by their templates, the webhooks by their types, and how many messages wait.",
    {
        "listening": "Mails and webhooks arrive.",
        "low": "60 were spent, and the customer was told.",
        "failing": "The customer's program answers 500.",
        "gone": "The customer's program answers 410: it is gone.",
        "off": "The customer has switched the webhooks off.",
        "no address": "The host knows no address of the customer's.",
        "mailbox full": "The host's mailer fails.",
        "closed": "The customer was deleted at Stripe.",
    },
    {
        "spend some": "5 credits are spent.",
        "spend most": "90 credits are spent, or 30 where 60 were.",
        "recover": "So many are spent, 100 are bought for $5.00, and 80 are spent.",
        "grant": "50 credits are given.",
        "redeem": "A code of 50 credits is redeemed.",
        "buy": "100 credits are bought for $5.00.",
        "plan": "A plan of 100 credits for $10.00 a month is chosen, and paid.",
        "adjust": "An operator takes 10 credits.",
        "refund": "The $5.00 are refunded.",
        "dispute": "A bank takes the $5.00 back.",
        "leave": "The customer is deleted at Stripe.",
    },
    """
           | listening                                                                  | low                                              | failing                                   | gone                                                | off                               | no address                              | mailbox full                                    | closed
spend some | nothing                                                                    | nothing                                          | nothing                                   | nothing                                             | nothing                           | nothing                                 | 1 wait                                          | nothing
spend most | balance_low, balance.low                                                   | nothing                                          | balance_low, 1 wait                       | balance_low, endpoint_stopped                       | balance_low                       | balance.low                             | balance.low, 2 wait                             | nothing
recover    | balance_low, receipt, balance_low, balance.low, credits.added, balance.low | receipt, balance_low, credits.added, balance.low | balance_low, receipt, balance_low, 3 wait | balance_low, endpoint_stopped, receipt, balance_low | balance_low, receipt, balance_low | balance.low, credits.added, balance.low | balance.low, credits.added, balance.low, 4 wait | receipt
grant      | nothing                                                                    | nothing                                          | nothing                                   | nothing                                             | nothing                           | nothing                                 | 1 wait                                          | nothing
redeem     | code.redeemed                                                              | code.redeemed                                    | 1 wait                                    | endpoint_stopped                                    | nothing                           | code.redeemed                           | code.redeemed, 1 wait                           | refused
buy        | receipt, credits.added                                                     | receipt, credits.added                           | receipt, 1 wait                           | receipt, endpoint_stopped                           | receipt                           | credits.added                           | credits.added, 2 wait                           | receipt
plan       | receipt, plan.changed, credits.added                                       | receipt, plan.changed, credits.added             | receipt, 2 wait                           | receipt, endpoint_stopped                           | receipt                           | plan.changed, credits.added             | plan.changed, credits.added, 2 wait             | receipt
adjust     | nothing                                                                    | nothing                                          | nothing                                   | nothing                                             | nothing                           | nothing                                 | 1 wait                                          | nothing
refund     | refund_sent, balance_low, credits.clawed_back, balance.low                 | refund_sent, credits.clawed_back                 | refund_sent, balance_low, 2 wait          | refund_sent, balance_low, endpoint_stopped          | refund_sent, balance_low          | credits.clawed_back, balance.low        | credits.clawed_back, balance.low, 3 wait        | refund_sent
dispute    | balance_low, credits.clawed_back, balance.low                              | credits.clawed_back                              | balance_low, 2 wait                       | balance_low, endpoint_stopped                       | balance_low                       | credits.clawed_back, balance.low        | credits.clawed_back, balance.low, 2 wait        | nothing
leave      | nothing                                                                    | nothing                                          | nothing                                   | nothing                                             | nothing                           | nothing                                 | nothing                                         | nothing
""",
)

TABLES = (LOTS, INVOICES, PLANS, MONTHS, CHANGED, TOPUPS, BILLED, BALANCE, CODES, CURRENCIES, TOLD)
