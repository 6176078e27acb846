// A tally by its keys: 1 to 9 and 0 answer, u takes back; without this there are buttons.
"use strict";
(() => {
  const hint = document.querySelector("[data-keys]");
  if (hint) hint.hidden = false;
  let sent = false;
  document.addEventListener("keydown", (event) => {
    if (sent || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("input:not([type=hidden]), textarea, select")) return;
    const key = event.key === "Backspace" ? "u" : event.key.toLowerCase();
    const button = /^[0-9u]$/.test(key) ? document.querySelector(`[data-key="${key}"]`) : null;
    if (!button) return;
    event.preventDefault();
    sent = true; // one key, one picture: whoever holds it down has answered once
    button.click();
  });
})();
