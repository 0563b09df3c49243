import type { CallInput, ZIMCallAcceptanceSentResult, ZIMCallAcceptConfig, ZIMCallCancelConfig, ZIMCallCancelSentResult, ZIMCallEndConfig, ZIMCallEndSentResult, ZIMCallingInvitationSentResult, ZIMCallingInviteConfig, ZIMCallInvitationListQueriedResult, ZIMCallInvitationQueryConfig, ZIMCallInvitationSentResult, ZIMCallInviteConfig, ZIMCallJoinConfig, ZIMCallJoinSentResult, ZIMCallQuitConfig, ZIMCallQuitSentResult, ZIMCallRejectConfig, ZIMCallRejectionSentResult } from "./call-types.js";
import { type ConfigSource, type DoorbellConfig } from "./config.js";
import { type ZIMConversationNotificationStatus, type ZIMConversationType } from "./enums.js";
import { type ZIMEventHandler } from "./events.js";
import type * as g from "./group-types.js";
import type * as t from "./types.js";
import { type Unsupported } from "./unsupported.js";
export declare class ZIM {
    private readonly own;
    private readonly events;
    private account;
    private busy;
    private destroyed;
    private pushFirebase;
    private hooks;
    private constructor();
    static getVersion(): string;
    /** Makes the page's ZIM, or returns null where there is one already, as the compared SDK does. */
    static create(appConfig: number | (t.ZIMAppConfig & DoorbellConfig)): ZIM | null;
    static getInstance(): ZIM | null;
    /** Says where Doorbell is, for every ZIM of this page: see README.md. Not part of the compared SDK. */
    static configure(source: ConfigSource): void;
    static setAdvancedConfig(_key: string, _value: string): void;
    static setGeofencingConfig(_areaList: number[], _type: number): boolean;
    /** Does nothing: what there is to say goes to the error event and the console. */
    setLogConfig(_config: unknown): void;
    /** Ends this ZIM, so that another one can be created. The device stays registered for pushes. */
    destroy(): void;
    on<K extends keyof ZIMEventHandler>(type: K, listener: ZIMEventHandler[K]): void;
    off<K extends keyof ZIMEventHandler>(type: K): void;
    /** Logs in. The token is a Firebase custom token for the user; without one they must be signed in to Firebase already. */
    login(userID: string, config?: Partial<Omit<t.ZIMLoginConfig, "token">> & {
        token?: t.TokenSource;
    }): Promise<void>;
    login(userInfo: Partial<t.ZIMUserInfo> & {
        userID: string;
    }, token?: t.TokenSource): Promise<void>;
    private enter;
    /** Logs out: the device is unbound, and nothing rings on it any more. */
    logout(config?: Partial<t.ZIMLogoutConfig>): Promise<void>;
    /** Signs in anew. Firebase renews its own tokens, so only an app that changes a user's claims needs this. */
    renewToken(token: string): Promise<t.ZIMTokenRenewedResult>;
    updateUserOfflinePushRule(offlinePushRule: Partial<t.ZIMUserOfflinePushRule>): Promise<t.ZIMUserOfflinePushRuleUpdatedResult>;
    /**
     * Sets the number that the icons of the user's iOS, macOS and installed web apps get with the next push that has
     * enableBadge, plus its badgeIncrement. After 0 it is the server's to count: a push without a badgeIncrement says how
     * much the user has not read, but for what they muted.
     */
    updateUserBadge(badge: number): Promise<void>;
    /** What Doorbell knows of the user who is logged in: their push rule. */
    querySelfUserInfo(): Promise<t.ZIMSelfUserInfoQueriedResult>;
    addUsersToBlacklist(userIDs: string[]): Promise<t.ZIMBlacklistUsersAddedResult>;
    removeUsersFromBlacklist(userIDs: string[]): Promise<t.ZIMBlacklistUsersRemovedResult>;
    queryBlacklist(config: t.ZIMBlacklistQueryConfig): Promise<t.ZIMBlacklistQueriedResult>;
    checkUserIsInBlacklist(userID: string): Promise<t.ZIMBlacklistCheckedResult>;
    sendMessage(message: t.ZIMMessageInput, toConversationID: string, conversationType: ZIMConversationType, config?: t.ZIMMessageSendConfigInput, notification?: t.ZIMMessageSendNotification): Promise<t.ZIMMessageSentResult>;
    /** Takes a message back: nobody reads it any more, and the devices that were rung for it show it no longer. */
    revokeMessage(message: t.ZIMMessage, config?: t.ZIMMessageRevokeConfigInput): Promise<t.ZIMMessageRevokedResult>;
    /** Gives a message the content it has here, also on the devices that show it. */
    editMessage(message: t.ZIMMessageInput, config?: t.ZIMMessageEditConfig, _notification?: t.ZIMMessageSendNotification): Promise<t.ZIMMessageEditedResult>;
    queryHistoryMessage(conversationID: string, conversationType: ZIMConversationType, config: t.ZIMMessageQueryConfig): Promise<t.ZIMMessageQueriedResult>;
    queryConversationList(config: t.ZIMConversationQueryConfig, option?: Partial<t.ZIMConversationFilterOption>): Promise<t.ZIMConversationListQueriedResult>;
    clearConversationUnreadMessageCount(conversationID: string, conversationType: ZIMConversationType): Promise<t.ZIMConversationUnreadMessageCountClearedResult>;
    /** Sets whether a conversation rings; config, Doorbell's own, for how long not, and which of its messages. */
    setConversationNotificationStatus(status: ZIMConversationNotificationStatus, conversationID: string, conversationType: ZIMConversationType, config?: t.ConversationNotificationConfig): Promise<t.ZIMConversationNotificationStatusSetResult>;
    /** The user's own rules for being rung. Not part of the compared SDK, as is updateNotificationSettings. */
    queryNotificationSettings(): Promise<t.NotificationSettingsResult>;
    /** Changes the user's own rules for being rung. */
    updateNotificationSettings(change: t.NotificationSettingsChange): Promise<t.NotificationSettingsResult>;
    createGroup(groupInfo: Partial<g.ZIMGroupInfo>, userIDs?: string[], config?: Partial<g.ZIMGroupAdvancedConfig>): Promise<g.ZIMGroupCreatedResult>;
    joinGroup(groupID: string): Promise<g.ZIMGroupJoinedResult>;
    leaveGroup(groupID: string): Promise<g.ZIMGroupLeftResult>;
    dismissGroup(groupID: string): Promise<g.ZIMGroupDismissedResult>;
    inviteUsersIntoGroup(userIDs: string[], groupID: string): Promise<g.ZIMGroupUsersInvitedResult>;
    kickGroupMembers(userIDs: string[], groupID: string): Promise<g.ZIMGroupMemberKickedResult>;
    transferGroupOwner(toUserID: string, groupID: string): Promise<g.ZIMGroupOwnerTransferredResult>;
    setGroupMemberRole(role: number, forUserID: string, groupID: string): Promise<g.ZIMGroupMemberRoleUpdatedResult>;
    queryGroupInfo(groupID: string): Promise<g.ZIMGroupInfoQueriedResult>;
    queryGroupList(count?: number, config?: Partial<g.ZIMGroupListQueryConfig>): Promise<g.ZIMGroupListQueriedResult>;
    queryGroupMemberList(groupID: string, config: g.ZIMGroupMemberQueryConfig): Promise<g.ZIMGroupMemberListQueriedResult>;
    queryGroupMemberCount(groupID: string): Promise<g.ZIMGroupMemberCountQueriedResult>;
    callInvite(invitees: string[], config?: CallInput<ZIMCallInviteConfig>): Promise<ZIMCallInvitationSentResult>;
    callingInvite(invitees: string[], callID: string, config?: CallInput<ZIMCallingInviteConfig>): Promise<ZIMCallingInvitationSentResult>;
    callCancel(invitees: string[], callID: string, config?: CallInput<ZIMCallCancelConfig>): Promise<ZIMCallCancelSentResult>;
    callAccept(callID: string, config?: Partial<ZIMCallAcceptConfig>): Promise<ZIMCallAcceptanceSentResult>;
    callReject(callID: string, config?: Partial<ZIMCallRejectConfig>): Promise<ZIMCallRejectionSentResult>;
    callJoin(callID: string, config?: Partial<ZIMCallJoinConfig>): Promise<ZIMCallJoinSentResult>;
    callQuit(callID: string, config?: CallInput<ZIMCallQuitConfig>): Promise<ZIMCallQuitSentResult>;
    callEnd(callID: string, config?: CallInput<ZIMCallEndConfig>): Promise<ZIMCallEndSentResult>;
    queryCallInvitationList(config: ZIMCallInvitationQueryConfig): Promise<ZIMCallInvitationListQueriedResult>;
    private in;
    private readonly fire;
    private connection;
}
export interface ZIM extends Unsupported {
}
