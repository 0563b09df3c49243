// Takes the picture in the repository's README: go run ./scripts/browser -picture
import { fileURLToPath } from 'node:url';

import { launch } from './browser.mjs';
import { openDemo, why } from './demo.mjs';

const file = fileURLToPath(new URL('demo.png', import.meta.url));
const browser = await launch();
try {
  const { page, ada, ben } = await openDemo(browser, { colorScheme: 'light', reducedMotion: 'reduce', viewport: { width: 1280, height: 800 } });
  const explained = (text) => why(ada.said(text)).nth(1).waitFor();
  const shown = (text) => why(ada.said(text)).filter({ hasText: 'shown' }).waitFor();
  await ada.write('Lunch on Saturday?');
  await explained('Lunch on Saturday?');
  await ben.close();
  await ada.write('The parcel is at your door.');
  await shown('The parcel is at your door.');
  await ada.ring();
  await shown('You rang Ben');
  await page.screenshot({ path: file });
  console.log(`${file} is taken`);
} finally {
  await browser.close();
}
