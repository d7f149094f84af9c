"""A browser tab with the client library in it, driven from a test: what its handlers got is kept in `window.log`."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext, Page, WebSocketRoute

from engine import bearer
from engine.models import ApiToken
from tests.live import LiveSite

FAST = {"firstRetryMs": 20, "maxRetryMs": 200, "readyMs": 20, "floodMs": 100}
BOOT = """async ({options, tokens}) => {
  const {connect} = await import("/static/flowx/client.js");
  window.log = {frames: [], actions: [], errors: [], connection: []};
  window.asked = [];
  if (tokens) options.auth = ({refused}) => tokens[asked.push(refused) - 1];
  window.flowx = connect(options);
  window.told = (run) => {
    for (const kind of ["onData", "onProgress", "onState"]) run[kind]((frame) => log.frames.push(frame));
    run.onAction((frame, newRun) => {
      log.frames.push(frame);
      log.actions.push(newRun?.uuid ?? null);
      if (newRun) told(newRun);
    });
    run.onError((error) => log.errors.push({status: error.status, message: error.message}));
    run.onConnection((connection) => log.connection.push(connection));
    return run;
  };
}"""


class Tab:
    """One page of the live site. Without `tokens` it uses the session cookie of `user`."""

    def __init__(self, page: Page, site: LiveSite, **options: Any) -> None:
        self.page = page
        self._site = site
        self._options = {"timing": FAST, **options}
        self._tokens = self._options.pop("tokens", None)
        self.sockets: list[WebSocketRoute] = []
        self._dropping: list[int] = []
        self.load()

    def load(self) -> None:
        """Open the page, or open it again as a reload does."""
        self.page.goto(f"{self._site.url}/healthz")
        self.page.evaluate(BOOT, {"options": self._options, "tokens": self._tokens})

    def follow(self, uuid: object) -> None:
        self.page.evaluate("(uuid) => { window.run = told(flowx.follow(uuid)); }", str(uuid))

    def start(self, name: str, values: dict[str, Any] | None = None) -> str:
        """Start a process and follow it; gives the instance's uuid."""
        script = "async ([name, values]) => { window.run = told(await flowx.start(name, values)); return run.uuid; }"
        return str(self.page.evaluate(script, [name, values or {}]))

    def log(self, kind: str) -> list[Any]:
        return list(self.page.evaluate("(kind) => log[kind]", kind))

    def frames(self, uuid: object) -> list[int]:
        """The numbers of the frames of one instance that the handlers got, in the order they got them."""
        return [frame["seq"] for frame in self.log("frames") if frame["processInstanceUuid"] == str(uuid)]

    def wait_for(self, condition: str, argument: Any = None) -> None:
        """Until the JavaScript condition over `log` holds."""
        self.page.wait_for_function(f"(argument) => {condition}", arg=argument)

    def wait_for_frame(self, uuid: object, seq: int) -> None:
        condition = "log.frames.some((frame) => frame.processInstanceUuid === argument[0] && frame.seq >= argument[1])"
        self.wait_for(condition, [str(uuid), seq])

    def wait_until_open(self, times: int = 1) -> None:
        """Until the server's `ready` came so many times since the page was loaded."""
        self.wait_for("log.connection.filter(({state}) => state === 'open').length >= argument", times)

    # -- faults on the way -----------------------------------------------------------------------------------------

    def intercept_sockets(self) -> None:
        """Sockets opened after the next `load` go through the test."""

        def pass_on(route: WebSocketRoute) -> None:
            server = route.connect_to_server()
            server.on_message(lambda text: self._deliver(route, text))
            self.sockets.append(route)

        self.page.route_web_socket("**/ws/updates/**", pass_on)

    def drop_frames(self, *seqs: int) -> None:
        """Each of these frame numbers is lost once on the way."""
        self._dropping.extend(seqs)

    def _deliver(self, route: WebSocketRoute, text: str | bytes) -> None:
        seq = json.loads(text).get("seq")
        if seq in self._dropping:
            self._dropping.remove(seq)
        else:
            route.send(text)

    def say(self, message: dict[str, Any]) -> None:
        """A text to the page as if the server had sent it."""
        self.sockets[-1].send(json.dumps(message))

    def cut(self, code: int) -> None:
        """Close the open socket as the server would."""
        self.sockets[-1].close(code=code)


def log_in(context: BrowserContext, site: LiveSite, user: User) -> None:
    """Give the browser a session of the user, with a CSRF cookie."""
    client = Client()
    client.force_login(user)
    cookies = {"sessionid": client.cookies["sessionid"].value, "csrftoken": "a" * 32}
    context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in cookies.items()])


def token_of(user: User) -> str:
    return bearer.issue(user, "tab", scopes=ApiToken.SCOPES)[1]
