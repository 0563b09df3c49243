// The demo as a person uses it.
import { watch } from './browser.mjs';
import { until, web } from './system.mjs';

/** openDemo opens the demo and waits until Ada and Ben are there. */
export async function openDemo(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = watch(page);
  await page.goto(web);
  const people = { context, page, wrong, ada: person(page, 'Ada'), ben: person(page, 'Ben'), cleo: person(page, 'Cleo') };
  await people.ada.ready();
  await people.ben.ready();
  return people;
}

/** person is one of the people on the page: their tab, and what their devices show. */
function person(page, name) {
  const region = page.getByRole('region', { name, exact: true });
  const tab = region.frameLocator('iframe');
  const shade = (device) => region.getByRole('group', { name: `${name}’s ${device}` }).locator('.notification');
  return {
    region,
    tab,
    phone: shade('phone'),
    browser: shade('browser'),
    /** ready waits until the tab is connected. */
    async ready() {
      const problem = tab.locator('#problem:not([hidden])');
      await tab.locator('#composer fieldset:enabled').or(problem).first().waitFor();
      if (await problem.isVisible()) throw new Error(`${name}’s tab says: ${await problem.textContent()}`);
      await region.getByText('online', { exact: true }).waitFor();
    },
    /** close closes the tab and waits until the server knows. */
    async close() {
      await region.getByRole('button', { name: `Close ${name}’s tab` }).click();
      await region.getByText('away', { exact: true }).waitFor();
    },
    open: () => region.getByRole('button', { name: `Open ${name}’s tab` }).click(),
    chat: (other) => tab.getByRole('navigation').getByRole('button', { name: other }).click(),
    async write(text) {
      await tab.getByRole('textbox').fill(text);
      await tab.getByRole('button', { name: 'Send' }).click();
    },
    /** said is the lines of the conversation with a text. */
    said: (text) => tab.locator('#messages > li').filter({ hasText: text }),
    ring: () => tab.getByRole('button', { name: 'Ring' }).click(),
    answer: (how) => tab.locator('#call').getByRole('button', { name: how }).click(),
  };
}

/** texts waits until a list of elements has these texts, in any order. */
export async function texts(what, locator, ...wanted) {
  let last = [];
  const plain = (s) => s.replace(/\s+/g, ' ').replace(/ after [\d.]+ s/, '').trim();
  await until(what, async () => {
    last = (await locator.allTextContents()).map(plain);
    return last.toSorted().join('|') === wanted.toSorted().join('|');
  }).catch((err) => { throw new Error(`${err.message}: wanted ${wanted.join(' | ')}, there is ${last.join(' | ')}`); });
}

/** why is the reasons below a line of a conversation. */
export const why = (line) => line.locator('.why li');
