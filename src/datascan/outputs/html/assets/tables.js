// Sortable tables, tables with a search box, and the filter of the findings. Without this script,
// all tables are shown unsorted.
"use strict";

function sortKey(row, column) {
  const cell = row.cells[column];
  const given = cell.dataset.sort;
  return given === undefined ? cell.textContent.trim() : Number(given);
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function sortBy(table, column) {
  const headings = Array.from(table.tHead.rows[0].cells);
  const upwards = headings[column].getAttribute("aria-sort") !== "ascending";
  headings.forEach((heading) => heading.removeAttribute("aria-sort"));
  headings[column].setAttribute("aria-sort", upwards ? "ascending" : "descending");
  const rows = Array.from(table.tBodies[0].rows, (row, i) => [sortKey(row, column), i, row]);
  rows.sort((a, b) => (upwards ? 1 : -1) * compare(a[0], b[0]) || a[1] - b[1]);
  table.tBodies[0].append(...rows.map((entry) => entry[2]));
}

function makeSortable(table) {
  Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
    if (heading.classList.contains("unsorted")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, column));
    heading.append(button);
  });
}

function makeSearchable(table) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "search";
  box.autocomplete = "off";
  label.className = "search";
  label.append("Search ", box);
  table.parentElement.before(label);
  box.addEventListener("input", () => {
    const word = box.value.trim().toLowerCase();
    for (const row of table.tBodies[0].rows) row.hidden = !matches(row, word);
  });
}

function matches(element, word) {
  return !word || element.textContent.toLowerCase().includes(word);
}

// Shows a card if its severity is selected and it contains the word. If only some of its examples
// contain the word, the others are hidden.
function filterCard(card, word, wanted) {
  let found = false;
  for (const row of card.querySelectorAll(".examples tbody tr")) {
    row.hidden = !matches(row, word);
    found = found || !row.hidden;
  }
  const said = ["h3, h4, h5", ".message", ".fix"].some((part) =>
    Array.from(card.querySelectorAll(`:scope > :is(${part})`)).some((e) => matches(e, word)));
  if (said && !found) {
    for (const row of card.querySelectorAll(".examples tbody tr")) row.hidden = false;
  }
  card.hidden = !(wanted.has(card.dataset.severity) && (said || found));
  return !card.hidden;
}

function makeFilter(section) {
  const filters = section.querySelector(".filters");
  const box = filters.querySelector("input[type=search]");
  const checks = Array.from(filters.querySelectorAll("input[type=checkbox]"));
  const cards = Array.from(section.querySelectorAll(".card"));
  function filter() {
    const word = box.value.trim().toLowerCase();
    const wanted = new Set(checks.filter((check) => check.checked).map((check) => check.value));
    const shown = new Set(cards.filter((card) => filterCard(card, word, wanted)).map((c) => c.id));
    for (const row of section.querySelectorAll(".overview tbody tr")) {
      row.hidden = !shown.has(row.dataset.card);
    }
    const all = shown.size === cards.length && !word;
    filters.querySelector(".matches").textContent =
      all ? "" : `${shown.size} of ${cards.length} shown`;
  }
  box.addEventListener("input", filter);
  checks.forEach((check) => check.addEventListener("change", filter));
  filters.hidden = false;
}
