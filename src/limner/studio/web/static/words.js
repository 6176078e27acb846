// What was typed is not left behind unsaved without a question; the page works without this.
"use strict";
(() => {
  const form = document.querySelector("form.make");
  let open = false;
  form.addEventListener("input", () => (open = true));
  form.addEventListener("submit", () => (open = false));
  addEventListener("beforeunload", (event) => {
    if (open) event.preventDefault();
  });
})();
