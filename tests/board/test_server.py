"""The board over real HTTP: its token, its headers, its routes, and the stream of changes."""

import gzip
import json
from collections.abc import Iterator

import pytest

from raysat.board.page import ASSETS
from raysat.storage.ledger import Ledger
from tests.helpers.board import TOKEN, Served, served
from tests.helpers.report import write_trial
from tests.helpers.report_fixtures import MakeRun

ARMS = {"plain": (0.9, 0.5, 0.6, 0.4), "<b>LDAM</b>": (0.9, 0.7, 0.7, 0.5)}
DATA = ("runs", "runs/0/snapshot", "runs/0/curves?arms=0,1", "runs/0/leaders", "runs/0/failures", "runs/0/search")


@pytest.fixture(scope="module", name="run")
def _run(make_shared_run: MakeRun) -> Ledger:
    return make_shared_run(ARMS, failed={("plain", 2): "<script>alert(1)</script>"})


@pytest.fixture(scope="module", name="board")
def _board(run: Ledger) -> Iterator[Served]:
    with served(run.root) as board:
        yield board


def test_it_listens_on_this_machine_alone(board: Served) -> None:
    assert board.url == f"http://127.0.0.1:{board.port}/{TOKEN}/"


@pytest.mark.parametrize("path", ["", "board.js", *DATA, "runs/0/changes"])
@pytest.mark.parametrize("token", ["/", "/wrong/", f"/{TOKEN}x/", f"/{TOKEN[:-1]}/", "/%ff/", f"//{TOKEN}/"])
def test_without_the_token_there_is_nothing(board: Served, path: str, token: str) -> None:
    answer = board.ask(token + path, token="")
    assert answer.status == 403
    assert TOKEN not in answer.body.decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["", "runs", "runs/0/snapshot", "runs/0/changes"])
def test_nothing_is_written(board: Served, method: str, path: str) -> None:
    answer = board.ask(path, method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "10.0.0.1"]
)
def test_other_names_of_this_machine_are_refused(board: Served, host: str) -> None:
    assert board.ask("runs", host=host).status in {400, 403}


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1:1", "[::1]:8765"])
def test_the_names_of_a_tunnel_are_good(board: Served, host: str) -> None:
    assert board.ask("runs", host=host).status == 200


@pytest.mark.parametrize("path", ["", *ASSETS, *DATA, "nothing", "../secret", "page/__init__.py", "runs/7/snapshot"])
def test_each_answer_says_what_a_browser_may_do(board: Served, path: str) -> None:
    answer = board.ask(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    is_there = path in ("", *ASSETS, *DATA)
    assert answer.status == (200 if is_there else 404)


@pytest.mark.parametrize("path", ["runs/0/curves?arms=x", "runs/0/curves?arms=-1", "runs/0/failures?from=no&n=1"])
def test_a_question_that_makes_no_sense_is_refused(board: Served, path: str) -> None:
    assert board.ask(path).status == 400


def test_an_address_without_its_slash_leads_to_the_page(board: Served) -> None:
    answer = board.ask(f"/{TOKEN}", token="")
    assert (answer.status, answer.headers["location"]) == (307, f"{TOKEN}/")


def test_the_page_has_no_script_of_its_own_and_nothing_of_a_run(board: Served) -> None:
    page = board.ask("").body.decode()
    assert '<script type="module" src="board.js"></script>' in page
    assert page.count("<script") == 1
    assert "style=" not in page
    assert "LDAM" not in page


def test_no_script_makes_markup_of_text(board: Served) -> None:
    words = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
    for name in ASSETS:
        text = board.ask(name).body.decode()
        assert not any(word in text for word in words)


def test_data_is_packed_and_sent_once(board: Served) -> None:
    packed, page = board.ask("board.js", accept_encoding="gzip"), board.ask("board.js")
    assert (packed.headers["content-encoding"], gzip.decompress(packed.body)) == ("gzip", page.body)
    assert board.ask("board.js", if_none_match=page.headers["etag"]).status == 304


def test_names_are_sent_as_they_are(board: Served) -> None:
    found = board.ask("runs/0/snapshot").json()
    assert found["cells"] == "ddfddd"
    assert found["arms"][1]["name"] == "<b>LDAM</b>"
    failures = board.ask("runs/0/failures").json()
    assert failures["failures"][0]["error"] == "<script>alert(1)</script>"


@pytest.mark.slow
def test_a_lost_connection_goes_on_where_it_was(make_run: MakeRun) -> None:
    run = make_run(ARMS, missing=[("plain", 1), ("plain", 2)])
    with served(run.root) as board:
        while board.ask("runs/0/leaders").body == b"null":  # the first look, and all that follows from it
            pass
        revision = board.ask("runs/0/snapshot").json()["revision"]
        with board.stream(f"runs/0/changes?after={revision}") as next_message:
            write_trial(run, "0000000000000001", ARMS["plain"], seed=1)
            message = next_message()
            while not json.loads(message["data"])["cells"]:  # a leaderboard may come between
                message = next_message()
        assert json.loads(message["data"])["cells"] == [[1, "d"]]
        with board.stream("runs/0/changes", last_event_id=str(int(message["id"]) - 1)) as next_message:
            assert next_message() == message
        with board.stream("runs/0/changes", last_event_id="999999") as next_message:
            assert next_message()["event"] == "anew"
