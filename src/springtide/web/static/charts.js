// Every chart of Springtide: one theme, numbers in the page's language, resized with its box.
//
// <div data-chart><script type="application/json">{ECharts option}</script></div>
// Beside ECharts' own keys the option may hold:
//   units: one of "money" (minor units), "number", "percent" (ratio) for each value axis.
"use strict";
(() => {
  const root = document.documentElement.dataset;
  const locale = root.language === "zh" ? "zh-CN" : "en-US";
  const exponent = Number(root.exponent || 2);
  const colors = ["#0b7a93", "#e8590c", "#5c7cfa", "#2b8a3e", "#c2255c", "#e6a700", "#7048e8", "#868e96"];
  const font = getComputedStyle(document.body).fontFamily;

  const plain = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  const money = new Intl.NumberFormat(locale, { style: "currency", currency: root.currency || "USD" });
  const moneyShort = new Intl.NumberFormat(locale, {
    style: "currency", currency: root.currency || "USD", notation: "compact", maximumFractionDigits: 1,
  });
  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
  const full = (unit) => (value) => {
    if (!isNumber(value)) return value === null || value === undefined || value === "-" ? "–" : String(value);
    if (unit === "money") return money.format(value / 10 ** exponent);
    if (unit === "percent") return share.format(value);
    return plain.format(value);
  };
  const short = (unit) => (value) => {
    if (!isNumber(value)) return String(value);
    if (unit === "money") return moneyShort.format(value / 10 ** exponent);
    if (unit === "percent") return share.format(value);
    return compact.format(value);
  };

  const axisLook = {
    axisLine: { lineStyle: { color: "#cbd5dc" } },
    axisTick: { show: false },
    axisLabel: { color: "#5b6b76", hideOverlap: true },
    splitLine: { lineStyle: { color: "#eef2f5" } },
    nameTextStyle: { color: "#5b6b76" },
  };
  echarts.registerTheme("springtide", {
    color: colors,
    textStyle: { fontFamily: font },
    // The last label ends where the axis does, instead of being cut off.
    categoryAxis: { ...axisLook, axisLabel: { ...axisLook.axisLabel, alignMaxLabel: "right" }, splitLine: { show: false } },
    valueAxis: { ...axisLook, axisLine: { show: false } },
    timeAxis: { ...axisLook, splitLine: { show: false } },
    line: { showSymbol: false, lineStyle: { width: 2.5 } },
    bar: { itemStyle: { borderRadius: [3, 3, 0, 0] }, barMaxWidth: 36 },
    legend: { textStyle: { color: "#5b6b76" } },
  });

  const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

  // Fill in what every chart shares, and the formats of its units.
  const finish = (option) => {
    const units = list(option.units);
    const unitOf = (series) => units[series.yAxisIndex || 0] || units[0] || "number";
    delete option.units;
    const series = list(option.series);
    const axes = list(option.yAxis).concat(list(option.xAxis)).filter((axis) => axis.type === "value");
    axes.forEach((axis, index) => {
      axis.axisLabel = { formatter: short(units[index] || units[0] || "number"), ...axis.axisLabel };
    });
    series.forEach((line) => {
      line.tooltip = { valueFormatter: full(unitOf(line)), ...line.tooltip };
    });
    const isCartesian = option.xAxis !== undefined;
    option.tooltip = {
      trigger: isCartesian ? "axis" : "item",
      confine: true,
      renderMode: "richText",
      backgroundColor: "#fff",
      borderColor: "#dde4e9",
      textStyle: { color: "#1f2d36", fontFamily: font },
      ...option.tooltip,
    };
    if (isCartesian) {
      option.grid = { left: 8, right: 12, top: series.length > 1 ? 40 : 16, bottom: 8, containLabel: true, ...option.grid };
    }
    if (series.length > 1 && option.legend === undefined) option.legend = { top: 0, left: 0, icon: "roundRect" };
    if (option.animation === undefined) {
      option.animation = !matchMedia("(prefers-reduced-motion: reduce)").matches;
      option.animationDuration = 300;
    }
    return option;
  };

  const draw = (box) => {
    if (echarts.getInstanceByDom(box)) return;
    const source = box.querySelector("script[type='application/json']");
    if (!source) return;
    const option = finish(JSON.parse(source.textContent));
    const chart = echarts.init(box, "springtide", { renderer: "canvas", locale: root.language === "zh" ? "ZH" : "EN" });
    chart.setOption(option);
    new ResizeObserver(() => chart.resize()).observe(box);
  };
  const drawAll = (within) => within.querySelectorAll("[data-chart]").forEach(draw);

  // For live.js: change a chart in place; series are given whole, by position.
  window.springtideCharts = {
    update(id, option) {
      const box = document.getElementById(id);
      const chart = box && echarts.getInstanceByDom(box);
      if (chart) chart.setOption(option, { lazyUpdate: true });
    },
  };

  drawAll(document);
  document.addEventListener("htmx:afterSwap", (event) => drawAll(event.target));
})();
