import type { Auth } from "firebase/auth";
import { signOut } from "firebase/auth";

import { Calls } from "./call.js";
import { CallTracker } from "./call-tracker.js";
import type { Settings } from "./config.js";
import { Conversations } from "./conversation.js";
import { deviceID, forget, randomID, recall, remember, storageKey } from "./device.js";
import { ZIMConnectionEvent, ZIMConnectionState, ZIMMessageType } from "./enums.js";
import { asError } from "./errors.js";
import type { Fire } from "./events.js";
import { FirestoreFeed } from "./feed.js";
import { onSignedOut, prove, type Project } from "./firebase.js";
import { Groups } from "./group.js";
import { GroupWatch } from "./group-watch.js";
import { Api } from "./http.js";
import { Inbox } from "./inbox.js";
import { editBody, revokeBody, sendBody, toMessage, type WireMessage } from "./message.js";
import { Presence } from "./presence.js";
import { Receiver } from "./receiver.js";
import { closeShown } from "./shade.js";
import type { ZIMMessage, ZIMMessageEditConfig, ZIMMessageInput, ZIMMessageRevokeConfigInput, ZIMMessageSendConfigInput, ZIMMessageSendNotification } from "./types.js";

/** How often the page looks whether it slept, and how long a pause is sleep. */
const tickMs = 15_000;
const sleptMs = 90_000;
/** How many of the messages it sent a page remembers. */
const mostSent = 500;

/** Account is a user who is logged in on this page, and all that runs for them. */
export class Account {
  readonly deviceID: string;
  readonly api: Api;
  readonly groups: Groups;
  readonly calls: Calls;
  readonly conversations: Conversations;
  private readonly presence: Presence;
  private readonly receiver: Receiver;
  private readonly tracker: CallTracker;
  private readonly watch: GroupWatch;
  private readonly inbox: Inbox;
  private readonly sent = new Set<string>();
  private readonly changed = new Set<string>();
  private readonly auth: Auth;
  private readonly stops: (() => void)[] = [];
  private clockAheadMs = 0;
  private state = ZIMConnectionState.Connecting;
  private lastTick = Date.now();

  constructor(readonly userID: string, readonly userName: string, readonly settings: Settings, readonly project: Project, private readonly fire: Fire, private readonly gone: () => void) {
    const name = settings.name;
    this.auth = project.auth;
    this.deviceID = deviceID(name);
    this.api = new Api(settings.baseURL, prove(project, userID));
    this.groups = new Groups(this.api);
    this.calls = new Calls(this.api, this.deviceID);
    this.conversations = new Conversations(this.api, userID);
    this.inbox = new Inbox(storageKey(name, `inbox:${userID}`));
    const feed = new FirestoreFeed(project.db, userID, Boolean(settings.emulators?.firestore));
    this.tracker = new CallTracker({
      feed, userID, fire, settle: (callID) => this.calls.settle(callID), serverTime: () => Date.now() - this.clockAheadMs,
    });
    this.watch = new GroupWatch(userID, fire, (groupID) => this.groups.info(groupID));
    this.receiver = new Receiver({
      api: this.api, feed, inbox: this.inbox, userID, fire,
      ringing: (list) => this.tracker.ringing(list),
      groups: (now) => this.watch.changed(now),
      sentHere: (localMessageID) => this.sent.has(localMessageID),
      changedHere: (messageID) => this.changed.has(messageID),
    });
    this.presence = new Presence(this.api, this.deviceID, storageKey(name, `tabs:${userID}`), settings.idleSeconds * 1000, {
      ackedUpTo: () => this.receiver.ackedUpTo,
      lost: () => this.connection(ZIMConnectionState.Reconnecting, ZIMConnectionEvent.LoginInterrupted),
      told: () => { if (this.state === ZIMConnectionState.Reconnecting) this.connection(ZIMConnectionState.Connected, ZIMConnectionEvent.Success); },
    });
  }

  /** start goes online. It fails where the server can't be told; messages and calls follow as events. */
  async start(): Promise<void> {
    const asked = Date.now();
    let serverTime: number;
    try {
      ({ serverTime } = await this.presence.start());
    } catch (err) {
      this.presence.stop();
      throw err;
    }
    this.clockAheadMs = (asked + Date.now()) / 2 - serverTime;
    this.state = ZIMConnectionState.Connected;
    this.stops.push(onSignedOut(this.auth, this.userID, () => this.lost()), this.listen());
    this.tracker.start(serverTime);
    void this.receiver.start(serverTime);
  }

  /** stop ends everything that runs. */
  stop(): void {
    for (const stop of this.stops.splice(0)) stop();
    this.receiver.stop();
    this.tracker.stop();
    this.presence.stop();
  }

  /** logout unbinds the device, so that nothing rings on it, and signs out of Firebase where the SDK had signed in. */
  async logout(clear: boolean): Promise<void> {
    this.stop();
    try {
      await this.presence.logout();
      forget(boundKey(this.settings));
    } finally {
      if (clear) this.inbox.clear();
      const key = signedInKey(this.settings);
      if (recall(key) === this.userID) {
        forget(key);
        await signOut(this.auth);
      }
    }
  }

  async send(message: ZIMMessageInput, to: string, type: number, config: ZIMMessageSendConfigInput, notification?: ZIMMessageSendNotification): Promise<{ message: ZIMMessage }> {
    const localMessageID = (config.isRetrySend && message.localMessageID) || randomID();
    const body = sendBody(message, to, type, config, localMessageID);
    noted(this.sent, localMessageID);
    const attached = { ...message, localMessageID, senderUserID: this.userID, conversationID: to, conversationType: type, direction: 0, sentStatus: 0, timestamp: Date.now() };
    notification?.onMessageAttached?.(attached);
    const answer = await this.api.post<{ message: WireMessage }>("/send", body);
    return { message: toMessage(answer.message, this.userID) };
  }

  async revoke(message: ZIMMessage, config: ZIMMessageRevokeConfigInput): Promise<{ message: ZIMMessage }> {
    const body = revokeBody(message, config);
    const answer = await this.changing(message, this.api.post<{ message: WireMessage }>("/message-revoke", body));
    void closeShown(this.settings, (extra) => extra.id === message.messageID);
    const was = message as ZIMMessageInput;
    const originalTextMessageContent = message.type === ZIMMessageType.Text && typeof was.message === "string" ? was.message : "";
    return { message: { ...toMessage(answer.message, this.userID), originalTextMessageContent } as ZIMMessage };
  }

  async edit(message: ZIMMessageInput, config: ZIMMessageEditConfig): Promise<{ message: ZIMMessage }> {
    const answer = await this.changing(message, this.api.post<{ message: WireMessage }>("/message-edit", editBody(message, config)));
    return { message: toMessage(answer.message, this.userID) };
  }

  /** changing notes that this page itself changes a message. Where that fails, somebody else may have. */
  private async changing<T>(message: ZIMMessage, action: Promise<T>): Promise<T> {
    noted(this.changed, message.messageID!);
    try {
      return await action;
    } catch (err) {
      this.changed.delete(message.messageID!);
      throw err;
    }
  }

  /** own notes that this page itself is about to join or leave a group. */
  own<T>(groupID: string, event: number, action: Promise<T>): Promise<T> {
    return this.watch.own(groupID, event, action);
  }

  /** answered closes this browser's notifications of a call: who answers a call on a device isn't pushed to there. */
  async answered<T>(callID: string, action: Promise<T>): Promise<T> {
    const answer = await action;
    void closeShown(this.settings, (extra) => extra.callID === callID);
    return answer;
  }

  /** read notes that the user has read a conversation. */
  async read(conversationID: string, type: number): Promise<{ conversationID: string; conversationType: number }> {
    const answer = await this.conversations.clearUnread(conversationID, type);
    void closeShown(this.settings, (extra) => extra.conversationID === conversationID && extra.conversationType === String(type));
    return answer;
  }

  /** clockAhead is how far this device's clock is ahead of the server's, ms. */
  get clockAhead(): number {
    return this.clockAheadMs;
  }

  private connection(state: ZIMConnectionState, event: ZIMConnectionEvent): void {
    if (this.state === state) return;
    this.state = state;
    this.fire("connectionStateChanged", { state, event, extendedData: "{}" });
  }

  /** lost is for a user who is no longer signed in: another tab signed out, or somebody else in. */
  private lost(): void {
    this.stop();
    // With the last token there was: nothing may ring here for who isn't signed in.
    this.api.beacon("/presence", { deviceID: this.deviceID, state: "logout" });
    this.connection(ZIMConnectionState.Disconnected, ZIMConnectionEvent.KickedOut);
    this.gone();
  }

  private listen(): () => void {
    const offline = (): void => this.connection(ZIMConnectionState.Reconnecting, ZIMConnectionEvent.LoginInterrupted);
    const online = (): void => this.wake();
    const hidden = (): void => this.inbox.flush();
    const tick = setInterval(() => {
      const now = Date.now();
      if (now - this.lastTick > sleptMs) this.wake();
      this.lastTick = now;
    }, tickMs);
    window.addEventListener("offline", offline);
    window.addEventListener("online", online);
    window.addEventListener("pagehide", hidden);
    return () => {
      clearInterval(tick);
      window.removeEventListener("offline", offline);
      window.removeEventListener("online", online);
      window.removeEventListener("pagehide", hidden);
    };
  }

  /** wake follows sleep, or a time without a network. */
  private wake(): void {
    this.presence.wake();
    this.receiver.sync().then(() => this.connection(ZIMConnectionState.Connected, ZIMConnectionEvent.Success), (err) => this.fire("error", asError(err)));
  }
}

/** noted adds an ID to those that are remembered: the oldest makes room. */
function noted(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size > mostSent) ids.delete(ids.values().next().value!);
}

/** unbind takes this device from the user who is signed in to Firebase still, before another one is. */
export async function unbind(settings: Settings, project: Project): Promise<void> {
  const old = project.auth.currentUser?.uid;
  if (!old) return;
  try {
    await new Api(settings.baseURL, prove(project, old)).post("/presence", { deviceID: deviceID(settings.name), state: "logout" });
  } catch (err) {
    console.warn(`Doorbell: this device may still ring for ${old}: ${asError(err).message}`);
  }
}

/** boundKey is where this browser remembers for whom the server has it ring. */
export function boundKey(settings: Settings): string {
  return storageKey(settings.name, "bound");
}

/** signedInKey is where this browser remembers whom the SDK signed in, rather than the app. */
function signedInKey(settings: Settings): string {
  return storageKey(settings.name, "signedIn");
}

export function rememberSignedIn(settings: Settings, userID: string): void {
  remember(signedInKey(settings), userID);
}
