// The wall by its keys, and the line as it grows; without this there are buttons.
"use strict";
(() => {
  const press = (what) => {
    const found = document.querySelector(what);
    if (found) found.click();
    return Boolean(found);
  };
  document.addEventListener("keydown", (event) => {
    const free = [document.body, document.getElementById("main")].includes(document.activeElement);
    if (!free || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "ArrowLeft" && press("[data-earlier]")) event.preventDefault();
    if ([" ", "ArrowRight"].includes(event.key)) {
      event.preventDefault();
      if (!press("[data-later]")) press(".onward button");
    }
  });
  document.querySelector("[data-keys]").hidden = false;

  setInterval(async () => {
    const old = document.querySelector("[data-line]");
    if (old.contains(document.activeElement)) return;
    const answer = await fetch("/show/line", { headers: { accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return; // it is asked again
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-line]");
    if (fresh.textContent !== old.textContent) old.replaceWith(fresh);
    const stage = document.querySelector("[data-at]");
    const free = document.getElementById("prompt").value === "";
    if ("last" in stage.dataset && fresh.dataset.shown !== stage.dataset.at && free) location.assign("/show"); // by another
  }, 3000);

  const watching = setInterval(async () => {
    const old = document.querySelector("[data-watch]"); // another's, whose events are not told here
    if (!old) return clearInterval(watching);
    const at = document.querySelector("[data-at]").dataset.at;
    const answer = await fetch(`/show/${at}/stage`, { headers: { accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("article");
    if (fresh && fresh.outerHTML !== old.outerHTML) old.replaceWith(fresh);
  }, 1000);
})();
