// page.mjs URL WAY PROFILE PICTURES EMAIL: creates a customer from the docs page, and prints as JSON what was seen.
//
// WAY is desktop, phone or keyboard. Everything that the browser complains about is in `complaints`: console messages,
// errors, violations of the policy, requests to another origin, failures of WCAG 2.1 AA.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [url, way, profile, pictures, email] = process.argv.slice(2);
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const DESKTOP = { viewport: { width: 1280, height: 900 } };
const CREATE = "#operations-customers-createCustomer";
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
const TAB_STOPS_MAX = 80;
const complaints = [];

const browser = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  headless: true,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
  ...(way === "phone" ? PHONE : DESKTOP),
});
const page = await browser.newPage();
page.setDefaultTimeout(20000);
page.on("console", (message) => complaints.push(`console: ${message.text()}`));
page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
page.on("request", (request) => {
  const { origin, protocol } = new URL(request.url());
  if (origin !== url && protocol !== "data:") complaints.push(`another origin: ${request.url()}`);
});
await page.exposeFunction("complain", (text) => complaints.push(text));
await page.addInitScript(() => document.addEventListener("securitypolicyviolation",
  (e) => window.complain(`policy: ${e.violatedDirective} ${e.blockedURI}`)));

const picture = (name, options = {}) => page.screenshot({ path: path.join(pictures, `docs-${way}-${name}.png`), ...options });

async function byPointer() {
  const press = (selector) => (way === "phone" ? page.tap(selector) : page.click(selector));
  await press(`${CREATE} .opblock-summary-control`);
  await page.waitForSelector(`${CREATE} .try-out__btn`);
  await picture("operation", { fullPage: true });
  await press(`${CREATE} .try-out__btn`);
  await page.fill(`${CREATE} .body-param__text`, body());
  await press(`${CREATE} .execute`);
}

/** Tab until the element that fits has the focus, and shows that it has. */
async function tabTo(selector) {
  for (let i = 0; i < TAB_STOPS_MAX; i++) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate((wanted) => {
      const at = document.activeElement;
      const style = getComputedStyle(at);
      return { fits: at.matches(wanted), visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
        html: at.outerHTML.slice(0, 120) };
    }, selector);
    if (!focus.visible && !focus.html.startsWith("<body")) complaints.push(`the focus does not show: ${focus.html}`);
    if (focus.fits) return;
  }
  throw new Error(`${TAB_STOPS_MAX} presses of Tab did not reach ${selector}`);
}

async function byKeyboard() {
  await tabTo(`${CREATE} .opblock-summary-control`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${CREATE} .try-out__btn`);
  await tabTo(`${CREATE} .try-out__btn`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(`${CREATE} .body-param__text`);
  await tabTo(`${CREATE} .body-param__text`);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(body());
  await tabTo(`${CREATE} .execute`);
  await picture("focus");
  await page.keyboard.press("Enter");
}

function body() {
  return JSON.stringify({ name: "Ada Lovelace", email, balance: 1000 });
}

async function answer() {
  const table = `${CREATE} .live-responses-table`;
  await page.waitForSelector(`${table} .response .response-col_status`);
  const status = await page.textContent(`${table} .response .response-col_status`);
  const text = await page.textContent(`${table} .response .highlight-code code`);
  await page.locator(table).scrollIntoViewIfNeeded();
  await picture("answer");
  await picture("whole", { fullPage: true });
  return { status: parseInt(status, 10), customer: JSON.parse(text) };
}

async function checkAccess() {
  const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(fs.readFileSync(axe, "utf8"));
  const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), WCAG);
  for (const violation of found.violations) {
    for (const node of violation.nodes) complaints.push(`${violation.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`);
  }
  return found.passes.length;
}

async function facts() {
  const seen = await page.evaluate(() => ({
    operations: [...document.querySelectorAll(".opblock")].map((o) => o.id.split("-").at(-1)),
    width: document.documentElement.scrollWidth,
  }));
  return { ...seen, room: page.viewportSize().width }; // not innerWidth, which a phone makes as wide as the page
}

/** What of the operator's listener could be tried; nothing should. */
async function triable(tag) {
  const controls = page.locator(`[id^=operations-${tag}-] .opblock-summary-control`);
  for (let i = 0; i < (await controls.count()); i++) await controls.nth(i).click();
  await page.waitForSelector(`[id^=operations-${tag}-] .responses-wrapper`);
  return page.locator(`[id^=operations-${tag}-] .try-out__btn`).count();
}

/** Whether the policy is in force: an inline script must not run. */
async function inlineScriptRuns() {
  const before = complaints.length;
  const ran = await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "window.inlineRan = true";
    document.head.append(script);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return window.inlineRan === true;
  });
  return { ran, told: complaints.splice(before).length > 0 };
}

try {
  await page.goto(`${url}/docs`);
  await page.waitForSelector(`${CREATE} .opblock-summary-control`);
  await picture("start", { fullPage: true });
  await (way === "keyboard" ? byKeyboard() : byPointer());
  const result = { ...(await answer()), ...(await facts()), checks: await checkAccess() };
  if (way === "desktop") {
    result.triable = { operations: await triable("operations"), documentation: await triable("documentation") };
    result.inline = await inlineScriptRuns();
  }
  console.log(JSON.stringify({ ...result, complaints }));
} finally {
  await browser.close();
}
