// Runs the Firebase CLI's Auth emulator alone: the whole CLI takes seconds longer
// and asks the network for news. Arguments: node_modules, project, host, port.
const [modules, project, host, port] = process.argv.slice(2);
const lib = `${modules}/firebase-tools/lib/emulator/auth`;

// At its start the emulator compiles validators for every method it knows, which
// takes eight seconds of a processor; for the methods that sign in and
// administer users, without the query parameters that all Google APIs share and
// the emulator ignores, it is one and a half. The other methods answer 404.
const served = new Set([
  "/v1/accounts:lookup",
  "/v1/accounts:signInWithCustomToken",
  "/v1/accounts:signUp",
  "/v1/projects",
  "/v1/projects/{targetProjectId}/accounts",
  "/v1/projects/{targetProjectId}/accounts:delete",
  "/v1/projects/{targetProjectId}/accounts:lookup",
  "/v1/projects/{targetProjectId}/accounts:update",
  "/v1/projects/{targetProjectId}/tenants/{tenantId}/accounts:lookup",
  "/v1/token",
  "/emulator/v1/projects/{targetProjectId}/accounts",
]);
const { paths } = require(`${lib}/apiSpec.js`).default;
for (const path of Object.keys(paths)) {
  if (served.has(path)) {
    paths[path].parameters = paths[path].parameters?.filter((p) => !p.$ref);
  } else {
    delete paths[path];
  }
}

// The parent holds the other end of standard input: it ends with the parent.
process.stdin.on("end", () => process.exit()).resume();

require(`${lib}/server.js`)
  .createApp(project)
  .then((app) => app.listen(Number(port), host).on("error", fail))
  .catch(fail);

function fail(err) {
  console.error(err);
  process.exit(1);
}
