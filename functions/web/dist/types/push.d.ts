/** ZPNs' message: what a push says, for onNotificationArrived and onNotificationClicked. */
export interface ZPNsMessage {
    title: string;
    content: string;
    icon?: string;
    /** What the server sent with it; extra.payload is the sender's payload. */
    extra?: Record<string, string>;
    /** Of a click: the button it was on, by the resource's name for it. */
    action?: string;
}
/** What a notification carries, for the click on it and for who closes it. */
export interface ShownData {
    message: ZPNsMessage;
    id: string;
    kind: string;
    link: string;
}
/** What the page tells the worker through their common database. */
export interface WorkerSettings {
    pushID: string;
    /** Empty: no receipts. */
    receiptsURL: string;
    /** Where the worker asks what a push is about that says only IDs. Empty: it doesn't. */
    contentURL: string;
    userID: string;
    /** What the worker shows when it posts receipts, or asks: no user is signed in there. */
    receiptToken: string;
    /** How far this device's clock is ahead of the server's, ms. */
    clockAheadMs: number;
    /** The page that registered: what a click opens where the push names no other. */
    appURL: string;
}
/** A click that no page has been told of, since none was open. */
export interface StashedClick {
    message: ZPNsMessage;
    at: number;
}
/** What the worker posts to pages. */
export interface WorkerNews {
    doorbell: "arrived" | "clicked" | "through" | "resubscribe";
    scope: string;
    message?: ZPNsMessage;
}
/** The database that the page and the worker of a scope share. */
export declare function databaseName(scope: string): string;
