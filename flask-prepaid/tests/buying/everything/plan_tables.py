# ruff: noqa: E501 - the lines of a table are as long as it is wide
"""What has to happen to a plan, and to what its invoices gave: a part of ``table.py``."""

from __future__ import annotations

from .shape import Table

INVOICES = Table(
    "A month of a plan",
    "The plan gives 100 credits for $10.00 a month, and 30 unused ones roll over. The events are about the "
    "month that the column names.",
    {
        "paid": "The first month is paid by card.",
        "spent": "The first month is paid by card, and 40 are spent.",
        "balance": "The first month is used up; the customer's balance at Stripe has paid the second.",
        "part": "The first month is used up; the balance has paid $4.00 of the second, the card the rest.",
        "outside": "The first month is used up; the card failed, and the second was paid outside of Stripe.",
        "free": "A code of 100 % has paid the first month.",
        "open": "The first month is used up; the card failed for the second.",
        "renewed": "40 of the first month, which it is about, were spent; 30 have rolled over, 30 lapsed.",
    },
    {
        "refund": "All that was charged for it is refunded.",
        "credit note": "A credit note gives $4.00 of it to the customer's balance.",
        "dispute": "A bank takes its charge back.",
        "dispute, renewal": "A bank takes its charge back; then a month goes by.",
        "kept, renewal": "A bank takes its charge back, and the customer keeps the plan; then a month goes by.",
        "won": "A bank takes its charge back, and gives it again.",
        "won, renewal": "A bank takes its charge back, and gives it again; then a month goes by.",
        "renewal, won": "On the last day of a month a bank takes its charge back, and the customer keeps the plan. It gives it again within three "
        "days after the next month was paid; then a day goes by.",
        "spend": "50 credits are spent.",
        "grant": "50 credits are given.",
        "redeem": "A code of 50 credits is redeemed.",
        "buy": "100 credits are bought for $5.00.",
        "renewal": "A month goes by.",
        "coupon": "A coupon makes the next month free, and a month goes by.",
        "cancel": "The plan is canceled now.",
        "leave": "The customer is deleted at Stripe.",
    },
    """
                 | paid | spent     | balance | part | outside | free    | open    | renewed
refund           | 0    | 0 owes 40 | refused | 40   | refused | refused | -paid   | 60
credit note      | 60   | 20        | 60      | 60   | 60      | -free   | 0       | 120
dispute          | 0    | 0 owes 40 | -charge | 40   | -charge | -charge | -charge | 60
dispute, renewal | 0    | 0 owes 40 | -charge | 40   | -charge | -charge | -charge | 60
kept, renewal    | 100  | 60        | -charge | 130  | -charge | -charge | -charge | 130
won              | 100  | 60        | -charge | 100  | -charge | -charge | -charge | 130
won, renewal     | 130  | 130       | -charge | 130  | -charge | -charge | -charge | 130
renewal, won     | 200  | 160       | -charge | 190  | -charge | -charge | -charge | 130
spend            | 50   | 10        | 50      | 50   | 50      | 50      | refused | 80
grant            | 150  | 110       | 150     | 150  | 150     | 150     | 50      | 180
redeem           | 150  | 110       | 150     | 150  | 150     | 150     | 50      | 180
buy              | 200  | 160       | 200     | 200  | 200     | 200     | 100     | 230
renewal          | 130  | 130       | 130     | 130  | 100     | 130     | 0       | 130
coupon           | 130  | 130       | 130     | 130  | 130     | 130     | 0       | 130
cancel           | 100  | 60        | 100     | 100  | 100     | 100     | 0       | 130
leave            | 100  | 60        | 100     | 100  | 100     | 100     | 0       | 130
""",
)

PLANS = Table(
    "A plan",
    "It gives 100 credits for $10.00 a month, and 30 unused ones roll over. In front of the credits stands the "
    "state of the plan.",
    {
        "none": "There is no plan.",
        "trying": "A plan of 200 credits a month is tried for 14 days, with 20 credits.",
        "active": "The month is paid.",
        "ending": "The month is paid, and the plan ends with it.",
        "planned": "The month is paid, and the next one is of a plan of 50 credits.",
        "paused": "The month is paid, and the plan is paused.",
        "past due": "The first month is used up, and the card failed for the second, as one that has expired does.",
        "canceled": "The month is paid, and the plan was canceled.",
        "blocked": "The month is paid, and the host has shut the customer out.",
        "closed": "The month is paid, and the customer was deleted at Stripe.",
    },
    {
        "choose": "The plan is chosen, and paid on Stripe's page.",
        "cancel": "The plan is canceled now.",
        "end": "The plan is to end with the month.",
        "keep": "It is to go on after all.",
        "pause": "The plan is paused.",
        "pause in a block": "The host shuts the customer out until an hour before the month is over, and the plan is paused meanwhile. It goes on, and a day goes by.",
        "go on": "It goes on after a pause.",
        "good card": "It is paid with a good card.",
        "upgrade": "Half of the month, or of the trial, goes by, and the plan is changed to one of 500 credits.",
        "downgrade": "Half of it goes by, the plan is changed to one of 50 credits, and a month goes by.",
        "made smaller": "Half of it goes by, and an operator makes it one of 50 credits in Stripe's dashboard, at once.",
        "month": "A month goes by.",
        "block": "The host shuts the customer out, and a month goes by.",
        "redeem": "A code of 50 credits is redeemed.",
        "leave": "The customer is deleted at Stripe.",
    },
    """
                 | none       | trying      | active       | ending       | planned      | paused       | past due    | canceled     | blocked      | closed
choose           | active 100 | refused     | refused      | refused      | refused      | refused      | refused     | active 200   | refused      | active 200
cancel           | refused    | canceled 20 | canceled 100 | canceled 100 | canceled 100 | canceled 100 | canceled 0  | refused      | canceled 100 | refused
end              | refused    | trialing 20 | active 100   | active 100   | active 100   | refused      | refused     | refused      | active 100   | refused
keep             | refused    | trialing 20 | active 100   | active 100   | active 100   | refused      | past_due 0  | refused      | active 100   | refused
pause            | refused    | refused     | paused 100   | refused      | refused      | refused      | refused     | refused      | paused 100   | refused
pause in a block | refused    | refused     | active 130   | refused      | refused      | refused      | refused     | refused      | active 130   | refused
go on            | refused    | refused     | refused      | refused      | refused      | active 100   | refused     | refused      | refused      | refused
good card        | -plan      | trialing 20 | active 100   | active 100   | active 100   | paused 100   | active 100  | -plan        | active 100   | -plan
upgrade          | refused    | trialing 20 | active 300   | refused      | active 300   | refused      | refused     | refused      | active 300   | refused
downgrade        | refused    | active 50   | active 50    | refused      | active 50    | refused      | refused     | refused      | active 0     | refused
made smaller     | -plan      | trialing 20 | active 75    | active 75    | active 75    | paused 75    | active 0    | -plan        | active 75    | -plan
month            | none 0     | active 200  | active 130   | canceled 0   | active 50    | paused 0     | canceled 0  | canceled 0   | active 0     | canceled 0
block            | none 0     | active 0    | active 0     | canceled 0   | active 0     | paused 0     | active 0    | canceled 0   | active 0     | canceled 0
redeem           | none 50    | trialing 70 | active 150   | active 150   | active 150   | paused 150   | past_due 50 | canceled 150 | refused      | refused
leave            | none 0     | canceled 20 | canceled 100 | canceled 100 | canceled 100 | canceled 100 | canceled 0  | canceled 100 | canceled 100 | canceled 100
""",
)

MONTHS = Table(
    "A year, month by month",
    "The plan costs $120.00 a year and gives 100 credits a month, of which 30 unused ones roll over. It began on "
    "31 January.",
    {
        "first": "The first month has begun.",
        "used up": "The first month has begun, and its credits are spent.",
        "third": "Three months have begun.",
        "half back": "The first month has begun, and $60.00 are refunded.",
    },
    {
        "month": "The next month begins.",
        "late": "Two months begin before the shop ticks.",
        "refund": "All that is left is refunded.",
        "rest": "What the months cost that have not come is refunded.",
        "more than rest": "$5.00 more than that are refunded.",
        "dispute": "A bank takes its charge back.",
        "won": "A bank takes its charge back, and gives it again.",
        "upgrade": "Half of the month goes by, and the plan is changed to one of 300 credits a month. Its 50 once wait for a whole period.",
        "cancel": "The plan is canceled now, and the next month begins.",
        "pause": "The plan is paused, and the next month begins.",
        "block": "The host shuts the customer out, and the next month begins.",
        "leave": "The customer is deleted at Stripe, and the next month begins.",
    },
    """
               | first | used up    | third | half back
month          | 130   | 100        | 130   | 130
late           | 200   | 200        | 200   | 200
refund         | 0     | 0 owes 100 | 0     | 0
rest           | 100   | 0          | 130   | 100
more than rest | 50    | 0 owes 50  | 80    | 50
dispute        | 0     | 0 owes 100 | 0     | 0
won            | 100   | 0          | 130   | 100
upgrade        | 200   | 100        | 230   | 200
cancel         | 130   | 100        | 130   | 130
pause          | 130   | 100        | 130   | 130
block          | 130   | 100        | 130   | 130
leave          | 130   | 100        | 130   | 130
""",
)

CHANGED = Table(
    "A changed plan",
    "A plan of 100 credits for $10.00 a month was changed in Stripe's dashboard, after half of the month. What was left of it, $5.00, "
    "has paid for the change inside of its invoice. The events are about the first payment, unless they name another one.",
    {
        "more credits": "To one of 500 credits for $10.00: nothing was charged.",
        "spent": "To one of 500 credits for $10.00, and 250 of 300 are spent.",
        "cheaper": "To one of 400 credits for $8.00: $1.00 went to the customer's balance at Stripe.",
        "dearer": "To one of 500 credits for $20.00: $5.00 more were charged.",
        "same rate": "To one of 200 credits for $20.00: $5.00 more were charged.",
        "twice": "To one of 500 credits for $10.00, and a week later to one of 2000 for as much.",
        "smaller again": "To one of 500 credits for $10.00, and a week later to one of 50 for $6.00: $1.00 went to the balance.",
        "refunded before": "All was refunded, and then it was changed to one of 500 credits for $10.00.",
    },
    {
        "spend": "50 credits are spent.",
        "refund": "All that was charged for it is refunded.",
        "half refund": "$5.00 are refunded.",
        "refund of the change": "All that was charged for the last change is refunded.",
        "refund of all": "All that was charged for the plan and its changes is refunded.",
        "dispute": "A bank takes its charge back.",
        "won": "A bank takes its charge back, and gives it again.",
        "credit note": "A credit note gives all of it to the customer's balance.",
        "renewal": "A month goes by.",
        "cancel": "The plan is canceled now.",
        "leave": "The customer is deleted at Stripe.",
    },
    """
                     | more credits | spent       | cheaper | dearer  | same rate | twice   | smaller again | refunded before
spend                | 250          | 0           | 200     | 250     | 100       | 625     | 138           | refused
refund               | 0            | 0 owes 250  | 0       | 125     | 50        | 0       | 0             | refused
half refund          | 250          | 0           | 200     | 250     | 100       | 625     | 138           | refused
refund of the change | refused      | refused     | refused | 100     | 100       | refused | refused       | refused
refund of all        | 0            | 0 owes 250  | 0       | 0       | 0         | 0       | 0             | refused
dispute              | 0            | 0 owes 250  | 0       | 125     | 50        | 0       | 0             | 0
won                  | 300          | 50          | 250     | 300     | 150       | 675     | 188           | 0
credit note          | 0            | 0 owes 250  | 0       | 125     | 50        | 0       | 0             | 0
renewal              | 500          | 500         | 400     | 500     | 200       | 2000    | 50            | 500
cancel               | 300          | 50          | 250     | 300     | 150       | 675     | 188           | 0
leave                | 300          | 50          | 250     | 300     | 150       | 675     | 188           | 0
""",
)
