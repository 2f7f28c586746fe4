"""A Starlette app that sells reports: ``granian --interface asgi starlette_app:app``."""

from sqlalchemy import create_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from prepaid_ledger import Ledger, PrepaidError
from prepaid_ledger.aio import AsyncLedger

ledger = Ledger(create_engine("sqlite:///credits.sqlite3"))
ledger.upgrade()
ledger.grant("org:7", 10, key="welcome:7", reason="trial")
awaited = AsyncLedger(ledger)


async def report(request: Request) -> JSONResponse:
    async with await awaited.hold("org:7", 4, key=f"report:{request.path_params['name']}") as hold:
        pages = 3  # the work; if it raises, all goes back
        await hold.capture(pages)
    return JSONResponse({"pages": pages, "left": await awaited.available("org:7")})


async def refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PrepaidError)
    return JSONResponse({"error": error.code, "message": str(error)}, error.http_status)


app = Starlette(routes=[Route("/report/{name}", report)], exception_handlers={PrepaidError: refused})
