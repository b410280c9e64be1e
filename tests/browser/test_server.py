"""The Jupyter server with our extension, and, for comparison, without."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import websocket

from eci_annotate.viewer.session.kernel_transport import LASTING_S
from tests.browser.lab import Lab, serving

HANDLER = """
import time
from comm import get_comm_manager
def opened(comm, message):
    comm.on_msg(lambda m: (time.sleep(m["content"]["data"]["takes"]), comm.send({"done": True})))
get_comm_manager().register_target("slow", opened)
"""


class Kernel:
    """A kernel of a server, spoken to as a page does."""

    def __init__(self, lab: Lab) -> None:
        ask = urllib.request.Request(f"{lab.base}/api/kernels?token={lab.token}", data=b"{}", method="POST")
        name = json.loads(urllib.request.urlopen(ask).read())["id"]
        address = f"{lab.base.replace('http', 'ws')}/api/kernels/{name}/channels?token={lab.token}"
        self.socket = websocket.create_connection(address, timeout=60)
        self.session = uuid.uuid4().hex

    def ask(self, kind: str, **content: Any) -> list[dict[str, Any]]:
        """Send one message on the shell channel; what the kernel publishes for it, up to `idle`."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self.session,
            "username": "",
            "version": "5.3",
        }
        body = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.socket.send(json.dumps(body))
        heard: list[dict[str, Any]] = []
        while not heard or heard[-1]["content"].get("execution_state") != "idle":
            message = json.loads(self.socket.recv())
            if message["channel"] == "iopub" and message["parent_header"].get("msg_id") == header["msg_id"]:
                heard.append(message)
        return heard

    def handled(self, takes: float) -> list[str]:
        """What is told while a widget's message takes so long, s."""
        heard = self.ask("comm_msg", comm_id="one", data={"takes": takes})
        return [message["content"].get("execution_state", message["msg_type"]) for message in heard]


@pytest.fixture(params=[True, False], ids=["prompt", "plain"])
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Lab, bool]]:
    with serving(tmp_path, prompt=request.param) as lab:
        yield lab, request.param


def test_lab_starts_with_and_without_the_extension(served: tuple[Lab, bool]) -> None:
    lab, prompt = served
    assert urllib.request.urlopen(f"{lab.base}/lab?token={lab.token}").status == 200
    log = (lab.folder / "server.log").read_text(encoding="utf-8")
    assert ("eci_annotate.viewer.session.kernel_transport | extension was successfully loaded" in log) == prompt


def test_lab_asks_nobody_for_news(served: tuple[Lab, bool]) -> None:
    lab, _ = served
    name = "@jupyterlab/apputils-extension:notification"
    told = json.loads(urllib.request.urlopen(f"{lab.base}/lab/api/settings/{name}?token={lab.token}").read())
    wishes = told["schema"]["properties"]
    assert (wishes["fetchNews"]["default"], wishes["checkForUpdates"]["default"]) == ("false", False)


def test_a_kernel_is_told_busy_with_widgets_only_if_it_lasts(served: tuple[Lab, bool]) -> None:
    lab, prompt = served
    kernel = Kernel(lab)
    with closing(kernel.socket):
        ran = [m["content"].get("execution_state") for m in kernel.ask("execute_request", code=HANDLER, silent=False)]
        assert (ran[0], ran[-1]) == ("busy", "idle")
        kernel.ask("comm_open", comm_id="one", target_name="slow", data={})
        moments = [kernel.handled(0) for _ in range(20)]
        assert moments == [["comm_msg", "idle"] if prompt else ["busy", "comm_msg", "idle"]] * 20
        assert kernel.handled(4 * LASTING_S) == ["busy", "comm_msg", "idle"]
    assert "Traceback" not in (lab.folder / "server.log").read_text(encoding="utf-8")
