"""What a browser is told: cookies and headers."""

from __future__ import annotations

from bench.attacks import Target, attack, expect


@attack("D1", "the product in another site's frame")
def framed(target: Target) -> str:
    headers = target.client().get("/").headers
    expect(headers.get("X-Frame-Options") == "DENY", "a page may be framed")
    expect("frame-ancestors 'none'" in headers.get("Content-Security-Policy", ""), "the CSP allows frames")
    return "X-Frame-Options: DENY and frame-ancestors 'none'"


@attack("M10", "a request in the name of a host that is not ours")
def foreign_host(target: Target) -> str:
    for host in ("evil.example", "127.0.0.1.evil.example"):
        answer = target.client(Host=host).get("/accounts/login/")
        expect(answer.status_code == 400, f"{host} is answered with {answer.status_code}")
    return "400: only the host of ORIGIN and those of ALLOWED_HOSTS are answered"
