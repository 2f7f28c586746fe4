"""A FastAPI app that sells reports and a stream by API key: ``fastapi dev fastapi_app.py``."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse
from sqlalchemy import create_engine

from prepaid_ledger import Ledger, Rates
from prepaid_ledger.aio import AsyncHeldCredits, AsyncLedger
from prepaid_ledger.fastapi import Costs

ledger = Ledger(create_engine("sqlite:///credits.sqlite3"))
ledger.upgrade()
ledger.grant("org:7", 10, key="welcome:7", reason="trial")
OWNERS = {"Bearer secret-of-7": "org:7"}
rates = Rates({"word": "0.5"}, version="2026-11")
app = FastAPI()


def owner(authorization: Annotated[str, Header()] = "") -> str:
    if authorization not in OWNERS:
        raise HTTPException(401, "Send your API key.")
    return OWNERS[authorization]


costs = Costs(app, AsyncLedger(ledger), owner=owner)


@app.get("/report", dependencies=[Depends(costs(3))])
async def report() -> dict[str, int]:
    return {"pages": 12}


@app.get("/words")
async def words(hold: Annotated[AsyncHeldCredits, Depends(costs(5))], count: int) -> StreamingResponse:
    async def stream() -> AsyncIterator[str]:
        for number in range(count):
            yield f"word {number} "
        await hold.capture(price=rates.price("word", count))  # the rest goes back

    return StreamingResponse(stream(), media_type="text/plain")
