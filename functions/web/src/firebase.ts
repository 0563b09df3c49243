// What the SDK uses of the Firebase JS SDK to be somebody.
import { deleteApp, getApps, initializeApp, type FirebaseApp } from "firebase/app";
import { getToken, initializeAppCheck, ReCaptchaEnterpriseProvider, ReCaptchaV3Provider, type AppCheck } from "firebase/app-check";
import {
  browserLocalPersistence, connectAuthEmulator, indexedDBLocalPersistence, initializeAuth, onAuthStateChanged, signInWithCustomToken,
  signOut, type Auth,
} from "firebase/auth";
import { connectFirestoreEmulator, getFirestore, type Firestore } from "firebase/firestore";

import type { FirebaseConfig, Settings } from "./config.js";
import { ZIMErrorCode } from "./enums.js";
import { DoorbellError } from "./errors.js";
import type { Prove } from "./http.js";
import type { TokenSource } from "./types.js";

/** A Firebase project as one person's page uses it. */
export interface Project {
  app: FirebaseApp;
  auth: Auth;
  db: Firestore;
  appCheck: AppCheck | undefined;
}

const projects = new Map<string, { key: string; project: Project }>();

/** project connects to a Firebase project. One of another configuration under the same name is left first. */
export async function project(config: FirebaseConfig, settings: Settings): Promise<Project> {
  const name = settings.name || "[DEFAULT]";
  const key = JSON.stringify([config, settings.emulators, settings.appCheck, settings.tenant]);
  const known = projects.get(name);
  if (known?.key === key) return known.project;
  const old = getApps().find((app) => app.name === name);
  if (old) await deleteApp(old);

  const app = initializeApp(config, name);
  const appCheck = settings.appCheck && attest(app, settings.appCheck);
  // Sign-in by custom token needs no pop-up, so that part of Firebase stays out.
  const auth = initializeAuth(app, { persistence: [indexedDBLocalPersistence, browserLocalPersistence] });
  auth.tenantId = settings.tenant || null;
  const db = getFirestore(app);
  const { auth: authEmulator, firestore: firestoreEmulator } = settings.emulators ?? {};
  if (authEmulator) connectAuthEmulator(auth, authEmulator.includes("://") ? authEmulator : `http://${authEmulator}`, { disableWarnings: true });
  if (firestoreEmulator) {
    const url = new URL(firestoreEmulator.includes("://") ? firestoreEmulator : `http://${firestoreEmulator}`);
    connectFirestoreEmulator(db, url.hostname, Number(url.port));
  }
  const made = { app, auth, db, appCheck };
  projects.set(name, { key, project: made });
  return made;
}

/** signIn has userID signed in to Firebase, and reports whether that took the token. leave is called before another user is signed out. */
export async function signIn(auth: Auth, userID: string, token: TokenSource | undefined, leave: () => Promise<void>): Promise<boolean> {
  await auth.authStateReady();
  // Another tenant's user of the same ID is somebody else.
  if (auth.currentUser?.uid === userID && auth.currentUser.tenantId === auth.tenantId) return false;
  if (!token) {
    throw new DoorbellError(ZIMErrorCode.NetworkModuleTokenInvalid, `${userID} isn't signed in: give login a Firebase custom token for them`);
  }
  if (auth.currentUser) await leave();
  await exchange(auth, userID, token);
  return true;
}

/** exchange signs in with a new custom token. */
export async function exchange(auth: Auth, userID: string, token: TokenSource): Promise<void> {
  const custom = typeof token === "function" ? await token() : token;
  let uid: string;
  try {
    uid = (await signInWithCustomToken(auth, custom)).user.uid;
  } catch (err) {
    throw authError(err);
  }
  if (uid !== userID) {
    await signOut(auth);
    throw new DoorbellError(ZIMErrorCode.NetworkModuleTokenInvalid, `the token is another user's, not ${userID}'s`);
  }
}

/** attest has Google attest that requests come from the operator's own page: to Firestore too. */
function attest(app: FirebaseApp, { siteKey, enterprise }: { siteKey: string; enterprise?: boolean }): AppCheck {
  const provider = enterprise ? new ReCaptchaEnterpriseProvider(siteKey) : new ReCaptchaV3Provider(siteKey);
  return initializeAppCheck(app, { provider, isTokenAutoRefreshEnabled: true });
}

/** prove gives the credentials of the user who is signed in, for as long as that is userID. */
export function prove({ auth, appCheck }: Project, userID: string): Prove {
  return async (refresh) => {
    const user = auth.currentUser;
    if (user?.uid !== userID) {
      throw new DoorbellError(ZIMErrorCode.NetworkModuleTokenExpired, `${userID} is no longer signed in: log in again`);
    }
    try {
      const idToken = await user.getIdToken(refresh);
      return appCheck ? { idToken, appCheck: (await getToken(appCheck)).token } : { idToken };
    } catch (err) {
      throw authError(err);
    }
  };
}

/** onSignedOut calls back once userID isn't the one signed in any more, here or in another tab. */
export function onSignedOut(auth: Auth, userID: string, gone: (other: boolean) => void): () => void {
  const stop = onAuthStateChanged(auth, (user) => {
    if (user?.uid === userID) return;
    stop();
    gone(user !== null);
  });
  return stop;
}

function authError(err: unknown): DoorbellError {
  const code = String((err as { code?: unknown }).code ?? "");
  const text = err instanceof Error ? err.message : String(err);
  const zim = {
    "auth/network-request-failed": ZIMErrorCode.NetworkModuleNetworkError,
    "auth/user-token-expired": ZIMErrorCode.NetworkModuleTokenExpired,
  }[code] ?? ZIMErrorCode.NetworkModuleTokenInvalid;
  return new DoorbellError(zim, `Firebase gives no token: ${text}`, { cause: err, ...(code ? { reason: code } : {}) });
}
