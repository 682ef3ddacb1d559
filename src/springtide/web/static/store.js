// The sample storefront: all that a shop's page does with the public API and the publishable key.
"use strict";
(() => {
  const root = document.querySelector("[data-store]");
  if (!root) return;
  const words = (name) => root.dataset[`word${name}`];
  const kept = (name) => localStorage.getItem(`${root.dataset.store}.${name}`);
  const keep = (name, value) => localStorage.setItem(`${root.dataset.store}.${name}`, value);
  const titles = JSON.parse(root.dataset.titles);
  const cart = JSON.parse(kept("cart") || "{}");
  let quoted = null;

  const money = (minor) =>
    new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency: root.dataset.currency })
      .format(minor / 100);
  const tell = (text) => {
    const told = document.getElementById("told");
    told.textContent = text;
    told.hidden = false;
  };

  // 1. The public API. A claim carries a key of its own: sent again, it is the same claim.
  const api = async (method, path, body, key) => {
    const headers = { Authorization: `Bearer ${root.dataset.key}`, "Content-Type": "application/json" };
    if (key) headers["Idempotency-Key"] = key;
    for (let tries = 0; ; tries += 1) {
      const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
      const said = await answer.json();
      if (answer.status !== 429 || tries === (said.place ? 100 : 3)) return { status: answer.status, document: said };
      // Many are here at once: wait for the turn, then send the very same claim with the place it has.
      if (said.place) {
        headers["Waiting-Place"] = said.place;
        tell(words("Before").replace("{n}", said.position));
      }
      const seconds = said.retry_after || Number(answer.headers.get("retry-after") || 1);
      await new Promise((go) => setTimeout(go, 1000 * seconds));
    }
  };

  // 2. The shop's own server: who the visitor is, orders, payments.
  const server = async (path, body) => {
    const answer = await fetch(`/store/${root.dataset.store}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": root.dataset.csrf },
      body: JSON.stringify(body || {}),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(answer.status === 409 ? "409" : text.slice(0, 200));
    return JSON.parse(text);
  };
  const visitor = async (anew) => {
    if (anew || !kept("token")) {
      const found = await server("/visitor");
      keep("token", found.customer_token);
      keep("visitor", found.customer_key);
    }
    return { customer_token: kept("token"), visitor_key: kept("visitor") };
  };

  // 3. What visitors do becomes facts.
  const event = (kind, product) =>
    api("POST", "/v1/events", { events: [{ kind, product_key: product, visitor_key: kept("visitor") }] });

  // 4. Rewards: listed, claimed, shared.
  const element = (tag, text, className) => {
    const made = document.createElement(tag);
    made.textContent = text || "";
    if (className) made.className = className;
    return made;
  };
  const claim = async (reward, more) => {
    const who = await visitor();
    const isFlash = reward.kind === "flash";
    const path = isFlash ? `/v1/flash/${reward.key}/reserve` : "/v1/claims";
    const body = { ...who, device: kept("visitor"), ...more };
    if (!isFlash) body.reward = reward.key;
    const { status, document: said } = await api("POST", path, body, crypto.randomUUID());
    if (status !== 201) tell(said.detail);
    else if (said.granted.what === "nothing") tell(words("Nothing"));
    else if (said.granted.what === "packet") tell(`${words("Got")} ${money(said.granted.amount)}`);
    else tell(`${words("Got")} ${said.granted.name || reward.name} ${said.granted.amount || ""}`);
    await refresh();
  };
  const share = async (reward) => {
    const { customer_token } = await visitor();
    const { document: made } = await api("POST", "/v1/shares", { reward: reward.key, customer_token });
    const link = `${location.origin}${location.pathname}#${reward.key}.${made.share}`;
    await navigator.clipboard.writeText(link).catch(() => {});
    tell(`${words("Copied")} ${link}`);
  };
  const rewardCard = (reward) => {
    const card = element("article", "", "store-reward");
    card.append(element("strong", reward.name), element("div", `${reward.left} ${words("Left")}`));
    const more = {};
    for (const [wants, name] of [[reward.kind === "phrase_packet", "phrase"], [reward.needs_code, "code"]]) {
      if (!wants) continue;
      const input = element("input", "", "form-control form-control-sm my-1");
      input.placeholder = words(name === "phrase" ? "Phrase" : "Code");
      input.addEventListener("input", () => { more[name] = input.value; });
      card.append(input);
    }
    const isShare = reward.kind === "share";
    const word = isShare ? "Share" : reward.kind === "flash" ? "Reserve" : "Claim";
    const button = element("button", words(word), "btn btn-sm mt-2");
    button.addEventListener("click", () => (isShare ? share(reward) : claim(reward, more)));
    card.append(button);
    return card;
  };
  const refresh = async () => {
    const { document: list } = await api("GET", "/v1/rewards");
    const shown = list.items.filter((reward) => reward.kind !== "buy_to_get");
    document.getElementById("rewards").replaceChildren(...shown.map(rewardCard));
    const { customer_token } = await visitor();
    const held = await api("POST", "/v1/holdings", { customer_token });
    if (held.status === 401) { await visitor(true); return; }
    const names = held.document.claims.map((each) => each.granted.name || each.granted.what);
    document.getElementById("holdings").textContent =
      [`${words("Points")} ${held.document.points}`, ...names].join(" · ");
    await price();
  };

  // 5. The cart, at the best legal price, explained.
  const lines = () => Object.entries(cart).map(([product_key, quantity]) => ({ product_key, quantity }));
  const price = async () => {
    const place = document.getElementById("cart");
    const pay = document.getElementById("pay");
    quoted = null;
    pay.disabled = true;
    if (!lines().length) { place.replaceChildren(element("p", words("Empty"), "text-secondary")); return; }
    const { customer_token } = await visitor();
    const { status, document: quote } = await api("POST", "/v1/quotes", { lines: lines(), customer_token });
    if (status !== 200) { tell(quote.detail); return; }
    const rows = quote.decision.lines.map((line) => [`${line.product_key} × ${line.quantity}`, money(line.gross_minor)]);
    for (const rule of quote.decision.rules) rows.push([titles[rule.kind] || rule.kind, `−${money(rule.amount_minor)}`]);
    for (const each of quote.outcomes.filter((one) => one.next_step))
      rows.push([titles[each.kind] || each.kind, `${money(each.next_step.missing_minor)} ${words("More")}`]);
    rows.push([words("Total"), money(quote.decision.total_minor)]);
    place.replaceChildren(...rows.map(([name, value]) => {
      const row = element("div", "", "cart-line");
      row.append(element("span", name), element("strong", value));
      return row;
    }));
    quoted = quote.quote;
    pay.disabled = false;
  };

  document.addEventListener("click", async (happened) => {
    const button = happened.target.closest("[data-do]");
    if (!button) return;
    const product = button.closest("[data-product]").dataset.product;
    await event(button.dataset.do, product);
    if (button.dataset.do === "cart") {
      cart[product] = (cart[product] || 0) + 1;
      keep("cart", JSON.stringify(cart));
      await price();
    } else button.classList.add("btn-success");
  });
  document.getElementById("pay").addEventListener("click", async () => {
    try {
      const { customer_token } = await visitor();
      const order = await server("/orders", { lines: lines(), customer_token, quote: quoted });
      await server(`/orders/${encodeURIComponent(order.order)}/pay`);
      for (const key of Object.keys(cart)) delete cart[key];
      keep("cart", "{}");
      tell(words("Paid"));
    } catch (error) { tell(error.message); }
    await refresh();
  });

  (async () => {
    await visitor();
    // A friend who came by a link claims with the share that stands in it.
    const [reward, token] = location.hash.slice(1).split(/\.(.*)/s);
    if (token) await claim({ key: reward, kind: "share", name: "" }, { share: token });
    await refresh();
    document.querySelectorAll("[data-product]").forEach((each) => event("view", each.dataset.product));
  })();
})();
