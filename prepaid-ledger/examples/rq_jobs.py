"""A job of RQ that costs credits: ``rq worker`` beside ``python rq_jobs.py``. Run again, it is paid once."""

from redis import Redis
from rq import Queue, Retry, get_current_job
from rq.job import Job
from sqlalchemy import create_engine

from prepaid_ledger import Ledger

ledger = Ledger(create_engine("sqlite:///credits.sqlite3"))
ledger.upgrade()
ledger.grant("org:7", 10, key="welcome:7", reason="trial")


def report(owner: str, pages: int) -> str:
    """Hold a credit for each page, and take them once the work is done; a job that fails gives them back.

    RQ tries it again under the same id, and so the same key: the credits are held anew.
    """
    job = get_current_job()
    with ledger.hold(owner, pages, key=f"job:{job.id if job else 'by-hand'}", item="report") as hold:
        written = " ".join(f"page {number}" for number in range(pages))
        hold.capture()
    return written


def ask_for(queue: Queue, owner: str, pages: int) -> Job:
    """Have a worker write it. It is named by a text: RQ takes no function of the program that was started."""
    return queue.enqueue("rq_jobs.report", owner, pages, retry=Retry(max=2))


if __name__ == "__main__":
    ask_for(Queue(connection=Redis()), "org:7", 3)
