// The API's page, as somebody reads it who builds on it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { launch, watch } from './browser.mjs';
import { web } from './system.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;

before(async () => { browser = await launch(); });
after(() => browser?.close());

/** open opens the page for a test; what goes wrong on it is collected. */
async function open(t, options) {
  const context = await browser.newContext(options);
  t.after(() => context.close());
  const page = await context.newPage();
  const wrong = watch(page);
  page.on('response', (r) => { if (!r.ok()) wrong.push(`${r.url()} answered ${r.status()}`); });
  await page.goto(`${web}/api/`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return { page, wrong };
}

test('the API page leads to every operation, and each of its links somewhere', async (t) => {
  const { page, wrong } = await open(t);
  const { paths } = await (await page.request.get(`${web}/api/openapi.json`)).json();
  const operations = Object.entries(paths).flatMap(([path, of]) => Object.keys(of).filter((key) => key !== 'parameters').map((method) => `${method.toUpperCase()} ${path}`));
  const shown = await page.locator('article h3:has(.method)').allTextContents();
  assert.deepEqual(shown.toSorted(), operations.toSorted());
  const nowhere = await page.evaluate(() => [...document.querySelectorAll('a[href^="#"]')]
    .filter((a) => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).map((a) => a.hash));
  assert.deepEqual(nowhere, []);
  await page.getByRole('navigation').getByRole('link', { name: '/send', exact: true }).click();
  const top = await page.locator('article', { has: page.getByRole('heading', { name: 'POST /send', exact: true }) }).evaluate((e) => e.getBoundingClientRect().top);
  assert(top >= -1 && top < 200, `POST /send is at ${top}`);
  assert.deepEqual(wrong, []);
});

for (const [what, options] of Object.entries({
  'in light': { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  'in dark': { colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  'on a phone': { colorScheme: 'light', viewport: { width: 360, height: 740 } },
  'on a phone in dark': { colorScheme: 'dark', viewport: { width: 360, height: 740 } },
})) {
  test(`the API page ${what}: an accessibility checker finds nothing, and nothing is cut off`, async (t) => {
    const { page, wrong } = await open(t, options);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document));
    assert.deepEqual(violations.map((v) => `${v.help}, ${v.nodes.length} times: ${v.nodes[0].target} ${v.nodes[0].failureSummary}`), []);
    const { wide, screen, ground } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      screen: document.documentElement.clientWidth,
      ground: getComputedStyle(document.documentElement).backgroundColor,
    }));
    assert(wide <= screen, `the page is ${wide} wide on a screen of ${screen}`);
    const [red, green, blue] = ground.match(/\d+/g).map(Number);
    assert.equal(red + green + blue < 384 ? 'dark' : 'light', options.colorScheme, `the ground is ${ground}`);
    assert.deepEqual(wrong, []);
  });
}
