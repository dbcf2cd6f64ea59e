"""What a browser is told: cookies and headers."""

from __future__ import annotations

from bench.attacks import Target, attack, expect


@attack("D1", "the product in another site's frame")
def framed(target: Target) -> str:
    headers = target.client().get("/").headers
    expect(headers.get("X-Frame-Options") == "DENY", "a page may be framed")
    expect("frame-ancestors 'none'" in headers.get("Content-Security-Policy", ""), "the CSP allows frames")
    return "X-Frame-Options: DENY and frame-ancestors 'none'"
