"""Error answers of the Invoke API."""

from aiohttp import web


class Refusal(Exception):
    """An error answer of the Invoke API: a status, Lambda's code, and the reason."""

    def __init__(self, status: int, code: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self._body = {"Type": "User" if status < 500 else "Service", "message": message, **more}

    def response(self) -> web.Response:
        """Return the answer; 429 and 503 carry the time of the next try."""
        headers = {"x-amzn-ErrorType": self.code}
        if self.status in {429, 503}:
            headers["Retry-After"] = "1"
        return web.json_response(self._body, status=self.status, headers=headers)
