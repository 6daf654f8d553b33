// The shop's page: it knows no token, only that a cookie goes with its requests.
const GOODS = [
  { sku: "TEA-250", name: "Green tea, 250 g", price: 1499 },
  { sku: "POT-1", name: "Tea pot", price: 3900 },
  { sku: "CUP-2", name: "Two cups", price: 1250 },
  { sku: "TIN-1", name: "Tin", price: 690 },
];
const $ = (id) => document.getElementById(id);
const money = (minor) => new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" }).format(minor / 100);
const clock = (text) => new Date(text).toLocaleTimeString("en-GB");
let session = null; // as the service last told it
let cart = null;
let endsAt = 0; // by performance.now(), which no clock change moves

class Ended extends Error {}

/** Asks the shop's server; an answer 401 means that the session has ended, wherever that happened. */
async function ask(method, path, value, headers = {}) {
  const body = value === undefined ? undefined : JSON.stringify(value);
  if (body !== undefined) headers = { "Content-Type": "application/json", ...headers };
  const answer = await fetch(path, { method, body, headers, credentials: "same-origin" });
  if (answer.status === 401) throw new Ended("Your session has ended");
  const told = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told?.detail ?? `The shop answered ${answer.status}`), { status: answer.status });
  return told;
}

function say(text, problem = false) {
  $("message").textContent = text;
  $("message").classList.toggle("problem", problem);
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function showSession(told) {
  session = told;
  endsAt = performance.now() + told.expires_in_ms;
  $("name").textContent = told.attributes.name;
  $("since").textContent = clock(told.created_at);
  $("visits").textContent = told.visits;
  $("latest").textContent = clock(told.expires_at);
  showTimeLeft();
}

function showTimeLeft() {
  if (!session) return;
  const left = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
  $("left").textContent = `${Math.floor(left / 60)} min ${String(left % 60).padStart(2, "0")} s`;
  if (left === 0) showSignedOut("Your session has ended");
}

function stepButton(label, text, item, quantity) {
  return element("button", { type: "button", textContent: text, ariaLabel: `${label} ${item.sku}`, onclick: act(() => put(item, quantity)) });
}

function showCart(told) {
  cart = told;
  const rows = told.items.map((item) => element("tr", {},
    element("th", { scope: "row", textContent: GOODS.find((g) => g.sku === item.sku)?.name ?? item.sku }),
    element("td", { textContent: money(item.unit_price) }),
    element("td", {}, element("span", { className: "step" },
      stepButton("One less", "−", item, item.quantity - 1),
      element("span", { textContent: item.quantity }),
      stepButton("One more", "+", item, item.quantity + 1))),
    element("td", { textContent: money(item.total) })));
  $("cart").tBodies[0].replaceChildren(...rows);
  $("cart-quantity").textContent = told.quantity;
  $("cart-total").textContent = money(told.total);
  $("cart").hidden = $("empty").hidden = told.count === 0;
  $("cart-empty").hidden = told.count > 0;
}

function showSessions(told) {
  $("sessions").replaceChildren(...told.items.map((s) => element("li", {},
    element("span", {}, s.id === session.id ? "Here" : "Elsewhere", ": ", s.from ?? "not told"),
    element("small", { textContent: `since ${clock(s.created_at)}, seen ${clock(s.last_seen_at)}` }))));
}

function showSignedOut(text) {
  session = cart = null;
  $("signed-out").hidden = false;
  $("signed-in").hidden = $("who").hidden = true;
  say(text);
}

async function visit() {
  showSession(await ask("GET", "/session"));
  showCart(await ask("GET", "/session/cart"));
  showSessions(await ask("GET", "/my-sessions"));
  $("signed-out").hidden = true;
  $("signed-in").hidden = $("who").hidden = false;
}

/** Changes the cart only while it is as it is shown; another page may have changed it. */
async function put(item, quantity) {
  const path = `/session/cart/items/${item.sku}`;
  const unchanged = { "If-Match": `"${cart.version}"` };
  try {
    if (quantity > 0) await ask("PUT", path, { quantity, unit_price: item.unit_price }, unchanged);
    else await ask("DELETE", path, undefined, unchanged);
    say("");
  } catch (error) {
    if (error.status !== 412) throw error;
    say("The cart was changed elsewhere; this is how it is now");
  }
  showCart(await ask("GET", "/session/cart"));
}

/** A handler that shows what went wrong. */
function act(work) {
  return async (event) => {
    event?.preventDefault();
    try {
      await work(event);
    } catch (error) {
      if (error instanceof Ended) showSignedOut(error.message);
      else say(error.message, true);
    }
  };
}

$("goods").append(...GOODS.map((good) => element("li", {},
  element("span", { textContent: good.name }),
  element("span", { className: "step" }, element("span", { textContent: money(good.price) }),
    element("button", { type: "button", textContent: "Add", ariaLabel: `Add ${good.name}`, onclick: act(() => {
      const there = cart.items.find((item) => item.sku === good.sku);
      return put({ sku: good.sku, unit_price: good.price }, (there?.quantity ?? 0) + 1);
    }) })))));
$("sign-in").onsubmit = act(async () => {
  await ask("POST", "/sign-in", { email: $("email").value });
  await visit();
  say("Welcome");
});
$("visit").onclick = act(visit);
$("rotate").onclick = act(async () => {
  showSession(await ask("POST", "/session/rotate"));
  say("This session has a new token; the old one is dead");
});
$("sign-out").onclick = act(async () => {
  await ask("DELETE", "/session");
  showSignedOut("You are signed out");
});
$("sign-out-all").onclick = act(async () => {
  await ask("DELETE", "/my-sessions");
  showSignedOut("You are signed out everywhere");
});
$("empty").onclick = act(async () => {
  await ask("DELETE", "/session/cart");
  showCart(await ask("GET", "/session/cart"));
});
setInterval(showTimeLeft, 500);
// Is there a session from before? The answer 401 is no problem: the form is shown.
await act(visit)();
if (!session) say("");
