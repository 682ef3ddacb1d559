// The sample storefront: all that a shop's page does with the public API and the publishable key.
"use strict";
(() => {
  const root = document.querySelector("[data-store]");
  if (!root) return;
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (found, key) => values[key] ?? found);
  const words = (name, values = {}) => filled(root.dataset[`word${name}`], values);
  const capital = (text) => text[0].toUpperCase() + text.slice(1);
  const kept = (name) => localStorage.getItem(`${root.dataset.store}.${name}`);
  const keep = (name, value) => localStorage.setItem(`${root.dataset.store}.${name}`, value);
  const titles = JSON.parse(root.dataset.titles);
  const tiers = JSON.parse(root.dataset.tiers);
  const refusals = JSON.parse(root.dataset.refusals);
  const language = document.documentElement.lang;
  const listed = (names) => names.join(language.startsWith("zh") ? "、" : ", ");
  const cart = JSON.parse(kept("cart") || "{}");
  let quoted = null;

  const money = (minor) =>
    new Intl.NumberFormat(language, { style: "currency", currency: root.dataset.currency })
      .format(minor / 100);
  // A refusal has a code that never changes, and facts: so the page says it in its own language.
  const refused = ({ code, detail, facts }) => {
    if (!refusals[code]) return detail;
    const values = { ...facts };
    if (values.tiers) values.tiers = listed(values.tiers.map((each) => tiers[each] || each));
    if (values.opens_at) values.opens_at = new Date(values.opens_at).toLocaleString(language);
    return filled(refusals[code], values);
  };
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
        tell(words("Before", { n: said.position }));
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
  const event = (kind, ...products) =>
    api("POST", "/v1/events", {
      events: products.map((product_key) => ({ kind, product_key, visitor_key: kept("visitor") })),
    });

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
    if (status !== 201) tell(refused(said));
    else if (reward.kind === "group_buy") { alone(said.granted.product_key); tell(`${words("Joined")} ${groupLink(reward, said.granted.group)}`); }
    else if (reward.kind === "presale") { await server("/deposits", { claim: said.claim, customer_token: who.customer_token }); tell(words("Deposited")); }
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
  // A group's price is for its product alone: the group may be paid back whole.
  const alone = (product) => {
    for (const key of Object.keys(cart)) delete cart[key];
    cart[product] = 1;
    keep("cart", JSON.stringify(cart));
  };
  const groupLink = (reward, group) => `${location.origin}${location.pathname}#${reward.key}~${group}`;
  const [, invitedTo, invitedGroup] = location.hash.match(/^#(rwd_\w+)~(clm_\w+)$/) || [];
  const details = async (reward) => {
    const list = element("div", "", "store-details");
    for (const tier of reward.prices || [])
      list.append(element("div", `${words("People", { n: tier.people })} ${money(tier.unit_minor)}`));
    if (reward.kind === "presale") {
      const when = new Date(reward.balance_from).toLocaleString(document.documentElement.lang);
      list.append(element("div", `${words("Deposit")} ${money(reward.deposit_minor)} → ${money(reward.worth_minor)}`));
      list.append(element("div", `${words("Balance")} ${when}`));
    }
    if (reward.kind === "group_buy") {
      const { document: open } = await api("GET", `/v1/groups?reward=${reward.key}`);
      const mine = open.items.filter((group) => group.key === invitedGroup);
      for (const group of (reward.key === invitedTo && mine.length ? mine : open.items).slice(0, 3)) {
        const button = element("button", `${words("Join")} ${group.opened_by} ${group.paid}/${group.size}`, "btn btn-sm mt-1");
        button.addEventListener("click", () => claim(reward, { group: group.key }));
        list.append(button);
      }
    }
    return list;
  };
  // What a card says beside its name: how far today's task is, what it costs, whom it is for.
  const weekday = new Intl.DateTimeFormat(language, { weekday: "long", timeZone: "UTC" });
  const dayName = (day) => weekday.format(new Date(Date.UTC(2024, 0, 1 + day))); // a Monday
  const hints = (reward, { today, tickets, items }) => {
    const found = [];
    const say = (word, values) => found.push(element("div", words(word, values), "store-hint"));
    const now = today[reward.key];
    if (reward.task) say(`Task${capital(reward.task.deed)}`, reward.task);
    if (now && reward.task) {
      const bar = element("progress", "", "store-bar");
      Object.assign(bar, { max: now.wanted, value: now.done, ariaLabel: words("Progress", now) });
      found.push(bar);
      say("Progress", now);
    }
    if (now && now.day) say("Streak", now);
    if (now && now.had) say("Had");
    if (reward.needs_ticket) {
      say("Ticket", { count: tickets[reward.key] || 0 });
      const names = items.filter((each) => each.tickets_of === reward.key).map((each) => each.name);
      if (names.length) say("From", { names: listed(names) });
    }
    if (reward.cost_points) say("Cost", { points: reward.cost_points });
    if (reward.tiers) say("Only", { tiers: listed(reward.tiers.map((each) => tiers[each])) });
    if (reward.weekdays) say("Days", { days: listed(reward.weekdays.map(dayName)) });
    return found;
  };
  const rewardCard = async (reward, seen) => {
    const card = element("article", "", "store-reward");
    card.append(element("strong", reward.name), element("div", `${reward.left} ${words("Left")}`));
    card.append(...hints(reward, seen));
    const more = {};
    for (const [wants, name] of [[reward.kind === "phrase_packet", "phrase"], [reward.needs_code, "code"]]) {
      if (!wants) continue;
      const input = element("input", "", "form-control form-control-sm my-1");
      input.placeholder = words(name === "phrase" ? "Phrase" : "Code");
      input.addEventListener("input", () => { more[name] = input.value; });
      card.append(input);
    }
    const isShare = reward.kind === "share";
    const named = { share: "Share", flash: "Reserve", group_buy: "Open", presale: "Pay" };
    const word = named[reward.kind] || "Claim";
    card.append(await details(reward));
    const button = element("button", words(word), "btn btn-sm mt-2");
    button.disabled = !reward.is_open && !isShare;
    const opens = new Date(reward.opens_at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
    if (!reward.is_open && !reward.weekdays) card.append(element("div", words("Opens", { time: opens }), "store-hint"));
    button.addEventListener("click", () => (isShare ? share(reward) : claim(reward, more)));
    card.append(button);
    return card;
  };
  const refresh = async () => {
    const who = await visitor();
    const [{ document: list }, held, day] = await Promise.all([
      api("GET", "/v1/rewards"),
      api("POST", "/v1/holdings", { customer_token: who.customer_token }),
      api("POST", "/v1/today", who),
    ]);
    if (held.status === 401) { await visitor(true); return; }
    const { items } = list;
    const today = Object.fromEntries(day.document.items.map((each) => [each.reward, each]));
    const tickets = Object.fromEntries(held.document.tickets.map((each) => [each.draw, each.count]));
    const shown = items.filter((reward) => reward.kind !== "buy_to_get");
    const cards = shown.map((each) => rewardCard(each, { today, tickets, items }));
    document.getElementById("rewards").replaceChildren(...(await Promise.all(cards)));
    const names = held.document.claims.map((each) => each.granted.name || each.granted.what);
    for (const draw of items.filter((each) => tickets[each.key]))
      names.push(words("Tickets", { name: draw.name, count: tickets[draw.key] }));
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
    } else button.classList.add("btn-success");
    await refresh();
  });
  document.getElementById("pay").addEventListener("click", async () => {
    try {
      const { customer_token } = await visitor();
      const order = await server("/orders", { lines: lines(), customer_token, quote: quoted });
      await server(`/orders/${encodeURIComponent(order.order)}/pay`);
      for (const key of Object.keys(cart)) delete cart[key];
      keep("cart", "{}");
      tell(words("Paid"));
      // What an order earns is worked out a moment later.
      setTimeout(refresh, 3000);
    } catch (error) { tell(error.message); }
    await refresh();
  });

  (async () => {
    await visitor();
    // A friend who came by a link claims with the share that stands in it.
    const [reward, token] = invitedTo ? [] : location.hash.slice(1).split(/\.(.*)/s);
    if (token) await claim({ key: reward, kind: "share", name: "" }, { share: token });
    const products = [...document.querySelectorAll("[data-product]")].map((each) => each.dataset.product);
    if (products.length) await event("view", ...products);
    await refresh();
  })();
})();
