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
export declare class DoorbellError extends Error implements ZIMError {
    readonly name = "ZIMError";
    readonly code: number;
    /** The path of the field to change, where the server named one. */
    readonly field?: string;
    /** A short name of what went wrong, where the code alone doesn't tell. */
    readonly reason?: string;
    /** Of an invitation that another device of the user's has answered: which (a PushID), and how. */
    readonly details?: Details;
    constructor(code: number, message: string, more?: {
        field?: string | undefined;
        reason?: string;
        cause?: unknown;
        details?: Details | undefined;
    });
}
export declare function invalid(field: string, what: string): DoorbellError;
export declare function unsupported(what: string): DoorbellError;
export declare function notLoggedIn(): DoorbellError;
/** err as a DoorbellError: what isn't one yet becomes code, with its text. */
export declare function asError(err: unknown, code?: number): DoorbellError;
