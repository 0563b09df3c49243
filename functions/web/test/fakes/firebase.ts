// The Firebase JS SDK as far as the SDK uses it, for node. A custom token is
// "token:" and the user's ID; listeners are told once that there is nothing.
// What the tests look at and steer is in `firebase`.

interface User { uid: string; tenantId: string | null; getIdToken(refresh: boolean): Promise<string> }
interface Auth { currentUser: User | null; tenantId: string | null; watchers: Set<(user: User | null) => void>; authStateReady(): Promise<void> }
interface App { name: string; options: object }

const apps: App[] = [];
const auths = new Map<string, Auth>();

export const firebase = {
  tokens: [] as string[], // that FCM gave
  dropped: 0,
  /** What the next getToken is rejected with. */
  tokenFailure: undefined as Error | undefined,
  /** The last one on Firestore. */
  listener: undefined as { options: object; news: (all: object) => void; failed: (err: unknown) => void } | undefined,
  /** What the queries that are run once find. */
  found: [] as object[],
  /** Signs a user in as the app itself, or another tab, would. */
  setUser(uid: string | null, name = "[DEFAULT]"): void {
    setUser(authOf(name), uid);
  },
  /** The tenant of who is signed in. */
  tenant: (name = "[DEFAULT]"): string | null | undefined => authOf(name).currentUser?.tenantId,
  reset(): void {
    for (const auth of auths.values()) {
      auth.watchers.clear();
      auth.currentUser = auth.tenantId = null;
    }
    Object.assign(firebase, { tokens: [], dropped: 0, tokenFailure: undefined, found: [] });
  },
};

function authOf(name: string): Auth {
  let auth = auths.get(name);
  if (!auth) {
    auth = { currentUser: null, tenantId: null, watchers: new Set(), authStateReady: () => Promise.resolve() };
    auths.set(name, auth);
  }
  return auth;
}

function setUser(auth: Auth, uid: string | null, tenantId: string | null = null): void {
  auth.currentUser = uid === null ? null : { uid, tenantId, getIdToken: (refresh) => Promise.resolve(`id:${uid}${refresh ? ":new" : ""}`) };
  for (const watcher of auth.watchers) watcher(auth.currentUser);
}

export const getApps = (): App[] => apps;
export const deleteApp = (app: App): Promise<void> => Promise.resolve(void apps.splice(apps.indexOf(app), 1));
export const initializeApp = (options: object, name: string): App => {
  const app = { name, options };
  apps.push(app);
  return app;
};

export const indexedDBLocalPersistence = {};
export const browserLocalPersistence = {};
export const initializeAuth = (app: App): Auth => authOf(app.name);
export const connectAuthEmulator = (): void => {};
export const signInWithCustomToken = (auth: Auth, token: string): Promise<{ user: User }> => {
  const uid = /^token:(.+)$/.exec(token)?.[1];
  if (!uid) return Promise.reject(Object.assign(new Error("the custom token is malformed"), { code: "auth/invalid-custom-token" }));
  setUser(auth, uid, auth.tenantId);
  return Promise.resolve({ user: auth.currentUser! });
};
export const signOut = (auth: Auth): Promise<void> => Promise.resolve(setUser(auth, null));
export const onAuthStateChanged = (auth: Auth, watcher: (user: User | null) => void): (() => void) => {
  auth.watchers.add(watcher);
  queueMicrotask(() => { if (auth.watchers.has(watcher)) watcher(auth.currentUser); });
  return () => { auth.watchers.delete(watcher); };
};

export const getFirestore = (): object => ({});
export const connectFirestoreEmulator = (): void => {};
export const Timestamp = { fromMillis: (ms: number): number => ms };
const nothing = (..._: unknown[]): object => ({});
export { nothing as collection, nothing as collectionGroup, nothing as doc, nothing as limit, nothing as orderBy, nothing as query, nothing as where };
export const getDoc = (): Promise<object> => Promise.resolve({ exists: () => false, get: () => undefined, data: () => undefined });
export const getDocs = (): Promise<object> => Promise.resolve({ docs: firebase.found });
export const onSnapshot = (_: object, options: object, news: (all: object) => void, failed: (err: unknown) => void): (() => void) => {
  firebase.listener = { options, news, failed };
  queueMicrotask(() => news({ docs: [], metadata: { fromCache: false } }));
  return () => {};
};

export const getMessaging = (app: App): App => app;
export const getToken = (): Promise<string> => {
  if (firebase.tokenFailure) return Promise.reject(firebase.tokenFailure);
  firebase.tokens.push(`fcm-${firebase.tokens.length + 1}`);
  return Promise.resolve(firebase.tokens.at(-1)!);
};
export const deleteToken = (): Promise<boolean> => Promise.resolve(++firebase.dropped > 0);

export const initializeAppCheck = (): object => ({});
export class ReCaptchaV3Provider {}
export class ReCaptchaEnterpriseProvider {}
