import { ZIMErrorCode } from "./enums.js";
import { asError, type Details, DoorbellError } from "./errors.js";

/** What a request shows: the user's Firebase ID token, and the app's App Check token where there is one. */
export interface Credentials {
  idToken: string;
  appCheck?: string;
}

/** Gives the credentials, with a new ID token where refresh is set. */
export type Prove = (refresh: boolean) => Promise<Credentials>;

/** What Api needs of the platform; tests replace it. */
export interface Transport {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  wait: (ms: number) => Promise<void>;
}

const browser: Transport = {
  fetch: (url, init) => globalThis.fetch(url, init),
  wait: (ms) => new Promise((done) => { setTimeout(done, ms); }),
};

/** How often a request is tried: every request of the API may be repeated. */
const attempts = 3;
/** A try ends after this, a little later than the server's own limit. */
const timeoutMs = 25_000;
const longestWaitMs = 10_000;

/** What one try came to: an answer, or an error that may be worth another try. */
type Outcome = { value: unknown } | { error: DoorbellError; retry: boolean; refresh?: boolean; afterMs?: number };

/** Api calls Doorbell's HTTP functions as one user. */
export class Api {
  private last: Credentials | undefined;

  constructor(private readonly baseURL: string, private readonly prove: Prove, private readonly transport: Transport = browser) {}

  /** post asks for something. With keepalive the request goes on where its page goes. */
  post<T>(path: string, body: object, { keepalive = false } = {}): Promise<T> {
    return this.call<T>("POST", path, JSON.stringify(body), keepalive);
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>("GET", path);
  }

  delete<T>(path: string): Promise<T> {
    return this.call<T>("DELETE", path);
  }

  /**
   * beacon posts as the page goes away: at once, with the last credentials there were,
   * without waiting for an answer.
   */
  beacon(path: string, body: object): void {
    if (!this.last) return;
    const init = { ...this.request("POST", JSON.stringify(body), this.last), keepalive: true };
    this.transport.fetch(this.baseURL + path, init).catch(() => { /* nobody is left to tell */ });
  }

  private async call<T>(method: string, path: string, body?: string, keepalive = false): Promise<T> {
    let refresh = false;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.attempt(method, path, body, keepalive, refresh);
      if ("value" in outcome) return outcome.value as T;
      if (attempt === attempts || !outcome.retry || (outcome.refresh && refresh)) throw outcome.error;
      refresh = outcome.refresh === true;
      if (!refresh) await this.transport.wait(outcome.afterMs ?? backoffMs(attempt));
    }
  }

  private async attempt(method: string, path: string, body: string | undefined, keepalive: boolean, refresh: boolean): Promise<Outcome> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    try {
      this.last = await this.prove(refresh);
      const answer = await this.transport.fetch(this.baseURL + path, { ...this.request(method, body, this.last), keepalive, signal: limit.signal });
      return await read(answer, path);
    } catch (err) {
      if (err instanceof DoorbellError) return { error: err, retry: err.code === ZIMErrorCode.NetworkModuleNetworkError };
      const error = limit.signal.aborted
        ? new DoorbellError(ZIMErrorCode.NetworkModuleRequestTimeout, `${path}: no answer in ${timeoutMs / 1000} s`, { cause: err })
        : asError(new Error(`${path}: Doorbell can't be reached: ${asError(err).message}`), ZIMErrorCode.NetworkModuleNetworkError);
      return { error, retry: true };
    } finally {
      clearTimeout(timer);
    }
  }

  private request(method: string, body: string | undefined, { idToken, appCheck }: Credentials): RequestInit {
    const headers: Record<string, string> = { Authorization: `Bearer ${idToken}` };
    if (appCheck) headers["X-Firebase-AppCheck"] = appCheck;
    if (body === undefined) return { method, headers };
    headers["Content-Type"] = "application/json";
    return { method, headers, body };
  }
}

async function read(answer: Response, path: string): Promise<Outcome> {
  const text = await answer.text();
  let value: unknown;
  try {
    value = text === "" ? {} : JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (answer.ok && value !== undefined) {
    for (const { field, message } of (value as { warnings?: { field: string; message: string }[] }).warnings ?? []) console.warn(`Doorbell: ${path}: ${field}: ${message}`);
    return { value };
  }
  const said = (value as { error?: { code?: number; message?: string; field?: string; details?: Details } } | undefined)?.error;
  const error = said?.code
    ? new DoorbellError(said.code, said.field ? `${said.field}: ${said.message}` : String(said.message), { field: said.field, details: said.details })
    : new DoorbellError(ZIMErrorCode.CommonModuleIMServerError, `${path}: HTTP ${answer.status} that isn't Doorbell's`);
  const after = Number(answer.headers.get("Retry-After"));
  return {
    error,
    refresh: answer.status === 401,
    retry: answer.status === 401 || answer.status === 429 || answer.status >= 500,
    ...(after > 0 ? { afterMs: Math.min(after * 1000, longestWaitMs) } : {}),
  };
}

/** backoffMs is how long to wait after the attempt: half a second doubling, with jitter. */
function backoffMs(attempt: number): number {
  return 500 * 2 ** (attempt - 1) * (0.5 + Math.random());
}
