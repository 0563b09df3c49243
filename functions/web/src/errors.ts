import { ZIMErrorCode } from "./enums.js";

/** What every promise of the SDK is rejected with, and every call throws. */
export interface ZIMError {
  code: ZIMErrorCode;
  message: string;
}

/** What the server adds to its error for programs. */
export interface Details {
  answeredBy: string;
  answer: "accepted" | "rejected";
}

/** The class behind ZIMError: an Error, so that it has a stack. */
export class DoorbellError extends Error implements ZIMError {
  override readonly name = "ZIMError";
  readonly code: number;
  /** The path of the field to change, where the server named one. */
  readonly field?: string;
  /** A short name of what went wrong, where the code alone doesn't tell. */
  readonly reason?: string;
  /** Of an invitation that another device of the user's has answered: which (a PushID), and how. */
  readonly details?: Details;

  constructor(code: number, message: string, more: { field?: string | undefined; reason?: string; cause?: unknown; details?: Details | undefined } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    if (more.field) this.field = more.field;
    if (more.reason) this.reason = more.reason;
    if (more.details) this.details = more.details;
  }
}

export function invalid(field: string, what: string): DoorbellError {
  return new DoorbellError(ZIMErrorCode.CommonModuleParamsInvalid, `${field} ${what}`, { field });
}

export function unsupported(what: string): DoorbellError {
  return new DoorbellError(ZIMErrorCode.CommonModuleUnsupportedRequest, `not supported: Doorbell has no ${what}`, { reason: "unsupported" });
}

export function notLoggedIn(): DoorbellError {
  return new DoorbellError(ZIMErrorCode.NetworkModuleUserIsNotLogged, "not logged in: call login first and wait for it");
}

/** err as a DoorbellError: what isn't one yet becomes code, with its text. */
export function asError(err: unknown, code: number = ZIMErrorCode.Failed): DoorbellError {
  if (err instanceof DoorbellError) return err;
  return new DoorbellError(code, err instanceof Error ? err.message : String(err), { cause: err });
}
