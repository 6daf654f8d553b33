// shop.mjs URL WAY PROFILE PICTURES EMAIL: uses the example shop as a customer would, and prints as JSON what was seen.
//
// WAY is desktop or phone. Everything that the browser complains about is in `complaints`, as in page.mjs; that the browser tells of
// answers 401, which say that there is no session, is expected.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [url, way, profile, pictures, email] = process.argv.slice(2);
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const DESKTOP = { viewport: { width: 1100, height: 820 } };
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
const complaints = [];
const launch = (folder) => chromium.launchPersistentContext(folder, {
  executablePath: "/usr/bin/chromium",
  headless: true,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
  ...(way === "phone" ? PHONE : DESKTOP),
});

async function open(browser) {
  const page = await browser.newPage();
  page.setDefaultTimeout(20000);
  page.on("console", (message) => {
    if (!message.text().includes("401 (Unauthorized)")) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== url && protocol !== "data:") complaints.push(`another origin: ${request.url()}`);
  });
  await page.goto(url);
  return page;
}

const press = (page, selector) => (way === "phone" ? page.tap(selector) : page.click(selector));
const text = async (page, id) => (await page.textContent(`#${id}`)).trim();
const says = (page, wanted) => page.waitForFunction((t) => document.getElementById("message").textContent === t, wanted);
const quantity = (page, wanted) => page.waitForFunction((n) => document.getElementById("cart-quantity").textContent === n, wanted);
const picture = (page, name) => page.screenshot({ path: path.join(pictures, `shop-${way}-${name}.png`), fullPage: true });

async function signIn(page) {
  await page.waitForSelector("#sign-in", { state: "visible" });
  await page.fill("#email", email);
  await press(page, "#sign-in button");
  await page.waitForSelector("#signed-in", { state: "visible" });
}

async function checkAccess(page) {
  const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(`(() => { const module = undefined; ${fs.readFileSync(axe, "utf8")} })()`);
  const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), WCAG);
  for (const violation of found.violations) {
    for (const node of violation.nodes) complaints.push(`${violation.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`);
  }
  return found.passes.length;
}

let browser = await launch(profile);
const other = await launch(`${profile}-other`);
try {
  const seen = {};
  let page = await open(browser);
  await page.waitForSelector("#sign-in", { state: "visible" });
  await picture(page, "signed-out");
  seen.checks = await checkAccess(page);
  await signIn(page);
  await press(page, "#goods li:nth-child(1) button");
  await quantity(page, "1");
  await press(page, '[aria-label="One more TEA-250"]');
  await quantity(page, "2");
  await press(page, "#goods li:nth-child(2) button");
  await quantity(page, "3");
  seen.total = await text(page, "cart-total");
  seen.visits = Number(await text(page, "visits"));
  seen.cookie = await page.evaluate(() => document.cookie);
  const [cookie] = await browser.cookies();
  seen.kept = { name: cookie.name, httpOnly: cookie.httpOnly, secure: cookie.secure, sameSite: cookie.sameSite };
  await press(page, "#rotate");
  await says(page, "This session has a new token; the old one is dead");
  seen.rotated = (await browser.cookies())[0].value !== cookie.value;
  const elsewhere = await open(other);
  await signIn(elsewhere);
  seen.cartElsewhere = await elsewhere.isVisible("#cart");

  // The session outlives the page and the browser.
  await browser.close();
  browser = await launch(profile);
  page = await open(browser);
  await page.waitForSelector("#signed-in", { state: "visible" });
  await quantity(page, "3");
  seen.visitsAfterwards = Number(await text(page, "visits"));
  seen.left = await text(page, "left");
  seen.sessions = await page.locator("#sessions li").count();
  seen.checks += await checkAccess(page);
  seen.width = await page.evaluate(() => document.documentElement.scrollWidth);
  seen.room = page.viewportSize().width;
  await picture(page, "signed-in");

  await press(page, "#sign-out-all");
  await says(page, "You are signed out everywhere");
  await press(elsewhere, "#visit");
  await says(elsewhere, "Your session has ended");
  await picture(page, "signed-out-everywhere");
  await signIn(page);
  seen.cartAfterwards = await page.isVisible("#cart");
  await press(page, "#sign-out");
  await says(page, "You are signed out");
  seen.cookiesLeft = (await browser.cookies()).length;
  await page.reload();
  await page.waitForSelector("#sign-in", { state: "visible" });
  console.log(JSON.stringify({ ...seen, complaints }));
} finally {
  await browser.close();
  await other.close();
}
