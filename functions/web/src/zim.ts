import { Account, rememberSignedIn, unbind } from "./account.js";
import type {
  CallInput, ZIMCallAcceptanceSentResult, ZIMCallAcceptConfig, ZIMCallCancelConfig, ZIMCallCancelSentResult, ZIMCallEndConfig,
  ZIMCallEndSentResult, ZIMCallingInvitationSentResult, ZIMCallingInviteConfig, ZIMCallInvitationListQueriedResult,
  ZIMCallInvitationQueryConfig, ZIMCallInvitationSentResult, ZIMCallInviteConfig, ZIMCallJoinConfig, ZIMCallJoinSentResult,
  ZIMCallQuitConfig, ZIMCallQuitSentResult, ZIMCallRejectConfig, ZIMCallRejectionSentResult,
} from "./call-types.js";
import { configure, hosted, isFirebaseConfig, settings, type ConfigSource, type DoorbellConfig, type FirebaseConfig, type Settings } from "./config.js";
import { randomID } from "./device.js";
import { ZIMConnectionEvent, ZIMConnectionState, ZIMErrorCode, ZIMGroupEvent, ZIMPlatformType, ZIMUserOnlineStatus, type ZIMConversationNotificationStatus, type ZIMConversationType } from "./enums.js";
import { asError, DoorbellError, invalid, notLoggedIn, unsupported } from "./errors.js";
import { Events, type Fire, type ZIMEventHandler } from "./events.js";
import { exchange, project, signIn } from "./firebase.js";
import type * as g from "./group-types.js";
import type * as t from "./types.js";
import { declareUnsupported, type Unsupported } from "./unsupported.js";
import { version } from "./version.js";

/** What ZPNs does when a user logs in or out. @internal */
export interface LoginHooks {
  loggedIn: (account: Account) => Promise<void>;
  loggedOut: () => Promise<void>;
}

let instance: ZIM | null = null;

export class ZIM {
  private readonly events = new Events();
  private account: Account | undefined;
  private busy: Promise<unknown> | undefined; // a login under way
  private destroyed = false;
  private pushFirebase: FirebaseConfig | undefined;
  private hooks: LoginHooks | undefined;

  private constructor(private readonly own: DoorbellConfig) {}

  static getVersion(): string {
    return version;
  }

  /** Makes the page's ZIM, or returns null where there is one already, as the compared SDK does. */
  static create(appConfig: number | (t.ZIMAppConfig & DoorbellConfig)): ZIM | null {
    if (instance) return null;
    if (typeof appConfig === "number") return (instance = new ZIM({}));
    if (typeof appConfig !== "object" || appConfig === null) throw invalid("appConfig", "must be a number, or an object with appID");
    const { appID: _, ...own } = appConfig;
    return (instance = new ZIM(own));
  }

  static getInstance(): ZIM | null {
    return instance;
  }

  /** Says where Doorbell is, for every ZIM of this page: see README.md. Not part of the compared SDK. */
  static configure(source: ConfigSource): void {
    configure(source);
  }

  static setAdvancedConfig(_key: string, _value: string): void {
    throw unsupported("setAdvancedConfig");
  }

  static setGeofencingConfig(_areaList: number[], _type: number): boolean {
    throw unsupported("setGeofencingConfig: a Firestore database has its place");
  }

  /** Does nothing: what there is to say goes to the error event and the console. */
  setLogConfig(_config: unknown): void {}

  /** Ends this ZIM, so that another one can be created. The device stays registered for pushes. */
  destroy(): void {
    this.destroyed = true;
    this.account?.stop();
    this.account = undefined;
    this.events.clear();
    if (instance === this) instance = null;
  }

  on<K extends keyof ZIMEventHandler>(type: K, listener: ZIMEventHandler[K]): void {
    this.events.on(type, listener);
  }

  off<K extends keyof ZIMEventHandler>(type: K): void {
    this.events.off(type);
  }

  /** Logs in. The token is a Firebase custom token for the user; without one they must be signed in to Firebase already. */
  login(userID: string, config?: Partial<Omit<t.ZIMLoginConfig, "token">> & { token?: t.TokenSource }): Promise<void>;
  login(userInfo: Partial<t.ZIMUserInfo> & { userID: string }, token?: t.TokenSource): Promise<void>;
  async login(user: string | { userID: string }, second?: t.TokenSource | (Partial<Omit<t.ZIMLoginConfig, "token">> & { token?: t.TokenSource })): Promise<void> {
    const userID = typeof user === "string" ? user : user?.userID;
    if (typeof userID !== "string" || userID === "") throw invalid("userID", "is required");
    const config = typeof second === "object" ? second : {};
    if (config.customStatus) throw unsupported("custom statuses: leave out customStatus");
    if (config.isOfflineLogin) throw unsupported("offline login: leave out isOfflineLogin");
    if (this.account || this.busy) {
      throw new DoorbellError(ZIMErrorCode.NetworkModuleUserHasAlreadyLogged, `${this.account?.userID ?? "somebody"} is logged in: log out first`);
    }
    const userName = config.userName ?? (typeof user === "object" ? (user as t.ZIMUserInfo).userName : undefined) ?? "";
    this.busy = this.enter(userID, userName, typeof second === "object" ? second.token : second);
    try {
      await this.busy;
    } finally {
      this.busy = undefined;
    }
  }

  private async enter(userID: string, userName: string, token: t.TokenSource | undefined): Promise<void> {
    this.connection(ZIMConnectionState.Connecting, ZIMConnectionEvent.ActiveLogin);
    let account: Account | undefined;
    try {
      const { settings: s, firebase } = await this.where();
      const p = await project(firebase, s);
      if (await signIn(p.auth, userID, token, () => unbind(s, p))) rememberSignedIn(s, userID);
      account = new Account(userID, userName, s, p, this.fire, () => { this.account = undefined; });
      await account.start();
      if (this.destroyed) {
        account.stop();
        throw new DoorbellError(ZIMErrorCode.CommonModuleNotInit, "this ZIM was destroyed while it logged in");
      }
    } catch (err) {
      this.connection(ZIMConnectionState.Disconnected, ZIMConnectionEvent.LoginTimeout);
      throw asError(err);
    }
    this.account = account;
    this.connection(ZIMConnectionState.Connected, ZIMConnectionEvent.Success);
    this.hooks?.loggedIn(account).catch((err: unknown) => this.fire("error", asError(err)));
  }

  /** Logs out: the device is unbound, and nothing rings on it any more. */
  async logout(config?: Partial<t.ZIMLogoutConfig>): Promise<void> {
    await this.busy?.catch(() => {});
    const account = this.account;
    if (!account) return;
    this.account = undefined;
    try {
      await account.logout(config?.isClearDB === true);
    } finally {
      await this.hooks?.loggedOut().catch((err: unknown) => this.fire("error", asError(err)));
      this.connection(ZIMConnectionState.Disconnected, ZIMConnectionEvent.Success);
    }
  }

  /** Signs in anew. Firebase renews its own tokens, so only an app that changes a user's claims needs this. */
  async renewToken(token: string): Promise<t.ZIMTokenRenewedResult> {
    const { userID, project: p } = this.in();
    await exchange(p.auth, userID, token);
    return { token };
  }

  async updateUserOfflinePushRule(offlinePushRule: Partial<t.ZIMUserOfflinePushRule>): Promise<t.ZIMUserOfflinePushRuleUpdatedResult> {
    const rule = {
      onlinePlatforms: platforms(offlinePushRule?.onlinePlatforms, "onlinePlatforms"),
      notToReceiveOfflinePushPlatforms: platforms(offlinePushRule?.notToReceiveOfflinePushPlatforms, "notToReceiveOfflinePushPlatforms"),
    };
    await this.in().api.post("/push-rule", rule);
    this.fire("userRuleUpdated", { userRule: { offlinePushRule: rule } });
    return { offlinePushRule: rule };
  }

  /**
   * Sets the number that the icons of the user's iOS, macOS and installed web apps get with the next push that has
   * enableBadge, plus its badgeIncrement. After 0 it is the server's to count: a push without a badgeIncrement says how
   * much the user has not read, but for what they muted.
   */
  async updateUserBadge(badge: number): Promise<void> {
    if (!Number.isInteger(badge) || badge < 0) throw invalid("badge", "must be a whole number from 0 on");
    await this.in().api.post("/badge", { badge });
  }

  /** What Doorbell knows of the user who is logged in: their push rule. */
  async querySelfUserInfo(): Promise<t.ZIMSelfUserInfoQueriedResult> {
    const { api, userID, userName } = this.in();
    const userRule = await api.get<t.ZIMUserRule>("/push-rule");
    return { selfUserInfo: selfInfo(userID, userName, userRule) };
  }

  async addUsersToBlacklist(userIDs: string[]): Promise<t.ZIMBlacklistUsersAddedResult> {
    return this.in().api.post("/blacklist-add", { userIDs });
  }

  async removeUsersFromBlacklist(userIDs: string[]): Promise<t.ZIMBlacklistUsersRemovedResult> {
    return this.in().api.post("/blacklist-remove", { userIDs });
  }

  async queryBlacklist(config: t.ZIMBlacklistQueryConfig): Promise<t.ZIMBlacklistQueriedResult> {
    const { blacklist, nextFlag } = await this.in().api.post<{ blacklist: { userID: string }[]; nextFlag: number }>(
      "/blacklist-query", { nextFlag: config.nextFlag ?? 0, count: config.count });
    return { blacklist: blacklist.map(({ userID }) => ({ userID, userName: "", userAvatarUrl: "", userExtendedData: "" })), nextFlag };
  }

  async checkUserIsInBlacklist(userID: string): Promise<t.ZIMBlacklistCheckedResult> {
    return this.in().api.post("/blacklist-check", { userID });
  }

  async sendMessage(message: t.ZIMMessageInput, toConversationID: string, conversationType: ZIMConversationType, config: t.ZIMMessageSendConfigInput = {}, notification?: t.ZIMMessageSendNotification): Promise<t.ZIMMessageSentResult> {
    return this.in().send(message, toConversationID, conversationType, config, notification);
  }

  /** Takes a message back: nobody reads it any more, and the devices that were rung for it show it no longer. */
  async revokeMessage(message: t.ZIMMessage, config: t.ZIMMessageRevokeConfigInput = {}): Promise<t.ZIMMessageRevokedResult> {
    return this.in().revoke(message, config);
  }

  /** Gives a message the content it has here, also on the devices that show it. */
  async editMessage(message: t.ZIMMessageInput, config: t.ZIMMessageEditConfig = {}, _notification?: t.ZIMMessageSendNotification): Promise<t.ZIMMessageEditedResult> {
    return this.in().edit(message, config);
  }

  async queryHistoryMessage(conversationID: string, conversationType: ZIMConversationType, config: t.ZIMMessageQueryConfig): Promise<t.ZIMMessageQueriedResult> {
    return this.in().conversations.history(conversationID, conversationType, config);
  }

  async queryConversationList(config: t.ZIMConversationQueryConfig, option?: Partial<t.ZIMConversationFilterOption>): Promise<t.ZIMConversationListQueriedResult> {
    return this.in().conversations.list(config, option);
  }

  async clearConversationUnreadMessageCount(conversationID: string, conversationType: ZIMConversationType): Promise<t.ZIMConversationUnreadMessageCountClearedResult> {
    return this.in().read(conversationID, conversationType);
  }

  /** Sets whether a conversation rings; config, Doorbell's own, for how long not, and which of its messages. */
  async setConversationNotificationStatus(status: ZIMConversationNotificationStatus, conversationID: string, conversationType: ZIMConversationType, config: t.ConversationNotificationConfig = {}): Promise<t.ZIMConversationNotificationStatusSetResult> {
    return this.in().conversations.setNotificationStatus(status, conversationID, conversationType, config);
  }

  /** The user's own rules for being rung. Not part of the compared SDK, as is updateNotificationSettings. */
  async queryNotificationSettings(): Promise<t.NotificationSettingsResult> {
    return this.in().api.get("/notification-settings");
  }

  /** Changes the user's own rules for being rung. */
  async updateNotificationSettings(change: t.NotificationSettingsChange): Promise<t.NotificationSettingsResult> {
    return this.in().api.post("/notification-settings", change);
  }

  async createGroup(groupInfo: Partial<g.ZIMGroupInfo>, userIDs: string[] = [], config: Partial<g.ZIMGroupAdvancedConfig> = {}): Promise<g.ZIMGroupCreatedResult> {
    const account = this.in();
    // With an ID of ours the request may be repeated.
    const groupID = groupInfo?.groupID || randomID();
    return account.own(groupID, ZIMGroupEvent.Created, account.groups.create({ ...groupInfo, groupID }, userIDs, config));
  }

  async joinGroup(groupID: string): Promise<g.ZIMGroupJoinedResult> {
    const account = this.in();
    return account.own(groupID, ZIMGroupEvent.Joined, account.groups.join(groupID));
  }

  async leaveGroup(groupID: string): Promise<g.ZIMGroupLeftResult> {
    const account = this.in();
    return account.own(groupID, ZIMGroupEvent.Left, account.groups.leave(groupID));
  }

  async dismissGroup(groupID: string): Promise<g.ZIMGroupDismissedResult> {
    const account = this.in();
    return account.own(groupID, ZIMGroupEvent.Dismissed, account.groups.dismiss(groupID));
  }

  async inviteUsersIntoGroup(userIDs: string[], groupID: string): Promise<g.ZIMGroupUsersInvitedResult> {
    return this.in().groups.invite(userIDs, groupID);
  }

  async kickGroupMembers(userIDs: string[], groupID: string): Promise<g.ZIMGroupMemberKickedResult> {
    return this.in().groups.kick(userIDs, groupID);
  }

  async transferGroupOwner(toUserID: string, groupID: string): Promise<g.ZIMGroupOwnerTransferredResult> {
    return this.in().groups.transfer(toUserID, groupID);
  }

  async setGroupMemberRole(role: number, forUserID: string, groupID: string): Promise<g.ZIMGroupMemberRoleUpdatedResult> {
    return this.in().groups.setRole(role, forUserID, groupID);
  }

  async queryGroupInfo(groupID: string): Promise<g.ZIMGroupInfoQueriedResult> {
    return this.in().groups.info(groupID);
  }

  async queryGroupList(count?: number, config?: Partial<g.ZIMGroupListQueryConfig>): Promise<g.ZIMGroupListQueriedResult> {
    return this.in().groups.list(count, config);
  }

  async queryGroupMemberList(groupID: string, config: g.ZIMGroupMemberQueryConfig): Promise<g.ZIMGroupMemberListQueriedResult> {
    return this.in().groups.members(groupID, config);
  }

  async queryGroupMemberCount(groupID: string): Promise<g.ZIMGroupMemberCountQueriedResult> {
    return this.in().groups.memberCount(groupID);
  }

  async callInvite(invitees: string[], config: CallInput<ZIMCallInviteConfig> = {}): Promise<ZIMCallInvitationSentResult> {
    return this.in().calls.invite(invitees, config);
  }

  async callingInvite(invitees: string[], callID: string, config: CallInput<ZIMCallingInviteConfig> = {}): Promise<ZIMCallingInvitationSentResult> {
    return this.in().calls.inviteMore(invitees, callID, config);
  }

  async callCancel(invitees: string[], callID: string, config: CallInput<ZIMCallCancelConfig> = {}): Promise<ZIMCallCancelSentResult> {
    return this.in().calls.cancel(invitees, callID, config);
  }

  async callAccept(callID: string, config: Partial<ZIMCallAcceptConfig> = {}): Promise<ZIMCallAcceptanceSentResult> {
    const account = this.in();
    return account.answered(callID, account.calls.accept(callID, config));
  }

  async callReject(callID: string, config: Partial<ZIMCallRejectConfig> = {}): Promise<ZIMCallRejectionSentResult> {
    const account = this.in();
    return account.answered(callID, account.calls.reject(callID, config));
  }

  async callJoin(callID: string, config: Partial<ZIMCallJoinConfig> = {}): Promise<ZIMCallJoinSentResult> {
    const account = this.in();
    return account.answered(callID, account.calls.join(callID, config));
  }

  async callQuit(callID: string, config: CallInput<ZIMCallQuitConfig> = {}): Promise<ZIMCallQuitSentResult> {
    return this.in().calls.quit(callID, config);
  }

  async callEnd(callID: string, config: CallInput<ZIMCallEndConfig> = {}): Promise<ZIMCallEndSentResult> {
    return this.in().calls.end(callID, config);
  }

  async queryCallInvitationList(config: ZIMCallInvitationQueryConfig): Promise<ZIMCallInvitationListQueriedResult> {
    return this.in().calls.list(config);
  }

  /** The user who is logged in. @internal */
  get current(): Account | undefined {
    return this.account;
  }

  /** Has ZPNs take part in logging in, with the Firebase configuration it was given. @internal */
  attach(firebase: FirebaseConfig | undefined, hooks: LoginHooks): void {
    this.pushFirebase = firebase;
    this.hooks = hooks;
  }

  /** Where Doorbell and the Firebase project are. @internal */
  async where(): Promise<{ settings: Settings; firebase: FirebaseConfig }> {
    const s = await settings(this.own);
    const firebase = isFirebaseConfig(s.firebase) ? s.firebase : this.pushFirebase ?? await hosted();
    if (firebase) return { settings: s, firebase };
    throw new DoorbellError(ZIMErrorCode.CommonModuleNotInit,
      "no Firebase configuration: give it to ZIM.create or ZIM.configure, or set DOORBELL_CONFIG (see Doorbell's functions/web/README.md)");
  }

  private in(): Account {
    if (!this.account) throw notLoggedIn();
    return this.account;
  }

  private readonly fire: Fire = (type, data) => {
    this.events.fire(this, type, data);
  };

  private connection(state: ZIMConnectionState, event: ZIMConnectionEvent): void {
    this.fire("connectionStateChanged", { state, event, extendedData: "{}" });
  }
}

export interface ZIM extends Unsupported {}
declareUnsupported(ZIM.prototype);

function platforms(list: ZIMPlatformType[] | undefined, field: string): ZIMPlatformType[] {
  if (list === undefined) return [];
  if (!Array.isArray(list) || list.some((p) => typeof p !== "number" || !(p in ZIMPlatformType))) throw invalid(field, "must be a list of ZIMPlatformType numbers");
  return [...new Set(list)];
}

function selfInfo(userID: string, userName: string, userRule: t.ZIMUserRule): t.ZIMSelfUserInfo {
  return {
    userFullInfo: { baseInfo: { userID, userName, userAvatarUrl: "", userExtendedData: "" }, userAvatarUrl: "", extendedData: "" },
    userRule,
    userStatus: {
      userID, onlineStatus: ZIMUserOnlineStatus.Online, onlinePlatforms: [ZIMPlatformType.Web], customStatus: "",
      customStatusExpiredTime: 0, lastUpdateTime: 0, lastOnlineStatusUpdateTime: 0, lastCustomStatusUpdateTime: 0,
    },
  };
}
