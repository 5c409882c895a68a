"use strict";
// What every page can do: colours, filters and sorting of tables, and the switch of language that
// keeps the place. Other scripts of the site use window.SITE.

const SITE = (() => {
  const lang = document.documentElement.lang;
  const MINUS = "−";

  /** Text without case or accents, to be searched. */
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  /** A message with its {fields} filled in. */
  const fill = (message, fields) => message.replace(/\{(\w+)\}/g, (_, name) => fields[name]);

  /** A number as printed in the language of the page. */
  const number = (value, digits = 3) =>
    new Intl.NumberFormat(lang, { maximumSignificantDigits: digits }).format(value).replace("-", MINUS);

  /** What has been chosen on this page, kept in its address: #?name=value&… */
  const state = {
    read: () => new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : ""),
    write(changes) {
      const all = state.read();
      for (const [name, value] of Object.entries(changes)) {
        if (value === "") all.delete(name);
        else all.set(name, value);
      }
      const text = all.toString();
      if (text || location.hash.startsWith("#?")) location.replace(`#?${text}`);
    },
  };
  return { lang, fold, fill, number, state };
})();
window.SITE = SITE;

// ---------------------------------------------------------------- colours

{
  const button = document.querySelector("button.theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => {
    button.setAttribute("aria-pressed", String(isDark()));
    document.dispatchEvent(new Event("coloured"));
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // The choice then holds for this page only.
    }
    tell();
  });
  system.addEventListener("change", tell);
  tell();
}

// ---------------------------------------------------------------- language

{
  const link = document.querySelector("a.language");
  const address = link.getAttribute("href");
  const keep = () => link.setAttribute("href", address + location.hash);
  for (const event of ["click", "focus", "pointerenter"]) link.addEventListener(event, keep);
}

// ---------------------------------------------------------------- filters

/** A form with data-filters="id" hides the rows of that table that do not match its fields. */
function prepareFilters(form) {
  const rows = [...document.getElementById(form.dataset.filters).tBodies[0].rows];
  const words = rows.map((row) => SITE.fold(row.textContent));
  const selects = [...form.querySelectorAll("select")];
  const count = form.querySelector(".count");
  const chosen = SITE.state.read();
  for (const field of [form.elements.text, ...selects]) field.value = chosen.get(field.name) ?? "";

  function apply() {
    const wanted = SITE.fold(form.elements.text.value).split(/\s+/).filter(Boolean);
    rows.forEach((row, place) => {
      const found = wanted.every((word) => words[place].includes(word));
      const chosen = selects.every((s) => !s.value || row.dataset[s.name] === s.value);
      row.hidden = !(found && chosen);
    });
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = SITE.fill(count.dataset.text, { n: shown, all: rows.length });
  }
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    SITE.state.write({ [event.target.name]: event.target.value });
    apply();
  });
  apply();
}

// ---------------------------------------------------------------- sorting

const collator = new Intl.Collator(SITE.lang, { numeric: true });

/** What a row is sorted by in a column: data-sort of its cell, or the text. */
function sortKey(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.sort ?? cell.textContent.trim();
  return text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text);
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return collator.compare(String(a), String(b));
}

/** Headings of a sortable table become buttons; what has no value stays last. */
function prepareSorting(table) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = [...body.rows].map((row) => [sortKey(row, column), row]);
      keyed.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return down ? compare(b, a) : compare(a, b);
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

document.querySelectorAll("form[data-filters]").forEach(prepareFilters);
document.querySelectorAll("table.sortable").forEach(prepareSorting);
