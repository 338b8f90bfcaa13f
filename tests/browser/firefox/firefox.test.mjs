// Viewers of the same site and of another one in Firefox (R44): as it comes, and without
// its allowances for pages that rely on third-party cookies. docs/browsers.md says what
// comes of it, and is held to it here.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import puppeteer from 'puppeteer-core';
import { startStage } from '../secure.mjs';
import { reader, shows } from '../support.mjs';

const image = 'login%2Fquadrants';
const hosts = { 'same site': 'viewer.archive.test', 'another site': 'viewer.elsewhere.test' };
const seen = {};
let stage, server, counter, viewers;
before(async () => {
  stage = await startStage(hosts);
  ({ server, counter, viewers } = stage);
});
after(() => stage?.stop());

// What its owners have not chosen is as Firefox has it: cookies of other sites are kept
// apart by site, and whoever signs in in a window that a page opened shows them there.
const prefs = { 'network.dns.localDomains': ['iiif.archive.test', ...Object.values(hosts)].join(), 'network.cookie.cookieBehavior': 5 };
const choices = { 'as it comes': true, 'without allowances': false };

const patience = { timeout: 60_000 };
const last = (page, ...states) => page.waitForFunction((s) => s.includes(window.client?.happened.at(-1)), patience, states);
const shown = (page) => shows(counter, { screenshot: async () => Buffer.from(await page.screenshot()) }, true, { within: 60_000 });

async function press(page, pattern) {
  const opened = new Promise((resolve) => { page.once('popup', resolve); });
  await page.locator(`::-p-xpath(//button[contains(., "${pattern}")])`).click();
  return opened;
}

async function signIn(page) {
  await last(page, 'offers sign-in');
  const tab = await press(page, 'Sign in');
  for (const [field, text] of [['#email', reader.email], ['#password', reader.password]]) {
    await tab.locator(field).click(); // with the mouse and the keyboard, as a person does:
    await tab.keyboard.type(text); // Firefox goes by that
  }
  await tab.keyboard.press('Enter');
  await last(page, 'shown', 'refused');
  return page.evaluate(() => client.happened.at(-1));
}

async function whole(page) {
  await shown(page);
  const tab = await press(page, 'Sign out');
  await tab.waitForSelector('::-p-text(You are signed out)', patience);
  await page.waitForFunction((src) => new Promise((resolve) => {
    const img = new Image();
    img.onload = () => resolve(false);
    img.onerror = () => resolve(true);
    img.src = `${src}/full/${100 + Math.floor(Math.random() * 500)},/0/default.jpg`;
  }), patience, `${server.base}/iiif/3/${image}`);
  return 'works';
}

async function apart(page) {
  const message = await page.evaluate((id) => client.ask({ id }), `${server.base}/auth/2/members/token`);
  assert.equal(message.profile, 'missingAspect', 'R44');
  const link = `${server.base}/view/${image}`;
  assert.ok((await page.$eval('#messages', (m) => m.textContent)).includes(link), 'R44: no link to the viewer here');
  await page.goto(link);
  await shown(page);
  return 'is told to open it here';
}

for (const viewer of Object.keys(hosts)) {
  for (const [choice, webcompat] of Object.entries(choices)) {
    test(`Firefox, a viewer of ${viewer}, third-party cookies ${choice} (R44)`, async (t) => {
      const firefox = await puppeteer.launch({ browser: 'firefox', executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr', headless: true, timeout: 120_000,
        acceptInsecureCerts: true, extraPrefsFirefox: { ...prefs, 'privacy.antitracking.enableWebcompat': webcompat } });
      t.after(() => firefox.close());
      const page = await firefox.newPage();
      await page.goto(`${viewers[viewer]}/auth2.html?manifest=${encodeURIComponent(`${server.base}/iiif/generated/${image}`)}`, { timeout: 60_000 });
      seen[`${viewer}, ${choice}`] = await signIn(page) === 'shown' ? await whole(page) : await apart(page);
    });
  }
}

test('the published table says what happened in Firefox (R44)', async () => {
  const page = await readFile(new URL('../../../docs/browsers.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| Firefox ESR \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(([, viewer, cookies, outcome]) => [`${viewer}, ${cookies}`, outcome]);
  assert.deepEqual(Object.fromEntries(rows), seen);
});
