"use strict";
// The specification curve of a claim: effects in ascending order with their intervals, the choices
// behind each as filters, and what is left when some of them are ruled out.

(() => {
  const curve = window.CURVE;
  const section = document.querySelector("section.curve");
  const form = section.querySelector("form.choices");
  const plot = section.querySelector("canvas.plot");
  const range = section.querySelector("input[name=place]");
  const panel = section.querySelector(".specification");
  const summary = section.querySelector("#curve-summary");
  const shares = section.querySelector(".shares");
  const HEIGHT = 300;
  const MARGIN = { left: 52, right: 8, top: 10, bottom: 14 };
  const STRIP = 12;
  const SMALLEST_P = 0.001;

  /** The choices: codes of all specifications, and the options with their fields. */
  const choices = [...form.querySelectorAll("fieldset")].map((fieldset) => ({
    label: fieldset.querySelector("legend").textContent,
    codes: Uint8Array.from(curve.choices[fieldset.dataset.choice], (c) => parseInt(c, 36)),
    options: [...fieldset.querySelectorAll(".option")].map((row) => ({
      box: row.querySelector("input"),
      label: row.querySelector("span").textContent,
      strip: row.querySelector("canvas"),
      median: row.querySelector("[data-median]"),
    })),
  }));
  const says = Uint8Array.from(curve.says, Number);
  let kept = [];
  let picked = 0;

  // -------------------------------------------------------------- what is left

  /** Places of the specifications whose every option is ticked, in order of effect. */
  function filtered() {
    const allowed = choices.map(({ options }) => options.map(({ box }) => box.checked));
    const found = [];
    for (let i = 0; i < says.length; i += 1) {
      if (choices.every(({ codes }, place) => allowed[place][codes[i]])) found.push(i);
    }
    return found;
  }

  function quantile(values, share) {
    const known = values.filter((value) => value !== null).sort((a, b) => a - b);
    return known[Math.round(share * (known.length - 1))];
  }

  /** The median effect of places in order of effect. */
  function median(places) {
    const half = (places.length - 1) / 2;
    return (curve.effect[places[Math.floor(half)]] + curve.effect[places[Math.ceil(half)]]) / 2;
  }

  function percent(count) {
    const share = kept.length ? count / kept.length : 0;
    return new Intl.NumberFormat(SITE.lang, { style: "percent" }).format(share);
  }

  function tellSummary() {
    const counts = [0, 0, 0, 0];
    for (const i of kept) counts[says[i]] += 1;
    const fields = {
      n: kept.length.toLocaleString(SITE.lang),
      all: says.length.toLocaleString(SITE.lang),
      claimed: percent(counts[0]),
      opposing: percent(counts[3]),
      side: percent(counts[0] + counts[1]),
      median: kept.length ? SITE.number(median(kept)) : "",
    };
    summary.textContent = SITE.fill(kept.length ? summary.dataset.text : summary.dataset.none, fields);
    shares.replaceChildren(
      ...counts.map((count, code) => {
        const part = document.createElement("span");
        part.className = `s${code}`;
        part.style.flexGrow = count;
        return part;
      }),
    );
  }

  // -------------------------------------------------------------- drawing

  /** Colours of the page as it is shown now, read from the legend. */
  function palette() {
    const dots = [...section.querySelectorAll(".says .dot")];
    const styles = getComputedStyle(section);
    return {
      says: dots.map((dot) => getComputedStyle(dot).backgroundColor),
      ink: styles.color,
      faint: getComputedStyle(panel).borderTopColor,
    };
  }

  /** A canvas ready to be drawn on in units of the page, with its width. */
  function prepared(canvas, height) {
    const width = canvas.clientWidth;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    return [context, width];
  }

  /** Where the axis begins and ends: wild intervals must not set the scale. */
  function bounds() {
    const low = kept.map((i) => curve.low[i]);
    const high = kept.map((i) => curve.high[i]);
    const bottom = Math.min(0, curve.effect[kept[0]], quantile(low, 0.02) ?? 0);
    const top = Math.max(0, curve.effect[kept[kept.length - 1]], quantile(high, 0.98) ?? 0);
    const pad = 0.04 * (top - bottom || 1);
    return [bottom - pad, top + pad];
  }

  /** Round numbers across a range. */
  function ticks(bottom, top) {
    const rough = (top - bottom) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((times) => times * power >= rough);
    const found = [];
    for (let k = Math.ceil(bottom / step); k * step <= top; k += 1) found.push(k * step + 0);
    return found;
  }

  /** The first and last place in `kept` that a column of the picture stands for. */
  function columnOf(x, width) {
    const first = Math.floor((x * kept.length) / width);
    return [first, Math.max(first + 1, Math.floor(((x + 1) * kept.length) / width))];
  }

  const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

  function drawPlot(colours) {
    const [context, width] = prepared(plot, HEIGHT);
    if (!kept.length) return;
    const [bottom, top] = bounds();
    const inner = width - MARGIN.left - MARGIN.right;
    const y = (value) =>
      MARGIN.top + ((top - value) / (top - bottom)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "right";
    for (const tick of ticks(bottom, top)) {
      context.fillStyle = colours.faint;
      context.fillRect(MARGIN.left, y(tick), inner, tick === 0 ? 1.6 : 0.6);
      context.fillStyle = colours.ink;
      context.fillText(SITE.number(tick), MARGIN.left - 6, y(tick) + 4);
    }
    for (let x = 0; x < inner; x += 1) drawColumn(context, x, inner, y, colours);
    drawPicked(context, inner, y, colours);
  }

  /** One column: the median interval of its specifications, and their effects. */
  function drawColumn(context, x, inner, y, colours) {
    const [first, last] = columnOf(x, inner);
    const here = kept.slice(first, last);
    const low = middle(here.map((i) => curve.low[i] ?? curve.effect[i]));
    const high = middle(here.map((i) => curve.high[i] ?? curve.effect[i]));
    context.fillStyle = colours.says[middle(here.map((i) => says[i]))];
    context.globalAlpha = 0.45;
    context.fillRect(MARGIN.left + x, y(high), 1, Math.max(1, y(low) - y(high)));
    context.globalAlpha = 1;
    context.fillStyle = colours.ink;
    const above = y(curve.effect[here[here.length - 1]]);
    context.fillRect(MARGIN.left + x, above - 0.8, 1, y(curve.effect[here[0]]) - above + 1.6);
  }

  function drawPicked(context, inner, y, colours) {
    const i = kept[picked];
    const x = MARGIN.left + ((picked + 0.5) * inner) / kept.length;
    context.fillStyle = colours.ink;
    context.fillRect(x - 0.75, y(curve.high[i] ?? curve.effect[i]), 1.5,
      y(curve.low[i] ?? curve.effect[i]) - y(curve.high[i] ?? curve.effect[i]));
    context.beginPath();
    context.arc(x, y(curve.effect[i]), 5, 0, 2 * Math.PI);
    context.fillStyle = colours.says[says[i]];
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = colours.ink;
    context.stroke();
  }

  /** Where along the order an option is chosen: the darker, the more of them choose it. */
  function drawStrip(strip, codes, code, colours) {
    const [context, width] = prepared(strip, STRIP);
    context.fillStyle = colours.ink;
    for (let x = 0; kept.length && x < width; x += 1) {
      const [first, last] = columnOf(x, width);
      let count = 0;
      for (let k = first; k < last; k += 1) count += codes[kept[k]] === code;
      context.globalAlpha = count / (last - first);
      context.fillRect(x, 0, 1, STRIP);
    }
  }

  function drawChoices(colours) {
    for (const { codes, options } of choices) {
      options.forEach(({ strip, median: shown }, code) => {
        drawStrip(strip, codes, code, colours);
        const with_ = kept.filter((i) => codes[i] === code);
        shown.textContent = with_.length ? SITE.number(median(with_), 2) : "";
      });
    }
  }

  // -------------------------------------------------------------- one specification

  function pick(place) {
    picked = Math.min(Math.max(place, 0), kept.length - 1);
    range.value = picked + 1;
    tellPicked();
    drawPlot(palette());
  }

  function tellPicked() {
    const i = kept[picked];
    if (i === undefined) return panel.replaceChildren();
    const heading = document.createElement("p");
    const dot = document.createElement("span");
    dot.className = `dot s${says[i]}`;
    const strong = document.createElement("strong");
    strong.textContent = SITE.fill(panel.dataset.heading, {
      n: (picked + 1).toLocaleString(SITE.lang),
      all: kept.length.toLocaleString(SITE.lang),
    });
    const shown = (value) => (value === null ? "–" : SITE.number(value));
    const tiny = curve.p[i] !== null && curve.p[i] < SMALLEST_P;
    const estimate = SITE.fill(panel.dataset.estimate, {
      effect: shown(curve.effect[i]),
      low: shown(curve.low[i]),
      high: shown(curve.high[i]),
      p: tiny ? `p < ${SITE.number(SMALLEST_P)}` : `p = ${shown(curve.p[i])}`,
    });
    heading.append(dot, strong, ` ${estimate}`);
    const list = document.createElement("dl");
    for (const { label, codes, options } of choices) {
      const name = document.createElement("dt");
      const value = document.createElement("dd");
      name.textContent = label;
      value.textContent = options[codes[i]].label;
      list.append(name, value);
    }
    panel.replaceChildren(heading, list);
    range.setAttribute("aria-valuetext", `${strong.textContent} ${estimate}`);
  }

  // -------------------------------------------------------------- events

  function draw() {
    const colours = palette();
    drawPlot(colours);
    drawChoices(colours);
  }

  function update() {
    kept = filtered();
    range.max = Math.max(1, kept.length);
    picked = Math.min(picked, Math.max(0, kept.length - 1));
    tellSummary();
    tellPicked();
    draw();
  }

  plot.style.height = `${HEIGHT}px`;
  section.querySelector(".interactive").hidden = false;
  picked = Math.floor(says.length / 2);
  update();
  range.value = picked + 1;
  form.addEventListener("input", update);
  range.addEventListener("input", () => pick(Number(range.value) - 1));
  plot.addEventListener("pointermove", (event) => {
    const inner = plot.clientWidth - MARGIN.left - MARGIN.right;
    if (kept.length) pick(Math.floor(((event.offsetX - MARGIN.left) * kept.length) / inner));
  });
  section.querySelector("button.reset").addEventListener("click", () => {
    form.reset();
    update();
  });
  document.addEventListener("coloured", draw);
  new ResizeObserver(draw).observe(plot);
})();
