"""The page in a browser: silent, offline, accessible, and usable on a phone."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from msgspec.structs import replace

from datascan.outputs.html import render
from datascan.report.failed_scan import FailedScan
from tests.builders.hostile_reports import TEXTS, WHOLE, filled
from tests.outputs.html.conftest import HOSTILE
from tests.outputs.judges import harm_in

NAMES = ("train_lmdb", "train_leveldb", "train.h5", "train_images", "damaged", "many", "hostile")
NAMES += ("log", "accepted")
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2}
LOOKS = {"light": {"color_scheme": "light"}, "dark": {"color_scheme": "dark"}, "phone": PHONE}


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_without_a_word_and_without_a_request(opened, reports, name):
    report = reports[name]
    one = opened(report)
    assert one.quiet(), (one.said, one.asked)
    assert one.page.title().startswith(report.verdict.upper())
    rules = [
        rule
        for part in (report, *(report.sources or ()))
        for rule in {(f.rule, f.severity, f.accepted is None) for f in part.findings}
    ]
    assert one.page.locator("article.card").count() == len(rules)
    assert one.page.locator(".overview tbody tr:visible").count() == len(rules)
    drawn = one.page.locator(".chart:has(.tools)").count()
    assert drawn == one.page.locator(".chart canvas").count() > 0


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", NAMES)
def test_it_is_accessible(opened, reports, axe, name, look):
    one = opened(reports[name], **LOOKS[look])
    one.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    one.page.evaluate(axe)
    found = one.page.evaluate("axe.run()")["violations"]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in found] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_shows_it_without_scrolling_sideways(opened, reports, name):
    page = opened(reports[name], **PHONE).page
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    # What is wider scrolls in its own box.
    inside = """Array.from(document.querySelectorAll("main *, footer *"), (e) => {
      if (e.closest(".scroll, pre, .plot, svg, .quiet, .tip, .strip, thead")) return 0;
      return e.getBoundingClientRect().right;
    })"""
    assert max(page.evaluate(inside)) <= 390


def test_a_phone_shows_the_details_of_examples(opened, reports):
    page = opened(reports["train_images"], **PHONE).page
    for cell in page.locator("td.detail").all():
        box = cell.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["width"] > 250


def test_the_command_is_copied_whole(opened, reports):
    command = f"datascan lmdb 'a b' --json {'x' * 900}.json"
    long = replace(reports["train_lmdb"], command=command)
    one = opened(long, permissions=["clipboard-read", "clipboard-write"], **PHONE)
    place = one.page.locator(".command")
    assert place.locator("code").text_content() == command
    box = place.locator("code").bounding_box()
    assert box["x"] + box["width"] <= 360
    place.get_by_role("button", name="Copy").press("Enter")
    place.get_by_text("Copied").wait_for()
    assert one.page.evaluate("navigator.clipboard.readText()") == command
    assert one.page.evaluate("document.documentElement.scrollWidth") == 360
    assert one.quiet(), (one.said, one.asked)


def test_pictures_have_a_border(opened, reports):
    for scheme in ("light", "dark"):
        page = opened(reports["train_images"], color_scheme=scheme).page
        border = """Array.from(document.querySelectorAll("td.picture img"), (image) => {
          const style = getComputedStyle(image);
          return [style.borderTopWidth, style.borderTopColor];
        })"""
        ground = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
        found = page.evaluate(border)
        assert found
        assert all(width == "1px" for width, _ in found)
        assert all(colour not in ("rgb(255, 255, 255)", ground) for _, colour in found)


def test_hostile_names_are_shown_and_never_run(opened, reports):
    one = opened(reports["hostile"])
    keys = one.page.locator("td.key").all_inner_texts()
    for name in HOSTILE:
        assert any(name in key for key in keys)
    # Class folders have no strip, as no loader reads them in order.
    assert one.page.locator(".strip svg").count() == 0
    assert one.quiet(), (one.said, one.asked)
    assert one.page.locator("h1 i").count() == 0


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_in_every_place(opened, tmp_path, text):
    reports = [filled(kind, text) for kind in WHOLE]
    file = tmp_path / "hostile.html"
    file.write_text(render(reports, [FailedScan(text, text)]), "utf-8")
    one = opened(file.as_uri())
    page = one.page
    for part in ("document.documentElement.textContent", "document.title"):
        assert harm_in(page.evaluate(part).replace("\t", " ")) == []
    for over in page.locator(".u-over").all():
        over.hover(position={"x": 20, "y": 20})
    tips = page.locator(".tip").all_text_contents()
    assert any(tips)
    assert harm_in("".join(tips)) == []
    page.get_by_label("Search").first.fill(text.replace("\0", "")[:1000])
    page.get_by_label("Search").first.fill("")
    for link in page.locator("a").all():
        assert link.get_attribute("href").startswith("#")
    assert page.locator("script").count() == 2
    assert page.locator("main img").count() == page.locator("td.picture img").count()
    assert page.url == file.as_uri()
    assert one.quiet(), (one.said, one.asked)


def test_it_works_where_a_server_sends_the_same_policy(opened, reports):
    text = reports["train_images"].to_html()
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", policy.replace("&#39;", "'"))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    asked: list[str] = []
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            one = opened(f"http://127.0.0.1:{server.server_port}/report")
            one.page.locator(".u-over").first.hover(position={"x": 300, "y": 100})
            assert one.page.locator(".tip:visible").count() == 1
            assert one.page.locator(".tip:visible").bounding_box()["x"] > 100
            colour = "getComputedStyle(document.querySelector('.verdict')).backgroundColor"
            assert one.page.evaluate(colour) == "rgb(168, 31, 23)"
        finally:
            server.shutdown()
            thread.join()
    assert one.quiet(), (one.said, one.asked)
    assert asked == ["/report"]


def test_tables_sort_by_number_and_by_word(opened, reports):
    page = opened(reports["train_images"]).page
    table = page.locator(".overview")
    records = table.locator("th", has_text="Images")
    column = table.locator("tbody tr td:nth-child(3)")
    records.get_by_role("button").click()
    assert records.get_attribute("aria-sort") == "ascending"
    counts = [0 if text == "\u2013" else int(text) for text in column.all_inner_texts()]
    assert counts == sorted(counts)
    records.get_by_role("button").click()
    assert records.get_attribute("aria-sort") == "descending"
    assert column.all_inner_texts()[0] == "2"
    rule = table.locator("th", has_text="Finding")
    rule.get_by_role("button").press("Enter")
    words = table.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert words == sorted(words)
    assert records.get_attribute("aria-sort") is None


def test_findings_are_found_by_word_and_by_severity(opened, reports):
    page = opened(reports["train_images"]).page
    cards = page.locator("article.card:visible")
    every = cards.count()
    page.get_by_label("Search").first.fill("frog/002")
    assert cards.locator(".rule").all_inner_texts() == ["conflicting-label", "duplicate-record"]
    # The other record of the conflict names it as its partner.
    keys = cards.first.locator("tbody tr:visible td.key").all_inner_texts()
    assert keys == ["cat/002.jpg", "frog/002.jpg"]
    assert page.locator(".overview tbody tr:visible").count() == 2
    assert page.locator(".matches").inner_text() == f"2 of {every} shown"
    page.get_by_label("Search").first.fill("")
    assert cards.count() == every
    page.get_by_label("error", exact=True).uncheck()
    assert {card.get_attribute("data-severity") for card in cards.all()} == {"warning"}
    page.get_by_label("warning", exact=True).uncheck()
    assert cards.count() == 0


def test_the_page_of_a_rule_unfolds(opened, reports):
    card = opened(reports["train_lmdb"]).page.locator("article", has_text="nan-value").first
    assert not card.get_by_text("Why it breaks training").is_visible()
    card.locator("summary").click()
    assert card.get_by_text("Why it breaks training").is_visible()
    card.locator("summary").press("Enter")
    assert not card.get_by_text("Why it breaks training").is_visible()


def test_charts_tell_their_values(opened, reports):
    page = opened(reports["train_lmdb"]).page
    tips = {}
    for figure in ("batches", "classes", "values"):
        plot = page.locator(f"#report-{figure} .u-over")
        box = plot.bounding_box()
        plot.hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
        tips[figure] = page.locator(f"#report-{figure} .tip").inner_text()
    assert re.search(r"batch size \d+\nin stored order: 100%\nshuffled: \d", tips["batches"])
    assert re.fullmatch(r"class 5\nrecords: \d+", tips["classes"])
    assert re.search(r"to .+\nvalues: [\d,]+", tips["values"])
    strip = page.locator("#report-strip svg")
    strip.hover(position={"x": 4, "y": 4})
    assert "class 0\nrecords 0 to 4: 5 of 5 (100%)" in page.locator("#report-strip").inner_text()


def test_charts_are_read_and_zoomed_by_keyboard(opened, reports):
    page = opened(reports["many"]).page
    chart = page.locator("#report-classes")
    chart.locator(".plot").focus()
    page.keyboard.press("ArrowRight")
    assert chart.locator(".tip").inner_text().startswith("class 0\n")
    page.keyboard.press("ArrowRight")
    assert chart.locator(".tip").inner_text().startswith("class 1\n")
    whole = chart.locator("canvas").screenshot()
    for _ in range(8):
        chart.get_by_role("button", name="Zoom in").press("Enter")
    assert chart.locator("canvas").screenshot() != whole
    chart.get_by_role("button", name="Largest first").press("Enter")
    chart.locator(".plot").focus()
    page.keyboard.press("ArrowRight")
    counts = reports["many"].labels.counts
    assert chart.locator(".tip").inner_text().endswith(f"records: {max(counts.values())}")


def test_what_is_zoomed_can_be_moved_along(opened, reports):
    chart = opened(reports["many"]).page.locator("#report-classes")
    sizes = sorted(reports["many"].labels.counts.values(), reverse=True)

    def first_shown():
        chart.page.mouse.move(0, 0)
        chart.locator(".plot").focus()
        chart.locator(".plot").blur()
        box = chart.locator(".u-over").bounding_box()
        chart.page.mouse.move(box["x"] + 3, box["y"] + 30)
        return int(chart.locator(".tip").inner_text().rpartition(" ")[2])

    chart.get_by_role("button", name="Largest first").click()
    for _ in range(10):
        chart.get_by_role("button", name="Zoom in").click()
    assert first_shown() == sizes[0]
    for _ in range(400):
        chart.get_by_role("button", name="Right").press("Enter")
    assert first_shown() < sizes[0]
    for _ in range(400):
        chart.get_by_role("button", name="Left").press("Enter")
    assert first_shown() == sizes[0]


def test_without_scripts_everything_is_there(opened, reports):
    page = opened(reports["train_images"], java_script_enabled=False).page
    assert page.locator(".overview tbody tr:visible").count() == 5
    assert page.locator("td.picture img").count() == 5
    assert page.locator(".filters:visible").count() == 0
    page.locator("#report-classes summary").click()
    assert page.locator("#report-classes tbody tr:visible").count() == 3


def test_pictures_are_decoded(opened, reports):
    page = opened(reports["train_images"]).page
    widths = "Array.from(document.querySelectorAll('td.picture img'), (i) => i.naturalWidth)"
    assert page.evaluate(widths) == [64] * 5


def test_paper_is_white(opened, reports):
    page = opened(reports["train_images"], color_scheme="dark").page
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) != "rgb(255, 255, 255)"
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert page.locator(".filters:visible, .tools:visible").count() == 0
    assert page.pdf().startswith(b"%PDF")


def test_several_reports_on_one_page(opened, reports, tmp_path):
    file = tmp_path / "several.html"
    failed = [FailedScan("absent", "no such path: absent")]
    file.write_text(render([reports["train_images"], reports["log"]], failed), "utf-8")
    one = opened(file.as_uri())
    assert one.quiet(), (one.said, one.asked)
    assert one.page.locator("h1").inner_text().startswith("3 datasets: ")
    assert one.page.locator("main > section").count() == 3
    drawn = one.page.locator(".chart:has(.tools)").count()
    assert drawn == one.page.locator(".chart canvas").count() > 0
    one.page.set_viewport_size(PHONE["viewport"])
    assert one.page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_notebook_runs_the_page_in_its_frame(opened, reports, tmp_path):
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html>{reports['train_images']._repr_html_()}", "utf-8")
    one = opened(file.as_uri())
    frame = one.page.frame_locator("iframe")
    frame.locator(".chart canvas").first.wait_for()
    assert frame.locator("h1").inner_text().endswith("train_images")
    assert one.page.locator("h1").count() == 0
    assert one.quiet(), (one.said, one.asked)
