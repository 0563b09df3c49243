// An app's web site as its makers would build it from the seed's page: their own
// origin, the SDK in a folder, the worker copied to the root, snippets as they
// are. Only what the seed leaves for them to fill in is filled in.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

import { config, web } from './system.mjs';

const here = new URL('./', import.meta.url);
const dist = new URL('../../functions/web/dist/', import.meta.url);
const types = { html: 'text/html', js: 'text/javascript', mjs: 'text/javascript' };

/** startSite serves a site. fill is, by visitor (the cookie "who"), what their pages have filled in. */
export async function startSite() {
  const fill = new Map();
  const server = createServer(async (asked, answer) => {
    const { pathname } = new URL(asked.url, 'http://site');
    const who = /who=(\w+)/.exec(asked.headers.cookie ?? '')?.[1];
    try {
      const body = await content(pathname, fill.get(who) ?? {});
      answer.setHeader('Content-Type', types[pathname.split('.').pop()] ?? types.html);
      answer.end(body);
    } catch (err) {
      answer.statusCode = 404;
      answer.end(String(err));
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { origin: `http://localhost:${server.address().port}`, fill, close: () => server.close() };
}

async function content(path, filled) {
  const text = (name, from = here) => readFile(new URL(name, from), 'utf8');
  switch (path) {
    case '/':
      return text('fixtures/index.html');
    case '/module.html':
      return text('fixtures/module.html');
    case '/zego-zim-web/index.mjs':
      return text('doorbell.mjs', dist);
    case '/config.js':
      return where(filled);
    case '/module-config.js':
      return where(filled, ['firebase']); // the seed's pages give that to register
    case '/zego-zpns-web/index.js':
      return text('doorbell.js', dist);
    case '/firebase-messaging-sw.js':
      return worker(await text('firebase-messaging-sw.js', dist), await text('fixtures/snippets/worker.js'));
  }
  if (path.startsWith('/snippets/')) return fillIn(await text(`fixtures${path}`), filled);
  throw new Error(`no ${path}`);
}

/** where tells the SDK where Doorbell is, and stands in for the one call to Google's servers. */
async function where({ webToken }, more = []) {
  const local = await config();
  const given = JSON.stringify({ baseURL: web, ...Object.fromEntries(['emulators', ...more].map((field) => [field, local[field]])) });
  return `var DOORBELL_CONFIG = Object.assign(${given}, { tokenProvider: async () => ${JSON.stringify(webToken)} });`;
}

/** heardPush is what the worker writes to the console before each push that the browser gives it. */
export const heardPush = 'push: ';

/** worker is the worker as rewritten by the seed's snippet, and with a record of what it listens to and of its pushes. */
function worker(ours, theirs) {
  return `const add = self.addEventListener;
self.heard = [];
self.addEventListener = function (type, ...rest) { self.heard.push(type); return add.call(self, type, ...rest); };
add.call(self, 'push', (event) => console.debug(${JSON.stringify(heardPush)} + event.data?.text()));
${ours}
${theirs}
self.heardAtOnce = [...self.heard];
`;
}

/** fillIn puts values where the seed has placeholders. uncomment is a field of pushConfig that the seed has commented out. */
async function fillIn(snippet, { toUserID, toGroupID, invitee, uncomment, payload }) {
  const { firebase } = await config();
  let out = snippet
    .replace('var appID = 0;', 'var appID = 1;')
    .replace("var toUserID = ''", `var toUserID = ${JSON.stringify(toUserID)}`)
    .replace("var toGroupID = ''", `var toGroupID = ${JSON.stringify(toGroupID)}`)
    .replace("['xxxx']", JSON.stringify([invitee]));
  if (uncomment) out = out.replace(new RegExp(`// ${uncomment}: "[^"]*",`), `${uncomment}: ${JSON.stringify(payload)},`);
  for (const [field, value] of Object.entries({ ...firebase, vapidKey: `BA${'A'.repeat(85)}` })) {
    out = out.replace(`${field}: ''`, `${field}: ${JSON.stringify(value)}`);
  }
  return out;
}
