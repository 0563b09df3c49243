// The demo as a newcomer plays it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { launch } from './browser.mjs';
import { openDemo, texts, why } from './demo.mjs';
import { until } from './system.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;

before(async () => { browser = await launch(); });
after(() => browser?.close());

/** open opens the demo for a test. */
async function open(t, options) {
  const demo = await openDemo(browser, options);
  t.after(() => demo.context.close());
  return demo;
}

test('the minute: away, rung, tapped, read, and a call missed', async (t) => {
  const { page, wrong, ada, ben } = await open(t);
  await ada.write('Are you there?');
  // Where the tab has read it before it is planned, that is the one reason.
  await until('reasons while the tab is open', async () => {
    const reasons = (await why(ada.said('Are you there?')).allTextContents()).map((text) => text.replace(/\s+/g, ' ').trim()).sort();
    return reasons.join() === 'silent Ben’s browser: the tab is open,silent Ben’s phone: the tab is open' || /^silent Ben.*read[^,]*$/.test(reasons.join());
  });
  await texts('the message, without a push', ben.said('Are you there?').locator('.text'), 'Are you there?');
  await texts('Ben’s phone', ben.phone);

  await ben.close();
  await ada.write('The parcel is at your door.');
  await texts('reasons while the tab is closed', why(ada.said('The parcel')), 'rang Ben’s browser', 'rang Ben’s phone, shown');
  await texts('Ben’s phone', ben.phone, 'Ada The parcel is at your door.');
  await texts('Ben’s browser', ben.browser, 'Ada The parcel is at your door.');
  await texts('Ada’s phone', ada.phone);

  await ben.phone.click();
  await texts('the message that was missed', ben.said('The parcel').locator('.text'), 'The parcel is at your door.');
  await texts('Ben’s phone after the tap', ben.phone);
  await texts('reasons after the tap', why(ada.said('The parcel')), 'rang Ben’s browser', 'rang Ben’s phone, tapped');

  await ben.close();
  await ada.ring();
  await texts('Ben’s phone ringing', ben.phone, 'Ada Incoming call');
  await ada.answer('Cancel');
  await texts('Ben’s phone after it', ben.phone, 'Ada Missed call');
  await until('all steps ticked', async () => (await page.locator('.guide li.done').count()) === 4);
  assert.deepEqual(wrong, []);
});

test('one’s own message is edited, and taken back: what the devices show changes, and goes', async (t) => {
  const { wrong, ada, ben } = await open(t);
  await ben.close();
  await ada.write('See you at ten');
  await texts('reasons', why(ada.said('See you')), 'rang Ben’s browser', 'rang Ben’s phone, shown');
  const ten = ada.tab.locator('#messages > li.mine').first();
  await ten.getByRole('button', { name: 'Edit' }).click();
  await ada.tab.getByRole('textbox', { name: 'New text' }).fill('See you at eleven');
  await ada.tab.getByRole('button', { name: 'Save' }).click();
  await texts('what Ada said', ada.said('See you').locator('.text'), 'See you at eleven');
  await ada.said('See you').getByText('edited', { exact: true }).waitFor();
  await texts('Ben’s phone', ben.phone, 'Ada See you at eleven');
  await texts('Ben’s browser', ben.browser, 'Ada See you at eleven');

  await ada.write('Bring cake');
  await texts('Ben’s phone', ben.phone, 'Ada See you at eleven', 'Ada Bring cake');
  await ten.getByRole('button', { name: 'Take back' }).click();
  await texts('Ben’s phone after it', ben.phone, 'Ada Bring cake');
  await texts('Ben’s browser after it', ben.browser, 'Ada Bring cake');
  await texts('what Ada said after it', ada.tab.locator('#messages > li .text'), 'taken back', 'Bring cake');
  assert.equal(await ten.getByRole('button').count(), 0);

  // Escape leaves a message as it is; and Ben, who is back, sees a change at once.
  await ada.said('Bring cake').getByRole('button', { name: 'Edit' }).click();
  await ada.tab.getByRole('textbox', { name: 'New text' }).press('Escape');
  await ada.tab.getByRole('textbox', { name: 'Message to Ben' }).waitFor();
  await ben.open();
  await ben.ready();
  await texts('what Ben reads', ben.tab.locator('#messages > li .text'), 'taken back', 'Bring cake');
  await ada.said('Bring cake').getByRole('button', { name: 'Take back' }).click();
  await texts('what Ben reads then', ben.tab.locator('#messages > li .text'), 'taken back', 'taken back');
  assert.deepEqual(wrong, []);
});

test('a group: who muted it stays silent, and a third person can come in', async (t) => {
  const { page, wrong, ada, ben, cleo } = await open(t);
  await page.getByRole('button', { name: 'Bring Cleo in' }).click();
  await cleo.ready();
  await ben.chat('Weekend trip');
  await ben.tab.getByRole('button', { name: 'Mute' }).click();
  await ben.tab.getByRole('button', { name: 'Mute', pressed: true }).waitFor();
  await ben.close();
  await cleo.close();
  await ada.chat('Weekend trip');
  await ada.write('Saturday at nine?');
  await texts('reasons', why(ada.said('Saturday')), 'silent Ben: the group is muted', 'rang Cleo’s browser', 'rang Cleo’s phone, shown');
  await texts('Cleo’s phone', cleo.phone, 'Weekend trip: Ada Saturday at nine?');
  await cleo.open();
  await cleo.chat('Weekend trip');
  await texts('the message', cleo.said('Saturday').locator('.text'), 'Saturday at nine?');
  assert.deepEqual(wrong, []);
});

test('a call is answered, and hung up', async (t) => {
  const { wrong, ada, ben } = await open(t);
  await ada.ring();
  await ben.answer('Accept');
  await ada.tab.getByText('In a call with Ben').waitFor();
  await ada.answer('Hang up');
  await ben.tab.getByText('The call is over').waitFor();
  await texts('Ben’s phone', ben.phone);
  assert.deepEqual(wrong, []);
});

test('a group call: one who declines or is unheard of ends it for nobody else', async (t) => {
  const { page, wrong, ada, ben, cleo } = await open(t);
  await page.getByRole('button', { name: 'Bring Cleo in' }).click();
  await cleo.ready();
  await ada.chat('Weekend trip');
  await ada.ring();
  await cleo.answer('Decline');
  await cleo.tab.getByText('You declined').waitFor();
  await ben.tab.getByText('Ada is calling').waitFor();
  await ben.answer('Accept');
  await ada.tab.getByText('In a call with Ben').waitFor();
  await ben.tab.getByText('In a call with Ada').waitFor();
  await ada.answer('Hang up');
  await ben.tab.getByText('The call is over').waitFor();

  await ada.ring();
  await ben.answer('Decline');
  await cleo.tab.getByText('Ada is calling').waitFor();
  assert.equal(await ada.tab.getByText('Ringing Weekend trip').isVisible(), true);
  await cleo.answer('Decline');
  await ada.tab.getByText('Cleo declined').waitFor();
  assert.deepEqual(wrong, []);
});

test('a reason that stays is put there once, so that a screen reader reads it once', async (t) => {
  const { ada, ben } = await open(t);
  await ben.close();
  await ada.tab.locator('#messages').evaluate((list) => {
    self.put = [];
    new MutationObserver((all) => {
      for (const m of all) for (const el of m.addedNodes) if (el.matches?.('.why li')) self.put.push(el.textContent);
    }).observe(list, { childList: true, subtree: true });
  });
  await ada.write('Once');
  await texts('reasons', why(ada.said('Once')), 'rang Ben’s browser', 'rang Ben’s phone, shown');
  const put = await ada.tab.locator('body').evaluate(() => self.put);
  assert.equal(new Set(put).size, put.length, `put there more than once: ${put.join(', ')}`);
});

test('one’s own rules: no messages, nothing for an hour, quiet hours, and a push that shows little', async (t) => {
  const { wrong, ada, ben } = await open(t);
  const rules = async (...changes) => {
    await ben.open();
    await ben.ready();
    await ben.tab.getByText('When to ring me').click();
    for (const change of changes) {
      const saved = ben.region.page().waitForResponse((r) => r.url().endsWith('/notification-settings') && r.request().method() === 'POST');
      await change();
      await saved;
    }
    await ben.close();
  };
  const messages = (which) => () => ben.tab.getByRole('combobox', { name: /^Messages/ }).selectOption(which);
  await ben.close();
  await rules(messages('none'));
  await ada.write('One');
  await texts('reasons', why(ada.said('One')), 'silent Ben: such messages are not to ring');

  await rules(messages('all'), () => ben.tab.getByLabel('Nothing for an hour').check());
  await ada.write('Two');
  await texts('reasons', why(ada.said('Two')), 'silent Ben: nothing is to ring for an hour');

  await rules(
    () => ben.tab.getByLabel('Nothing for an hour').uncheck(), () => ben.tab.getByLabel('from', { exact: true }).fill('00:00'),
    () => ben.tab.getByLabel('to', { exact: true }).fill('00:00'), () => ben.tab.getByLabel('Quiet hours').check(),
  );
  await ada.write('At night');
  await texts('reasons', why(ada.said('At night')), 'silent Ben: these are quiet hours');

  await rules(() => ben.tab.getByLabel('Quiet hours').uncheck(), () => ben.tab.getByLabel('A push shows').selectOption('who wrote'));
  await ada.write('Three');
  await texts('reasons', why(ada.said('Three')), 'rang Ben’s browser', 'rang Ben’s phone, shown');
  await texts('Ben’s phone', ben.phone, 'Ada New message');
  assert.deepEqual(wrong, []);
});

test('would I be rung? The steps, and which is broken', async (t) => {
  const { wrong, ben } = await open(t);
  const steps = async (broken) => {
    const done = ben.region.page().waitForResponse((r) => r.url().endsWith('/self-test'));
    await ben.tab.getByRole('button', { name: 'Would I be rung?' }).click();
    await done;
    await texts('what is broken', ben.tab.locator('#steps .failed'), ...broken);
  };
  await ben.tab.getByText('When to ring me').click();
  await steps([]);
  assert.equal(await ben.tab.locator('#steps li').count(), 9); // four of the phone, five of the browser
  await ben.tab.getByText('ok phone, FCM: FCM would take the push').waitFor();
  await ben.tab.getByText('ok browser, permission: this browser may show notifications').waitFor();
  const saved = ben.region.page().waitForResponse((r) => r.url().endsWith('/notification-settings') && r.request().method() === 'POST');
  await ben.tab.getByLabel('Nothing for an hour').check();
  await saved;
  await steps([
    'broken phone, own rules: no push: they want nothing to ring until a time',
    'broken browser, own rules: no push: they want nothing to ring until a time',
  ]);
  assert.deepEqual(wrong, []);
});

test('a phone that is off gets its pushes when it is on again', async (t) => {
  const { ada, ben } = await open(t);
  await ben.close();
  await ben.region.getByRole('button', { name: 'Switch off' }).click();
  await ada.write('Later, then');
  await texts('reasons', why(ada.said('Later, then')), 'rang Ben’s browser', 'waiting Ben’s phone: it is off, FCM keeps the push');
  await ben.region.getByText('1 waiting at FCM').waitFor();
  await ben.region.getByRole('button', { name: 'Switch on' }).click();
  await texts('Ben’s phone', ben.phone, 'Ada Later, then');
  await texts('reasons', why(ada.said('Later, then')), 'rang Ben’s browser', 'rang Ben’s phone, shown');
});

test('with the keyboard alone', async (t) => {
  const { page, ada, ben } = await open(t);
  const press = async (name) => {
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      const focused = await focus(page);
      if (focused.name.includes(name)) {
        assert.ok(focused.outlined, `nothing shows that ${name} has the focus`);
        return;
      }
    }
    throw new Error(`Tab doesn't reach ${name}`);
  };
  await press('Message to Ben');
  await page.keyboard.type('No mouse here');
  await page.keyboard.press('Enter');
  await texts('the message', ben.said('No mouse').locator('.text'), 'No mouse here');
  await press('Close Ben’s tab');
  await page.keyboard.press('Enter');
  await ben.region.getByRole('button', { name: 'Open Ben’s tab' }).waitFor();
  assert.match((await focus(page)).name, /Open Ben/, 'the focus is lost when the tab is closed');
  await ada.write('And now?');
  await Promise.all([ben.browser.waitFor(), ben.phone.waitFor()]);
  await press('And now?'); // what the browser shows
  await press('And now?'); // what the phone shows
  await page.keyboard.press('Enter');
  await texts('the message', ben.said('And now?').locator('.text'), 'And now?');
  await texts('reasons', why(ada.said('And now?')), 'rang Ben’s browser', 'rang Ben’s phone, tapped');
});

/** focus is what has the focus, in whichever frame. */
async function focus(page) {
  for (const frame of page.frames().toReversed()) {
    const found = await frame.evaluate(() => {
      const el = document.activeElement;
      if (!document.hasFocus() || !el || el === document.body || el.tagName === 'IFRAME') return undefined;
      const name = el.getAttribute('aria-label') ?? el.labels?.[0]?.textContent ?? el.textContent;
      return { name, outlined: getComputedStyle(el).outlineStyle !== 'none' };
    });
    if (found) return found;
  }
  return { name: '', outlined: true };
}

for (const colorScheme of ['light', 'dark']) {
  test(`labels, contrast and structure, ${colorScheme}`, async (t) => {
    const { page, ada, ben } = await open(t, { colorScheme, reducedMotion: 'reduce' });
    await ada.write('Hello');
    await ben.close();
    await ada.write('Still there?');
    await ben.phone.first().waitFor();
    await ada.ring();
    await why(ada.said('You rang Ben')).nth(1).waitFor();
    await ada.tab.getByText('When to ring me').click();
    const found = [];
    for (const frame of page.frames()) {
      await frame.evaluate(axe);
      const { violations } = await frame.evaluate(() => globalThis.axe.run(document, { iframes: false }));
      for (const v of violations) {
        for (const n of v.nodes) found.push(`${frame.name() || frame.url()}: ${v.help}: ${n.target} ${n.failureSummary}`);
      }
    }
    assert.deepEqual(found, []);
    await ada.answer('Cancel');
  });
}
