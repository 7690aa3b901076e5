"""What schemathesis is told about this API, and one check more: nothing is answered to a stranger.

With STRONGROOM_STRANGER the requests have no token, and every operation that the description protects has to refuse.
"""

import os

import schemathesis

STRANGER = "STRONGROOM_STRANGER" in os.environ


@schemathesis.check
def refused_to_a_stranger(ctx, response, case):
    if not STRANGER or not case.operation.definition.raw.get("security"):
        return
    kind = response.headers.get("content-type", [""])[0]
    if kind.startswith("application/json"):
        body = response.json()
        assert "error" in body or body.get("status") == "error", f"answered to a stranger: {body}"
    elif kind.startswith("text/html"):
        page = response.text
        refused = any(f"<title>{title}" in page for title in ("Sign in", "Error"))
        assert refused, f"a page for a stranger: {page[:300]}"
    else:
        raise AssertionError(f"a file for a stranger: {kind}")
