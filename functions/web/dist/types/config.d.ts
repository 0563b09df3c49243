/** Firebase's web configuration, as its console shows it. */
export interface FirebaseConfig {
    apiKey: string;
    projectId: string;
    authDomain?: string;
    storageBucket?: string;
    messagingSenderId?: string;
    appId?: string;
    measurementId?: string;
}
/** What a TokenProvider gets. */
export interface TokenRequest {
    vapidKey: string;
    serviceWorkerRegistration: ServiceWorkerRegistration;
    config: FirebaseConfig;
}
/** Gives the FCM registration token of this browser. */
export type TokenProvider = (request: TokenRequest) => Promise<string>;
/** Where Doorbell is and how the SDK behaves; README.md describes each field. */
export interface DoorbellConfig {
    firebase?: FirebaseConfig;
    baseURL?: string;
    vapidKey?: string;
    emulators?: {
        auth?: string;
        firestore?: string;
    };
    name?: string;
    serviceWorker?: {
        url?: string;
        scope?: string;
    };
    receiptsURL?: string;
    contentURL?: string;
    idleSeconds?: number;
    appCheck?: {
        siteKey: string;
        enterprise?: boolean;
    };
    tenant?: string;
    tokenProvider?: TokenProvider;
}
/** A DoorbellConfig, or the URL of a JSON file that holds one. */
export type ConfigSource = DoorbellConfig | string;
/** A DoorbellConfig with everything decided but firebase. */
export interface Settings extends DoorbellConfig {
    baseURL: string;
    name: string;
    vapidKey: string;
    serviceWorker: {
        url: string;
        scope: string;
    };
    receiptsURL: string;
    contentURL: string;
    idleSeconds: number;
}
/** configure sets what every ZIM of this page uses from now on. */
export declare function configure(source: ConfigSource): void;
/** settings merges what there is: the fields beside appID, then configure's, then the page's global. */
export declare function settings(own: DoorbellConfig): Promise<Settings>;
/** hosted is Firebase Hosting's configuration of the site, if it serves the page. */
export declare function hosted(): Promise<FirebaseConfig | undefined>;
export declare function isFirebaseConfig(v: unknown): v is FirebaseConfig;
/** baseOf is the part of the script's URL before /sdk/, or else origin. */
export declare function baseOf(script: string, origin: string): string;
