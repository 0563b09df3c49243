// Doorbell's browser SDK: the surface of the compared SDKs.
export { ZIM } from "./zim.js";
export { ZPNs, type ZPNsConfig, type ZPNsEventHandler, type ZPNsRegisterResult } from "./zpns.js";
export type { ZPNsMessage } from "./push.js";
export type { ConfigSource, DoorbellConfig, FirebaseConfig, TokenProvider, TokenRequest } from "./config.js";
export type { ZIMError } from "./errors.js";
export type { ZIMEventHandler } from "./events.js";
export * from "./enums.js";
export type * from "./types.js";
export type * from "./message-types.js";
export type * from "./group-types.js";
export type * from "./call-types.js";
