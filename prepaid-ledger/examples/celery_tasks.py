"""A Celery task that costs credits: ``celery -A celery_tasks worker``. Delivered twice, it is paid once."""

from celery import Celery, Task
from sqlalchemy import create_engine

from prepaid_ledger import Ledger

ledger = Ledger(create_engine("sqlite:///credits.sqlite3"))
ledger.upgrade()
ledger.grant("org:7", 10, key="welcome:7", reason="trial")

app = Celery("reports", broker="memory://", backend="cache+memory://")  # yours: redis://localhost
app.conf.task_acks_late = True  # a task whose worker died is delivered again


@app.task(bind=True)
def report(task: Task, owner: str, pages: int) -> str:
    """Hold a credit for each page, and take them once the work is done; a task that fails gives them back."""
    with ledger.hold(owner, pages, key=f"task:{task.request.id}", item="report") as hold:
        written = " ".join(f"page {number}" for number in range(pages))
        hold.capture()
    return written


if __name__ == "__main__":
    report.delay("org:7", 3)
