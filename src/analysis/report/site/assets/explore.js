"use strict";
// The map of regions and the chart over time. Indicators are loaded one by one as scripts, because
// a page opened from disk may not fetch.

const EXPLORE = (() => {
  const folder = document.querySelector("main").dataset.data;
  const loaded = new Map([[window.INDICATOR.name, window.INDICATOR]]);

  /** An indicator of all territories: {name, first, values: {territory: [one a year]}}. */
  function load(name) {
    if (loaded.has(name)) return Promise.resolve(loaded.get(name));
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${folder}indicator_${name}.js`;
      script.onload = () => {
        loaded.set(name, window.INDICATOR);
        resolve(window.INDICATOR);
      };
      script.onerror = reject;
      document.head.append(script);
    });
  }

  const at = (indicator, geo, year) => indicator.values[geo]?.[year - indicator.first] ?? null;
  const lastYear = (indicator) =>
    indicator.first + Math.max(0, ...Object.values(indicator.values).map((v) => v.length)) - 1;

  /** What a menu says of the indicator chosen: its unit, and a title for what shows it. */
  function described(select) {
    const option = select.selectedOptions[0];
    const { unit, truncated } = option.dataset;
    const { incomplete } = select.closest("section").dataset;
    const remark = truncated ? `. ${SITE.fill(incomplete, { year: truncated })}` : "";
    return { unit, title: (year) => `${option.textContent} (${unit})${year}${remark}` };
  }

  /** An element with its text and attributes; SVG where `space` says so. */
  function element(name, attributes = {}, text = "", space = "") {
    const made = space ? document.createElementNS(space, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }
  return { load, at, lastYear, described, element };
})();

// ---------------------------------------------------------------- the map

(() => {
  const section = document.querySelector("section.map");
  const form = document.getElementById("map-form");
  const title = section.querySelector(".map-title");
  const tip = section.querySelector(".map-tip");
  const legend = section.querySelector(".classes");
  const ranking = document.getElementById("ranking");
  const dots = new Map(
    [...section.querySelectorAll("a[data-geo]")].map((link) => [link.dataset.geo, link]),
  );
  const CLASSES = 6;
  const LETTERS = 4; // of the code of a region
  /** The regions, on the map or off it. */
  const regions = Object.keys(window.TERRITORIES).filter((geo) => geo.length === LETTERS);
  let indicator = window.INDICATOR;
  /** Regions with a value, highest first; those of them on the map; their places, equal for equals. */
  let order = [];
  let drawn = [];
  let ranks = new Map();

  const year = () => Number(form.elements.year.value);
  const value = (geo) => EXPLORE.at(indicator, geo, year());

  /** How many regions of the map have a value, by year. */
  function coverage() {
    const last = EXPLORE.lastYear(indicator);
    const counts = new Map();
    for (let y = indicator.first; y <= last; y += 1) {
      counts.set(y, [...dots.keys()].filter((geo) => EXPLORE.at(indicator, geo, y) !== null).length);
    }
    return counts;
  }

  /** The years that can be chosen; the last one that most regions have is shown first. */
  function prepareYears(wanted) {
    const counts = coverage();
    const years = [...counts.keys()].filter((y) => counts.get(y) > 0);
    const most = Math.max(...counts.values());
    const good = years.filter((y) => counts.get(y) >= 0.8 * most);
    form.elements.year.min = years[0];
    form.elements.year.max = years[years.length - 1];
    form.elements.year.value = years.includes(wanted) ? wanted : (good.at(-1) ?? years.at(-1));
  }

  /** Upper ends of classes with (nearly) as many regions each. */
  function classEnds(sorted) {
    const ends = [];
    for (let k = 1; k <= CLASSES; k += 1) {
      ends.push(sorted[Math.ceil((k * sorted.length) / CLASSES) - 1]);
    }
    return [...new Set(ends)];
  }

  function paint() {
    const known = regions.filter((geo) => value(geo) !== null);
    order = known.sort((a, b) => value(b) - value(a) || (a < b ? -1 : 1));
    drawn = order.filter((geo) => dots.has(geo));
    ranks = new Map();
    order.forEach((geo, place) => {
      const before = order[place - 1];
      const tied = before !== undefined && value(before) === value(geo);
      ranks.set(geo, tied ? ranks.get(before) : place + 1);
    });
    const sorted = drawn.map(value).reverse();
    const ends = classEnds(sorted);
    for (const [geo, link] of dots) {
      const mine = value(geo);
      const place = mine === null ? 0 : ends.findIndex((end) => mine <= end) + 1;
      const shade = place && Math.round((place * CLASSES) / ends.length);
      link.firstElementChild.setAttribute("class", `dot q${shade}`);
      link.setAttribute("aria-label", `${window.TERRITORIES[geo]}, ${shown(mine)}`);
      link.tabIndex = -1;
    }
    if (drawn.length) dots.get(drawn[0]).tabIndex = 0;
    title.textContent = EXPLORE.described(form.elements.indicator).title(`, ${year()}`);
    form.elements.shown.textContent = year();
    paintLegend(ends, sorted);
    fillRanking(title.textContent);
  }

  const shown = (number) => (number === null ? tip.dataset.missing : SITE.number(number));

  function paintLegend(ends, sorted) {
    const items = ends.map((end, place) => {
      const item = EXPLORE.element("li");
      const shade = Math.round(((place + 1) * CLASSES) / ends.length);
      const from = place ? ends[place - 1] : sorted[0];
      item.append(EXPLORE.element("span", { class: `dot q${shade}`, "aria-hidden": "true" }));
      item.append(`${SITE.number(from)} – ${SITE.number(end)}`);
      return item;
    });
    const missing = EXPLORE.element("li");
    missing.append(EXPLORE.element("span", { class: "dot q0", "aria-hidden": "true" }));
    missing.append(legend.dataset.missing);
    legend.replaceChildren(...items.reverse(), missing);
  }

  function fillRanking(words) {
    ranking.caption.textContent = words;
    const rows = order.map((geo) => {
      const row = EXPLORE.element("tr");
      const name = EXPLORE.element("th", { scope: "row" });
      name.append(EXPLORE.element("a", { href: `territories/${geo}.html` }, window.TERRITORIES[geo]));
      row.append(EXPLORE.element("td", { class: "number" }, String(ranks.get(geo))), name);
      row.append(EXPLORE.element("td", { class: "number" }, SITE.number(value(geo))));
      return row;
    });
    ranking.tBodies[0].replaceChildren(...rows);
  }

  function tell(geo) {
    const { unit } = EXPLORE.described(form.elements.indicator);
    const name = EXPLORE.element("p");
    name.append(EXPLORE.element("strong", {}, window.TERRITORIES[geo]), ` ${geo}`);
    const mine = value(geo);
    const figure = EXPLORE.element("p", {}, mine === null ? shown(mine) : `${shown(mine)} ${unit}`);
    const counts = { rank: ranks.get(geo), all: order.length };
    const place = EXPLORE.element("p", {}, mine === null ? "" : SITE.fill(tip.dataset.rank, counts));
    tip.replaceChildren(name, figure, place);
    section.querySelector("a.told")?.classList.remove("told");
    dots.get(geo)?.classList.add("told");
  }

  /** Arrow keys go from region to region in the order of the values. */
  function move(event, geo) {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const step = steps[event.key];
    if (!step || !drawn.length) return;
    event.preventDefault();
    const next = drawn[Math.min(Math.max(drawn.indexOf(geo) + step, 0), drawn.length - 1)];
    dots.get(geo).tabIndex = -1;
    dots.get(next).tabIndex = 0;
    dots.get(next).focus();
  }

  function find() {
    const text = SITE.fold(form.elements.find.value);
    const geo =
      regions.find((code) => SITE.fold(code) === text) ??
      regions.find((code) => text.length > 2 && SITE.fold(window.TERRITORIES[code]).includes(text));
    if (geo) tell(geo);
  }

  for (const [geo, link] of dots) {
    link.addEventListener("pointerenter", () => tell(geo));
    link.addEventListener("focus", () => tell(geo));
    link.addEventListener("keydown", (event) => move(event, geo));
  }

  async function choose(wanted) {
    indicator = await EXPLORE.load(form.elements.indicator.value);
    prepareYears(wanted);
    paint();
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.indicator.addEventListener("change", async () => {
    await choose(year());
    SITE.state.write({ indicator: form.elements.indicator.value, year: year() });
  });
  form.elements.year.addEventListener("input", paint);
  form.elements.year.addEventListener("change", () => SITE.state.write({ year: year() }));
  form.elements.find.addEventListener("input", find);
  const before = SITE.state.read();
  if (before.has("indicator")) form.elements.indicator.value = before.get("indicator");
  if (!form.elements.indicator.value) form.elements.indicator.selectedIndex = 0;
  choose(Number(before.get("year")));
})();

// ---------------------------------------------------------------- the chart

(() => {
  const section = document.querySelector("section.chart");
  const form = document.getElementById("chart-form");
  const frame = section.querySelector(".chart-frame");
  const title = section.querySelector(".map-title");
  const tip = section.querySelector(".chart-tip");
  const table = document.getElementById("chart-table");
  const SVG = "http://www.w3.org/2000/svg";
  const HEIGHT = 340;
  const MARGIN = { left: 56, right: 44, top: 12, bottom: 26 };
  const STYLES = 10;
  let indicator = window.INDICATOR;
  let series = [];
  let years = [];
  let pointed = 0;
  let placePointer = () => {};

  const names = new Map(
    [...form.querySelectorAll("input[name=country]")].map((box) => [
      box.value,
      box.parentElement.textContent.trim(),
    ]),
  );

  function region() {
    const text = SITE.fold(form.elements.region.value);
    return Object.keys(window.TERRITORIES).find((geo) => SITE.fold(geo) === text);
  }

  function chosen() {
    const boxes = [...form.querySelectorAll("input[name=country]:checked")];
    const codes = boxes.map((box) => box.value);
    return region() ? [...codes, region()] : codes;
  }

  function prepare() {
    const geos = chosen().filter((geo) => indicator.values[geo]);
    const last = EXPLORE.lastYear(indicator);
    const all = Array.from({ length: last - indicator.first + 1 }, (_, k) => indicator.first + k);
    years = all.filter((year) => geos.some((geo) => EXPLORE.at(indicator, geo, year) !== null));
    series = geos.map((geo) => ({
      geo,
      name: names.get(geo) ?? window.TERRITORIES[geo],
      values: years.map((year) => EXPLORE.at(indicator, geo, year)),
    }));
    pointed = years.length - 1;
  }

  function ticks(top) {
    const power = 10 ** Math.floor(Math.log10(top / 4 || 1));
    const step = power * [1, 2, 5, 10].find((times) => times * power >= top / 4);
    const found = [];
    for (let k = 0; k * step <= top; k += 1) found.push(k * step);
    return found;
  }

  function draw() {
    const width = frame.clientWidth;
    const known = series.flatMap(({ values }) => values).filter((value) => value !== null);
    const top = Math.max(...known, 0) * 1.04 || 1;
    const bottom = Math.min(...known, 0);
    const x = (place) =>
      MARGIN.left + (place * (width - MARGIN.left - MARGIN.right)) / Math.max(1, years.length - 1);
    const y = (value) =>
      MARGIN.top + ((top - value) / (top - bottom)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    const svg = EXPLORE.element(
      "svg",
      {
        viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", tabindex: "0",
        "aria-label": `${title.textContent}. ${series.map((one) => one.name).join(", ")}`,
      },
      "",
      SVG,
    );
    const add = (name, attributes, text) =>
      svg.append(EXPLORE.element(name, attributes, text, SVG));
    for (const tick of ticks(top)) {
      add("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) });
      add("text", { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end" }, SITE.number(tick));
    }
    const every = Math.ceil(years.length / Math.max(2, Math.floor(width / 70)));
    years.forEach((year, place) => {
      if (place % every === 0) {
        add("text", { x: x(place), y: HEIGHT - 6, "text-anchor": "middle" }, String(year));
      }
    });
    add("line", { class: "pointer", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom });
    series.forEach((one, place) => drawLine(add, one, place % STYLES, x, y));
    svg.addEventListener("pointermove", (event) => {
      const share = (event.offsetX - MARGIN.left) / (width - MARGIN.left - MARGIN.right);
      point(Math.round(share * (years.length - 1)));
    });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) {
        event.preventDefault();
        point(pointed + step);
      }
    });
    frame.replaceChildren(svg);
    placePointer = () => {
      const pointer = svg.querySelector(".pointer");
      pointer.setAttribute("x1", x(pointed));
      pointer.setAttribute("x2", x(pointed));
    };
    point(pointed);
  }

  function drawLine(add, { geo, values }, style, x, y) {
    let path = "";
    values.forEach((value, place) => {
      if (value === null) return;
      path += `${path && values[place - 1] != null ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
      const alone = values[place - 1] == null && values[place + 1] == null;
      if (alone) add("circle", { class: `line${style}`, cx: x(place), cy: y(value), r: 1 });
    });
    add("path", { class: `line line${style}`, d: path });
    const last = values.findLastIndex((value) => value !== null);
    add("text", { class: `end line${style}`, x: x(last) + 5, y: y(values[last]) + 4 }, geo);
  }

  /** Says the values of one year. */
  function point(place) {
    pointed = Math.max(0, Math.min(place, years.length - 1));
    placePointer();
    const said = series
      .filter(({ values }) => values[pointed] !== null)
      .sort((a, b) => b.values[pointed] - a.values[pointed])
      .map(({ name, values }) => `${name} ${SITE.number(values[pointed])}`);
    tip.textContent = years.length ? `${years[pointed]} · ${said.join(" · ")}` : "";
  }

  function fillTable(words) {
    table.caption.textContent = words;
    const head = EXPLORE.element("tr");
    head.append(EXPLORE.element("td"));
    for (const { name } of series) {
      head.append(EXPLORE.element("th", { scope: "col", class: "number" }, name));
    }
    table.tHead.replaceChildren(head);
    const rows = years.map((year, place) => {
      const row = EXPLORE.element("tr");
      row.append(EXPLORE.element("th", { scope: "row" }, String(year)));
      for (const { values } of series) {
        const text = values[place] === null ? "–" : SITE.number(values[place]);
        row.append(EXPLORE.element("td", { class: "number" }, text));
      }
      return row;
    });
    table.tBodies[0].replaceChildren(...rows.reverse());
  }

  async function update() {
    indicator = await EXPLORE.load(form.elements.indicator.value);
    title.textContent = EXPLORE.described(form.elements.indicator).title("");
    prepare();
    draw();
    fillTable(title.textContent);
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", async () => {
    await update();
    SITE.state.write({ shown: form.elements.indicator.value, countries: chosen().join(" ") });
  });
  const before = SITE.state.read();
  if (before.has("shown")) form.elements.indicator.value = before.get("shown");
  if (!form.elements.indicator.value) form.elements.indicator.selectedIndex = 0;
  if (before.has("countries")) {
    const codes = before.get("countries").split(" ");
    for (const box of form.querySelectorAll("input[name=country]")) {
      box.checked = codes.includes(box.value);
    }
    form.elements.region.value = codes.find((code) => code.length > 2) ?? "";
  }
  update();
  new ResizeObserver(draw).observe(frame);
})();
