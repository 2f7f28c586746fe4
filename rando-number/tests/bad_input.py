"""Texts that nobody should send."""

BAD_INPUT = [
    "\x00",
    "9" * 10_000,
    "-1",
    "NaN",
    "1e400",
    "\r\nSet-Cookie: a=b",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "' OR 1=1 --",
    "../../../etc/passwd",
    "{{7*7}}",
    "٣",
]
