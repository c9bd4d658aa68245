"""Logging in and out."""

from aiohttp import web

from hybridsphere.page import audit
from hybridsphere.page.answer import page
from hybridsphere.page.render import View
from hybridsphere.page.security import VISITOR
from hybridsphere.page.site import SITE


async def show_login(request: web.Request) -> web.Response:
    if not request.app[SITE].gate.login:
        raise web.HTTPSeeOther("/")
    return page(request, _form())


async def log_in(request: web.Request) -> web.Response:
    site, form = request.app[SITE], await request.post()
    name = str(form.get("name", ""))
    user = await site.gate.enter(request, name, str(form.get("password", "")))
    if user is None:
        await audit.note(site, "login.refused", name[:64], {"peer": request.remote or ""})
        return page(request, _form("That name and that password do not go together.", name), 401)
    await audit.note(site, "login", user.name, {"peer": request.remote or ""})
    answer = web.HTTPSeeOther("/")
    site.gate.set_cookie(request, answer, site.gate.sessions.begin(user))
    raise answer


async def log_out(request: web.Request) -> web.Response:
    gate = request.app[SITE].gate
    gate.sessions.end(request[VISITOR].session)
    answer = web.HTTPSeeOther("/login")
    answer.del_cookie(gate.cookie)
    raise answer


def _form(fault: str = "", name: str = "") -> View:
    return View("login", "Log in", "login.html", {"fault": fault, "name": name[:64]})


def add_login(app: web.Application) -> None:
    app.router.add_get("/login", show_login)
    app.router.add_post("/login", log_in)
    app.router.add_post("/logout", log_out)
