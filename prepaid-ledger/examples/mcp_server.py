"""An MCP server whose tool costs credits: ``python mcp_server.py``. The model is told when they run out."""

import secrets

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from sqlalchemy import create_engine

from prepaid_ledger import Ledger, PrepaidError, Rates
from prepaid_ledger.aio import AsyncLedger

ledger = Ledger(create_engine("sqlite:///credits.sqlite3"))
ledger.upgrade()
ledger.grant("org:7", 10, key="welcome:7", reason="trial")
awaited = AsyncLedger(ledger)
rates = Rates({"summary": "0.5"}, version="2026-11")
server = MCPServer("reports")
OWNER = "org:7"  # yours: whose token the request has


@server.tool()
async def summary(text: str) -> str:
    """Sum up a text. Costs half a credit a word of it."""
    price = rates.price("summary", len(text.split()))
    key = f"summary:{secrets.token_urlsafe(16)}"
    try:
        async with await awaited.hold(OWNER, price=price, key=key) as hold:
            words = text.split()[:3]
            await hold.capture()
    except PrepaidError as error:
        raise ToolError(f"{error}. Buy more at https://shop.example/buy.") from error
    return " ".join(words)


if __name__ == "__main__":
    server.run()
