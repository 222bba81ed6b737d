"""What a person does on the overview."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCREENSHOTS, Tab
from tests.browser.house import House, event
from tests.browser.test_explore import receipt

pytestmark = [pytest.mark.browser]

CHART = "[data-chart=throughput]"
PUBLISHED = f"""(name) => {{
  const chart = document.querySelector('{CHART}');
  const trace = (chart.data || []).find((each) => each.meta.group === name);
  return trace ? trace.y.reduce((sum, y) => sum + (y || 0), 0) : 0;
}}"""
SHOWN_MS = f"""() => {{
  const [since, until] = document.querySelector('{CHART}')._fullLayout.xaxis.range;
  return new Date(until) - new Date(since);
}}"""
EXTENDED = """async ([groups, latencies, told, wanted]) => {
  const { extend } = await import('/static/live/extend.js');
  const trace = (meta) => ({ x: [0, 1000], y: [5, 5], meta });
  const figure = (data) => ({ data, layout: { xaxis: {} } });
  const figures = {
    throughput: figure(groups.map((group) => trace({ group, field: "p" }))),
    latency: figure(latencies.map((group) => trace({ group, field: "q", kind: "processing", index: 0 }))),
  };
  const by = Object.fromEntries(Object.entries(told).map(([group, q]) => [group, { p: [7], q }]));
  const tick = { times: [1000], known: [1], by: { type: by } };
  const meta = { by: "type", latency: "processing", wanted, step: 1000, since: 0, until: 2000, begun: 0 };
  const complete = extend(figures, tick, meta);
  return [complete, ...figures.throughput.data.map((each) => each.y[1])];
}"""
MANY, FEW, TIMED = "OVERVIEW_MANY", "OVERVIEW_FEW", "OVERVIEW_TIMED"
MEASURED = f"""() => document.querySelector('[data-chart=latency]').data
  .some((each) => each.meta.group === '{TIMED}' && each.meta.kind === 'processing')"""
LOOKS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module", autouse=True)
def some_events(house: House) -> None:
    house.publish(*(event(number, MANY) for number in range(5000, 5200)))
    house.publish(*(event(number, FEW) for number in range(5200, 5300)))


def drawn(page: Page, least: int = 1, name: str = "") -> Page:
    """With at least so many events of the type; of all, if there is no breakdown."""
    page.wait_for_function(f"([least, name]) => ({PUBLISHED})(name) >= least", arg=[least, name])
    return page


def drag(page: Page, start: float, end: float) -> None:
    box = page.locator(f"{CHART} .nsewdrag").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * end, y, steps=4)
    page.mouse.up()


def test_charts_go_on_by_themselves(tab: Tab) -> None:
    page = drawn(tab.go("/?by=type"), 200, MANY)

    tab.house.publish(*(event(number, MANY) for number in range(5300, 5310)))

    drawn(page, 210, MANY)


@pytest.mark.parametrize(
    ("groups", "latencies", "told", "expected"),
    [
        (["A", "other"], [], {"A": {}, "other": {}}, [True, 7, 7]),
        (["A", "other"], [], {"A": {}}, [True, 7, 0]),
        (["A", "B", "other"], [], {"A": {}, "other": {}}, [False, 7, None, 7]),
        (["A"], [], {"A": {}, "B": {}}, [False, 7]),
        (["A"], [], {"A": {"queue": [[1.0]]}}, [True, 7]),
        (["A"], [], {"A": {"processing": [[1.0]]}}, [False, 7]),
        (["A"], ["A"], {"A": {"processing": [[1.0]]}}, [True, 7]),
    ],
)
def test_what_a_tick_does_not_tell_apart_is_unknown_and_asked_for(
    tab: Tab,
    groups: list[str],
    latencies: list[str],
    told: dict[str, object],
    expected: list[object],
) -> None:
    page = tab.go("/settings/")

    assert page.evaluate(EXTENDED, [groups, latencies, told, "processing"]) == expected


def test_latency_that_came_after_its_chart_was_drawn_is_drawn(tab: Tab) -> None:
    tab.house.publish(*(event(number, TIMED) for number in range(5400, 5700)))
    page = drawn(tab.go("/?by=type"), 300, TIMED)
    assert not page.evaluate(MEASURED)

    told = [
        receipt(f"evt_{number}", "timing-service", "success", eventType=TIMED)
        for number in range(5400, 5410)
    ]
    tab.house.publish(event(5700, "ProcessingReceipts", payload={"receipts": told}))

    page.wait_for_function(MEASURED)


def test_dragging_zooms_and_the_url_shows_it_again(tab: Tab) -> None:
    page = drawn(tab.go("/?by=type"), 1, MANY)

    shown = page.evaluate(SHOWN_MS)
    drag(page, 0.3, 0.9)

    page.wait_for_url(re.compile(r"\?by=type&since=\d+&until=\d+"))
    since, until = (int(text) for text in re.findall(r"=(\d+)", page.url))
    assert 0.55 * shown < until - since < 0.65 * shown
    assert 0 < time.time() * 1000 - until < 300_000
    expect(page.get_by_role("button", name="Back to live")).to_be_visible()
    zoomed = page.url
    page.reload()
    expect(page.get_by_role("button", name="Back to live")).to_be_visible()
    assert page.url == zoomed
    page.get_by_role("button", name="Back to live").click()
    page.wait_for_url(tab.house.url + "/?by=type")


def test_a_range_and_a_breakdown_are_in_the_url_and_back_goes_back(tab: Tab) -> None:
    page = drawn(tab.go("/"))

    page.get_by_role("link", name="1h", exact=True).click()
    page.wait_for_url("**/?range=1h")
    expect(page.get_by_role("link", name="1h", exact=True)).to_have_attribute(
        "aria-current", "true"
    )
    page.get_by_label("Broken down by").select_option("type")

    page.wait_for_url("**/?range=1h&by=type")
    drawn(page, 1, MANY)
    drawn(page, 1, FEW)
    page.go_back()
    page.wait_for_url("**/?range=1h")
    expect(page.get_by_label("Broken down by")).to_have_value("")


def test_a_click_on_a_point_opens_the_events_of_that_moment(tab: Tab) -> None:
    """In a range that stands still: a live chart moves on under the pointer."""
    now = int(time.time() * 1000)
    page = drawn(tab.go(f"/?by=type&since={now - 900_000}&until={now + 60_000}"), 1, MANY)
    place = page.evaluate(
        f"""() => {{
          const chart = document.querySelector('{CHART}');
          const trace = chart.data.find((each) => each.meta.group === '{MANY}');
          const index = trace.y.indexOf(Math.max(...trace.y));
          const box = chart.getBoundingClientRect();
          const {{ xaxis, yaxis }} = chart._fullLayout;
          return [box.x + xaxis._offset + xaxis.d2p(trace.x[index]),
                  box.y + yaxis._offset + yaxis.d2p(trace.y[index])];
        }}"""
    )

    page.mouse.move(*place)
    page.mouse.click(*place)

    page.wait_for_url(re.compile(rf"/events/\?since=\d+&until=\d+&type={MANY}"))


@pytest.mark.usefixtures("mended")
def test_a_lost_connection_is_told_and_mended(tab: Tab) -> None:
    tab.may_lose_its_server = True
    page = drawn(tab.go("/"))

    tab.house.kill_web()
    expect(page.get_by_text("Connection lost.")).to_be_visible()
    expect(page.locator("[data-honesty=word]")).to_have_text("Stale")
    tab.house.start_web()

    expect(page.get_by_text("Connection lost.")).to_be_hidden()
    expect(page.locator("[data-honesty=word]")).not_to_have_text("Stale")


def test_a_hidden_tab_has_no_socket_and_gets_one_when_seen(tab: Tab) -> None:
    page = drawn(tab.go("/"))
    socket = "import('/static/js/live.js').then(({ feed }) => feed.socket !== null)"
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    assert page.evaluate(socket) is True

    page.evaluate(hide, True)
    assert page.evaluate(socket) is False
    page.evaluate(hide, False)
    assert page.evaluate(socket) is True


def test_a_socket_that_was_left_says_nothing_of_the_one_that_is_there(tab: Tab) -> None:
    page = drawn(tab.go("/"))
    late = """import('/static/js/live.js').then(({ feed }) => {
      const left = feed.socket;
      feed.close();
      feed.follow();
      const there = feed.socket;
      left.dispatchEvent(new MessageEvent("message", { data: '{"type":"tick","seq":1}' }));
      left.dispatchEvent(new CloseEvent("close", { code: 1006 }));
      return there !== null && there !== left && feed.socket === there && feed.seq === null;
    })"""
    assert page.evaluate(late) is True


def test_the_keyboard_searches_helps_and_turns_the_light(tab: Tab) -> None:
    page = tab.go("/")

    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/settings/")


@pytest.mark.parametrize("tab", [(390, "light")], indirect=True)
def test_the_menu_of_a_narrow_page_opens_and_closes(tab: Tab) -> None:
    page = tab.go("/")
    expect(page.get_by_role("link", name="Settings")).to_be_hidden()

    page.get_by_role("button", name="Open menu").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()


@pytest.mark.parametrize("tab", LOOKS, indirect=True, ids=lambda look: f"{look[1]}-{look[0]}")
def test_every_page_is_sound_and_fits_its_width(tab: Tab, request: pytest.FixtureRequest) -> None:
    look = request.node.callspec.id
    # The others may have been here for longer than the five minutes that are shown.
    tab.house.publish(event(5800 + LOOKS.index(request.node.callspec.params["tab"]), MANY))
    page = drawn(tab.go("/"))
    links = page.locator("#sidebar nav a").evaluate_all(
        "(links) => links.map((link) => link.getAttribute('href'))"
    )
    for path in links:
        tab.go(path)
        page.wait_for_load_state("load")
        expect(page.get_by_role("heading", level=1)).not_to_be_empty()
        if path == "/":
            drawn(page)
        name = path.strip("/").replace("/", "-") or "overview"
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"
        tab.check()
