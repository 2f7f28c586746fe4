"""A job of RQ that costs credits: ``rq worker`` beside ``python rq_jobs.py``. Run again, it is paid once."""

from redis import Redis
from rq import Queue, Retry, get_current_job
from sqlalchemy import create_engine

from prepaid_ledger import Ledger

ledger = Ledger(create_engine("sqlite:///credits.sqlite3"))
ledger.upgrade()
ledger.grant("org:7", 10, key="welcome:7", reason="trial")


def report(owner: str, pages: int) -> str:
    """Hold a credit for each page, and take them once the work is done; a job that fails gives them back."""
    job = get_current_job()
    with ledger.hold(owner, pages, key=f"job:{job.id if job else 'by-hand'}", item="report") as hold:
        written = " ".join(f"page {number}" for number in range(pages))
        hold.capture()
    return written


if __name__ == "__main__":
    Queue(connection=Redis()).enqueue(report, "org:7", 3, retry=Retry(max=2))
