// Makes tables, findings and charts interactive.

function makeStrip(place, data) {
  const store = place.parentElement.querySelector(".strip-store");
  const picture = store.querySelector("svg"), tip = makeTip(store);
  const columns = data.starts.length - 1;
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const y = Math.floor(((event.clientY - box.top) / box.height) * data.names.length);
    const row = data.counts[y], first = data.starts[x], last = data.starts[x + 1] - 1;
    if (!row || row[x] === undefined) return tip.hide();
    const size = last - first + 1;
    const where = size > 1 ? `records ${whole.format(first)} to ${whole.format(last)}` : `record ${whole.format(first)}`;
    const text = `class ${data.names[y]}\n${where}: ${whole.format(row[x])} of ${whole.format(size)} (${share(row[x] / size)})`;
    return tip.show(text, event.clientX - box.left, event.clientY - box.top);
  });
  picture.addEventListener("pointerleave", () => tip.hide());
}

// A button that copies the whole command. Where scripts may not copy, it selects the text.
function makeCopyable(place) {
  const code = place.querySelector("code"), button = document.createElement("button");
  const said = document.createElement("span");
  button.type = "button";
  button.textContent = "Copy";
  said.setAttribute("role", "status");
  const select = () => {
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  };
  button.addEventListener("click", async () => {
    let copied = false;
    try {
      await navigator.clipboard.writeText(code.textContent);
      copied = true;
    } catch {
      copied = select();
    }
    said.textContent = copied ? "Copied" : "Selected: copy it with Ctrl+C";
  });
  place.append(button, said);
}

function begin() {
  document.querySelectorAll(".command").forEach(makeCopyable);
  const data = JSON.parse(document.getElementById("data").textContent);
  document.querySelectorAll("table.searchable").forEach(makeSearchable);
  document.querySelectorAll("table.sortable").forEach(makeSortable);
  document.querySelectorAll("section.findings").forEach(makeFilter);
  const charts = [];
  for (const place of document.querySelectorAll(".chart")) {
    const figure = data[place.dataset.figure];
    if (figure.kind === "strip") makeStrip(place, figure);
    else charts.push(new Chart(place, figure));
  }
  const redraw = () => charts.forEach((chart) => chart.draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
}

begin();
