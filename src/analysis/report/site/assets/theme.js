"use strict";
// Loaded before the page is painted: the colours chosen on an earlier visit, if any.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; the system's colours are used then.
}
