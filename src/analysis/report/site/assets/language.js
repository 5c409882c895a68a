"use strict";
// The first page leads on to the language of the browser; without scripts its two links do.
location.replace(navigator.language.startsWith("fr") ? "fr/index.html" : "en/index.html");
