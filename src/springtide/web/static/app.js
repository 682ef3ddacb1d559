// Small behaviours of every page: dialogs, shop time, focus after a refusal, copy, dropped files.
"use strict";
(() => {
  const ready = (root) => {
    const wrong = root.querySelector("[data-focus]");
    if (wrong) wrong.focus();
    const opened = root.querySelector("dialog[data-open]");
    if (opened && !opened.open) opened.showModal();
  };

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      dialog.showModal();
      return;
    }
    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog").close();
    if (event.target.matches("dialog.ask")) event.target.close();
    const shower = event.target.closest("[data-shows]");
    if (shower) {
      const input = document.getElementById(shower.dataset.shows);
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      shower.setAttribute("aria-pressed", String(shown));
      input.focus();
    }
    const copier = event.target.closest("[data-copies]");
    if (copier) {
      const text = document.getElementById(copier.dataset.copies).textContent.trim();
      navigator.clipboard.writeText(text).then(() => {
        copier.classList.add("btn-success");
        copier.setAttribute("aria-label", copier.dataset.copied || "");
      });
    }
  });

  // A form is sent once: a second press while the first travels does nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method === "post") {
      form.dataset.sent = "1";
      // What may take long says so, and is still sent once.
      const slow = form.querySelector("[data-slow]");
      if (slow) setTimeout(() => { slow.hidden = false; }, 3000);
      else setTimeout(() => { delete form.dataset.sent; }, 4000);
    }
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
    document.querySelectorAll("[data-slow]").forEach((slow) => { slow.hidden = true; });
  });

  // Filters apply as soon as one is chosen.
  document.addEventListener("change", (event) => {
    if (event.target.closest("[data-submits]")) event.target.form.requestSubmit();
  });

  // The shop's clock goes on at its own speed.
  const clock = document.querySelector("[data-shop-time]");
  if (clock && clock.dataset.shopTime) {
    const start = Date.now();
    const shown = new Date(clock.dataset.shopTime).getTime();
    const speed = Number(clock.dataset.speed);
    const root = document.documentElement.dataset;
    const format = new Intl.DateTimeFormat(root.language === "zh" ? "zh-CN" : "en-US", {
      timeZone: root.zone, year: "numeric", month: "short", day: "numeric",
      hour: "2-digit", minute: "2-digit", hourCycle: "h23",
    });
    const tick = () => {
      clock.textContent = format.format(new Date(shown + (Date.now() - start) * speed));
    };
    tick();
    if (speed) setInterval(tick, Math.max(200, Math.min(10000, 60000 / Math.abs(speed))));
  }

  document.querySelectorAll(".drop").forEach((drop) => {
    const input = drop.querySelector("input[type=file]");
    const names = drop.querySelector("[data-names]");
    const show = () => { if (names) names.textContent = [...input.files].map((f) => f.name).join(", "); };
    // When each file was last changed goes along: of two files the newer counts.
    const modified = document.getElementById(input.dataset.modified || "");
    const noteTimes = () => {
      if (modified) modified.value = [...input.files].map((f) => f.lastModified || "").join(",");
    };
    input.addEventListener("change", () => { show(); noteTimes(); });
    drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("is-over"); });
    drop.addEventListener("dragleave", () => drop.classList.remove("is-over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("is-over");
      input.files = event.dataTransfer.files;
      show();
      noteTimes();
    });
  });

  // Large files show how much of them has been sent.
  document.querySelectorAll("form[data-uploads]").forEach((form) => {
    const bar = form.querySelector("[data-upload-progress]");
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented || !form.querySelector("input[type=file]").files.length) return;
      event.preventDefault();
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.upload.addEventListener("progress", (sent) => {
        bar.hidden = false;
        if (sent.lengthComputable) bar.value = sent.loaded / sent.total;
      });
      request.addEventListener("load", () => {
        if (request.status < 400) { window.location.assign(request.responseURL || form.action); return; }
        document.open(); document.write(request.responseText); document.close();
      });
      request.addEventListener("error", () => form.submit());
      request.send(new FormData(form, event.submitter));
    });
  });

  ready(document);
  document.addEventListener("htmx:afterSwap", (event) => ready(event.target));
})();
