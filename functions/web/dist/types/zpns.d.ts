import type { ZPNsMessage } from "./push.js";
import type { SelfTestConfig, SelfTestResult } from "./types.js";
export interface ZPNsConfig {
    apiKey: string;
    authDomain: string;
    projectId: string;
    storageBucket: string;
    messagingSenderId: string;
    appId: string;
    measurementId: string;
    vapidKey: string;
}
/** What register resolves with. */
export interface ZPNsRegisterResult {
    /** The binding of this device and the user; empty until somebody logs in. */
    pushID: string;
}
/** What ZPNs tells a page; not part of the compared web SDK. */
export interface ZPNsEventHandler {
    /** A push arrived and is shown. */
    notificationArrived: (message: ZPNsMessage) => void;
    /** A notification was clicked, also if that opened this page. */
    notificationClicked: (message: ZPNsMessage) => void;
    /** A push arrived that shows nothing. */
    throughMessageReceived: (message: ZPNsMessage) => void;
}
export declare class ZPNs {
    private registered;
    private zim;
    private last;
    private readonly listeners;
    private listening;
    private constructor();
    static getVersion(): string;
    static getInstance(): ZPNs;
    /**
     * Has this browser rung for the user: asks for permission, gets FCM's token and
     * binds it to who is logged in, or logs in later. It is rejected with what went
     * wrong; code that ignores the promise finds that in the console.
     */
    register(config: Partial<ZPNsConfig>, zim?: unknown): Promise<ZPNsRegisterResult>;
    /** Has this browser ring no more: neither notifications nor silent pushes reach it. */
    unregister(): Promise<void>;
    /** The same as unregister. */
    unregisterPush(): Promise<void>;
    /** The same as unregister. */
    unRegisterPush(): Promise<void>;
    /**
     * Walks every step of a push to the user who is logged in, to this browser where
     * nothing else is said, and resolves with what is broken. It asks the person for
     * nothing and changes nothing. Not part of the compared web SDK.
     */
    selfTest({ ring, allDevices }?: SelfTestConfig): Promise<SelfTestResult>;
    on<K extends keyof ZPNsEventHandler>(type: K, listener: ZPNsEventHandler[K]): void;
    off(type: keyof ZPNsEventHandler): void;
    private doRegister;
    /**
     * token is FCM's token for userID. What FCM still keeps for one that was another
     * user's would reach this one, so that one is dropped first.
     */
    private token;
    /** bind tells the server that this device is the user's, and the worker what it needs to know. */
    private bind;
    private loggedIn;
    /** loggedOut drops the token: what FCM still keeps for the user who left must not show to the next. */
    private loggedOut;
    private doUnregister;
    /** settings is where the worker is and so on, also before anything was registered; undefined where that can't be found out. */
    private settings;
    /** next runs things one after the other, each whatever became of the one before. */
    private next;
    private listen;
    private heard;
    /** openedByClick tells of the click that opened this page. */
    private openedByClick;
    private tell;
}
