// Pages work without this.  With it, what is open comes to its end before one's eyes.
"use strict";
(() => {
  const card = (job) => document.getElementById(`job-${job}`);
  const part = (job, name) => card(job)?.querySelector(`[data-${name}]`);

  async function renew(job, kind) {
    const old = card(job);
    if (!old) return;
    if ("reload" in old.dataset) {
      if (["done", "failed", "cancelled"].includes(kind)) location.reload();
      return;
    }
    const answer = await fetch(`/jobs/${job}/card`, { headers: { accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return; // the server is away, or this page is: whoever comes back sees how it stands
    const held = old.contains(document.activeElement);
    const sheet = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = sheet.querySelector("article");
    old.replaceWith(fresh);
    if (held) fresh.querySelector("h3").focus();
    if (!["queued", "running"].includes(fresh.dataset.state)) {
      const seed = fresh.querySelector("h3").textContent;
      document.getElementById("news").textContent = `${seed}: ${fresh.dataset.state}`;
    }
  }

  function step({ job, done, total }) {
    const bar = part(job, "progress");
    const look = part(job, "look");
    if (!bar || !look) return;
    bar.max = total;
    bar.value = done;
    look.onload = () => { look.hidden = false; }; // there may be none: a class's filter lets nothing be seen before its end
    look.src = `/api/jobs/${job}/preview?at=${done}`;
  }

  function place(line) {
    for (const [job, { words }] of Object.entries(line)) {
      const status = part(job, "status");
      if (status && status.textContent !== words) status.textContent = words;
    }
  }

  const roll = document.querySelector("[data-roll]");
  if (roll) {
    roll.hidden = false;
    roll.addEventListener("click", () => {
      const seed = document.getElementById("seed");
      seed.value = crypto.getRandomValues(new Uint32Array(1))[0] % (Number(seed.max) - 1000);
      document.getElementById("lock").checked = true;
      document.getElementById("news").textContent = `Seed ${seed.value}`;
    });
  }

  if (document.querySelector("[data-state=queued], [data-state=running]")) {
    const after = document.querySelector("script[data-after]").dataset.after;
    const news = new EventSource(`/api/events?after=${after}`);
    news.addEventListener("stepped", (event) => step(JSON.parse(event.data)));
    news.addEventListener("places", (event) => place(JSON.parse(event.data)));
    for (const kind of ["leased", "returned", "done", "failed", "cancelled"]) {
      news.addEventListener(kind, (event) => renew(JSON.parse(event.data).job, kind));
    }
  }
})();
