// A page that stays current: <section data-stream="/shops/demo/board/stream">.
//
// Each message is one JSON object, any of:
//   texts  {name: text}      replaces the text of [data-live=name]
//   values {name: number}    sets the value of [data-live-value=name] (a progress element)
//   html   {name: html}      replaces the inside of [data-live-html=name]; rendered by our templates
//   charts {id: option}      merges an ECharts option into the chart with that id
//   at     "…Z"              the instant the message is about; kept in data-live-at
//   reload true              the page has changed its shape: load it again
"use strict";
(() => {
  document.querySelectorAll("[data-stream]").forEach((section) => {
    const all = (attribute, name) => section.querySelectorAll(`[${attribute}="${CSS.escape(name)}"]`);
    const apply = (message) => {
      if (message.reload) { location.reload(); return; }
      for (const [name, text] of Object.entries(message.texts || {})) {
        all("data-live", name).forEach((element) => {
          if (element.textContent === text) return;
          element.textContent = text;
          element.classList.remove("is-new");
          void element.offsetWidth; // restarts the animation
          element.classList.add("is-new");
        });
      }
      for (const [name, value] of Object.entries(message.values || {})) {
        all("data-live-value", name).forEach((element) => { element.value = value; });
      }
      for (const [name, html] of Object.entries(message.html || {})) {
        all("data-live-html", name).forEach((element) => { element.innerHTML = html; });
      }
      for (const [id, option] of Object.entries(message.charts || {})) {
        if (window.springtideCharts) window.springtideCharts.update(id, option);
      }
      if (message.at) section.dataset.liveAt = message.at;
    };
    const source = new EventSource(section.dataset.stream);
    source.onmessage = (event) => apply(JSON.parse(event.data));
    source.onopen = () => section.classList.remove("is-lost");
    source.onerror = () => section.classList.add("is-lost"); // the browser connects again by itself
    window.addEventListener("pagehide", () => source.close());
  });
})();
