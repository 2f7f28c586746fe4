"""A script that sells pages: ``python script.py``. Started again, it gives and takes nothing twice."""

from sqlalchemy import create_engine

from prepaid_ledger import InsufficientCredits, Ledger, Rates

ledger = Ledger(create_engine("sqlite:///credits.sqlite3"))
ledger.upgrade()
rates = Rates({"page": "2.5"}, version="2026-11")

ledger.grant("org:7", 10, key="welcome:7", reason="trial")
for job, pages in {"job:1": 2, "job:2": 9, "job:3": 1}.items():
    price = rates.price("page", pages)
    try:
        ledger.spend_now("org:7", price=price, key=job)
        print(f"{job}: {price.credits} credits")
    except InsufficientCredits as error:
        print(f"{job}: {error}")

print(f"{ledger.balance('org:7')} credits are left")
assert ledger.audit() == []
