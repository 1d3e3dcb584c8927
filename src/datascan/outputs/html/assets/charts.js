// Charts drawn by uPlot: lines, and bars for classes and bins. Dragging or a button zooms; the arrow
// keys move through the values. Colours come from the style sheet.

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const whole = new Intl.NumberFormat("en-US");

function figure(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return whole.format(value);
  return String(Number(value.toPrecision(5)));
}

function briefly(value) {
  const size = Math.abs(value);
  for (const [step, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (size >= step) return `${Number((value / (unit === "k" ? 1e3 : step)).toPrecision(4))}${unit}`;
  }
  return figure(value);
}

function share(value) {
  if (value > 0 && value < 0.0001) return "< 0.01%";
  if (value < 1 && value > 0.9999) return "> 99.99%";
  return `${Number((value * 100).toFixed(2))}%`;
}

// A tooltip next to the pointer.
function makeTip(place) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  place.append(tip);
  return {
    hide() { tip.hidden = true; },
    show(text, left, top) {
      tip.textContent = text;
      tip.hidden = false;
      const limit = place.clientWidth - tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(left + 14, limit))}px`;
      tip.style.top = `${Math.max(0, top - tip.offsetHeight - 10)}px`;
    },
  };
}

function axis(label, values, size) {
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return {
    label, values, size, font, labelFont: font, labelSize: 22, stroke: colour("--faint"),
    grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 },
  };
}

// A dashed line at each mark, with its label to the right, one below the other.
function drawMarks(u, data) {
  const ratio = devicePixelRatio, { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.textAlign = "left";
  u.ctx.textBaseline = "alphabetic";
  u.ctx.font = `600 ${12 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  (data.ticks || []).forEach((at) => {
    const x = u.valToPos(at, "x", true);
    if (x < left || x > left + width) return;
    u.ctx.fillStyle = colour("--faint");
    u.ctx.beginPath();
    u.ctx.moveTo(x, top + height - 7 * ratio);
    u.ctx.lineTo(x - 4 * ratio, top + height);
    u.ctx.lineTo(x + 4 * ratio, top + height);
    u.ctx.fill();
  });
  (data.marks || []).forEach((mark, i) => {
    const x = u.valToPos(mark.x, "x", true);
    if (x < left - 1 || x > left + width + 1) return;
    const words = `${mark.label}: ${whole.format(mark.x)}`;
    const y = top + height * 0.3 + i * 20 * ratio, long = u.ctx.measureText(words).width;
    u.ctx.strokeStyle = u.ctx.fillStyle = colour(mark.colour);
    u.ctx.lineWidth = 1.5 * ratio;
    u.ctx.setLineDash([4 * ratio, 4 * ratio]);
    u.ctx.beginPath();
    u.ctx.moveTo(x, top);
    u.ctx.lineTo(x, top + height);
    u.ctx.stroke();
    const start = x + 6 * ratio + long > left + width ? x - long - 6 * ratio : x + 6 * ratio;
    u.ctx.fillStyle = colour("--card");
    u.ctx.fillRect(start - 2 * ratio, y - 12 * ratio, long + 4 * ratio, 16 * ratio);
    u.ctx.fillStyle = colour(mark.colour);
    u.ctx.fillText(words, start, y);
  });
  u.ctx.restore();
}

function linesChart(data) {
  const written = data.percent ? share : figure;
  return {
    margin: 0,
    columns: [data.x, ...data.series.map((one) => one.values)],
    tip: (i) => [`${data.xlabel} ${figure(data.x[i])}`,
      ...data.series.map((one) => `${one.label}: ${written(one.values[i])}`)].join("\n"),
    draw: (u) => drawMarks(u, data),
    options: {
      scales: {
        x: { time: false, distr: data.log ? 3 : 1 },
        y: data.percent ? { range: [0, 1.02] } : {},
      },
      axes: [
        axis(data.xlabel, (u, ticks) => ticks.map((t) => (t === null ? "" : briefly(t))), 34),
        axis(data.ylabel, (u, ticks) => ticks.map((t) => (t === null ? "" :
          data.percent ? `${Math.round(t * 100)}%` : briefly(t))), 52),
      ],
      series: [{}, ...data.series.map((one, i) => ({
        label: one.label, stroke: colour(one.colour), width: 2, dash: i ? [7, 4] : [],
        points: { show: data.x.length < 80, size: 5, fill: colour(one.colour) },
      }))],
    },
  };
}

// ``margin``: how far the scale extends beyond the first and last value.
function barsChart(data, xs, name, span, margin) {
  return {
    margin,
    columns: [xs, data.counts],
    tip: (i) => `${name(i)}\n${data.ylabel}: ${figure(data.counts[i])}`,
    draw: () => {},
    options: {
      scales: { x: { time: false, range: (u, low, high) => span(low, high) },
        y: { range: (u, low, high) => [0, (high || 1) * 1.05] } },
      axes: [
        axis(data.xlabel, (u, ticks) => ticks.map((t) => (data.kind === "classes" ?
          (Number.isInteger(t) && data.labels[t] !== undefined ? briefName(data.labels[t]) : "") :
          briefly(t))), 34),
        axis(data.ylabel, (u, ticks) => ticks.map(briefly), 60),
      ],
      series: [{}, { label: data.ylabel, fill: colour("--bar"), stroke: colour("--bar"), width: 0,
        points: { show: false }, paths: uPlot.paths.bars({ size: [data.kind === "bins" ? 1 : 0.8, Infinity], gap: 0 }) }],
    },
  };
}

function briefName(name) {
  return name.length > 14 ? `${name.slice(0, 13)}…` : name;
}

function classesChart(data) {
  const last = data.counts.length;
  const span = (low, high) => [Math.max(-0.6, low - 0.6), Math.min(last - 0.4, high + 0.6)];
  return barsChart(data, data.counts.map((_, i) => i), (i) => `class ${data.labels[i]}`, span, 0.6);
}

function binsChart(data) {
  const { edges } = data, middles = data.counts.map((_, i) => edges[i] / 2 + edges[i + 1] / 2);
  const name = (i) => `${figure(edges[i])} to ${figure(edges[i + 1])}`;
  const half = (edges[1] - edges[0]) / 2;
  return barsChart(data, middles, name, (low, high) => [low - half, high + half], half);
}

function bySize(data) {
  const order = data.counts.map((_, i) => i).sort((a, b) => data.counts[b] - data.counts[a]);
  return { ...data, labels: order.map((i) => data.labels[i]), counts: order.map((i) => data.counts[i]) };
}

const kinds = { lines: linesChart, classes: classesChart, bins: binsChart };

function button(text, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", () => action(made));
  return made;
}

// A chart, redrawn if the width, the colours or the order change.
class Chart {
  constructor(place, data) {
    this.place = place;
    this.data = data;
    this.tools = document.createElement("div");
    this.tools.className = "tools";
    this.plot = document.createElement("div");
    this.plot.className = "plot";
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "group");
    this.plot.setAttribute("aria-label", `${place.dataset.title}, a chart; arrow keys move over its values`);
    place.append(this.tools, this.plot);
    this.tip = makeTip(place);
    this.addTools();
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.plot.addEventListener("blur", () => this.tip.hide());
    this.draw();
    new ResizeObserver(() => this.resize()).observe(place);
  }

  addTools() {
    if (this.data.kind === "classes" && this.data.counts.length > 2) {
      this.tools.append(button("Largest first", (made) => {
        this.sorted = !this.sorted;
        made.setAttribute("aria-pressed", String(this.sorted));
        this.draw();
      }));
      this.tools.lastChild.setAttribute("aria-pressed", "false");
    }
    this.tools.append(button("Zoom in", () => this.zoom(0.5)), button("Zoom out", () => this.zoom(2)),
      button("Left", () => this.pan(-0.5)), button("Right", () => this.pan(0.5)),
      button("Whole", () => this.draw()));
  }

  draw() {
    if (this.u) this.u.destroy();
    this.at = null;
    const data = this.sorted ? bySize(this.data) : this.data;
    this.chart = kinds[data.kind](data);
    const options = this.chart.options;
    this.width = this.place.clientWidth;
    this.u = new uPlot({
      ...options, width: this.width, height: this.width < 500 ? 260 : 320, legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false } },
      hooks: { draw: [this.chart.draw], setCursor: [(u) => this.hover(u)] },
    }, this.chart.columns, this.plot);
  }

  resize() {
    const width = this.place.clientWidth;
    if (width && width !== this.width) {
      this.width = width;
      this.u.setSize({ width, height: width < 500 ? 260 : 320 });
    }
  }

  hover(u) {
    const { idx, left, top } = u.cursor;
    if (idx === null || idx === undefined || left < 0) return this.tip.hide();
    const offset = this.plot.offsetTop + u.over.offsetTop;
    return this.tip.show(this.chart.tip(idx), left + u.over.offsetLeft, offset + Math.max(top, 40));
  }

  // Zooms around the selected value; without one, around the middle of what is shown, or from its
  // start if the largest come first.
  zoom(factor) {
    const { low, high, to } = this.extent(), half = ((high - low) / 2) * factor;
    let centre = this.sorted ? low + half : (low + high) / 2;
    if (this.at !== null) centre = to(this.u.data[0][this.at]);
    this.show(centre - half, centre + half);
  }

  pan(share) {
    const { low, high, first, last } = this.extent(), width = high - low;
    const start = Math.max(first, Math.min(last - width, low + share * width));
    this.show(start, start + width);
  }

  // The visible and the full range, on the scale of the axis (logarithmic or linear).
  extent() {
    const { scales, data } = this.u, xs = data[0], log = scales.x.distr === 3;
    const to = log ? Math.log : (value) => value, { margin } = this.chart;
    return { to, low: to(scales.x.min + margin), high: to(scales.x.max - margin), first: to(xs[0]), last: to(xs[xs.length - 1]) };
  }

  show(low, high) {
    const { first, last } = this.extent(), from = this.u.scales.x.distr === 3 ? Math.exp : (value) => value;
    this.u.setScale("x", { min: from(Math.max(first, low)), max: from(Math.min(last, high)) });
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const xs = this.u.data[0], [low, high] = this.u.series[0].idxs;
    const from = this.at === null ? low - Math.sign(step) : this.at;
    const to = Math.max(0, Math.min(xs.length - 1, (step > 0 && this.at === null ? low - 1 : from) + step));
    if (to < low || to > high) this.pan(Math.sign(step) * 0.5);
    this.at = to;
    const left = this.u.valToPos(xs[this.at], "x");
    this.u.setCursor({ left, top: 60 });
    this.tip.show(this.chart.tip(this.at), left + this.u.over.offsetLeft, this.plot.offsetTop + 60);
  }
}
