import { ZIMErrorCode, ZIMGroupBeInviteMode, ZIMGroupEvent, ZIMGroupMuteMode, ZIMGroupState } from "./enums.js";
import { DoorbellError } from "./errors.js";
import type { Fire } from "./events.js";
import type { Membership } from "./feed.js";
import type { ZIMGroupFullInfo } from "./group-types.js";

/** GroupWatch tells of the groups that the user comes into and leaves, once each. */
export class GroupWatch {
  private known: Map<string, Membership> | undefined;
  private readonly infos = new Map<string, ZIMGroupFullInfo>();
  /** What this page does itself, by group: the documents don't say how a membership came about. */
  private readonly doing = new Map<string, number>();

  constructor(private readonly userID: string, private readonly fire: Fire, private readonly info: (groupID: string) => Promise<{ groupInfo: ZIMGroupFullInfo }>) {}

  /** own runs what this page does to its membership, which is then the event. */
  async own<T>(groupID: string, event: number, action: Promise<T>): Promise<T> {
    this.doing.set(groupID, event);
    try {
      return await action;
    } catch (err) {
      if (this.doing.get(groupID) === event) this.doing.delete(groupID);
      throw err;
    }
  }

  /** changed takes the groups the user is in; the first time they are what there is, and no news. */
  changed(list: Membership[]): void {
    const now = new Map(list.map((m) => [m.groupID, m]));
    const before = this.known ?? now;
    this.known = now;
    for (const m of now.values()) {
      if (!before.has(m.groupID)) void this.tell(m, ZIMGroupState.Enter);
    }
    for (const m of before.values()) {
      if (!now.has(m.groupID)) void this.tell(m, ZIMGroupState.Quit);
    }
  }

  private async tell(m: Membership, state: ZIMGroupState): Promise<void> {
    const own = this.doing.get(m.groupID);
    this.doing.delete(m.groupID);
    let failure: unknown;
    try {
      this.infos.set(m.groupID, (await this.info(m.groupID)).groupInfo);
    } catch (err) {
      failure = err;
    }
    const event = own ?? (state === ZIMGroupState.Enter ? entered(m) : left(failure));
    this.fire("groupStateChanged", {
      state, event,
      operatedInfo: { userID: own === undefined ? "" : this.userID, userName: "", memberNickname: "", memberRole: own === undefined ? 0 : m.role },
      groupInfo: this.infos.get(m.groupID) ?? nameless(m.groupID),
    });
  }
}

/** The first owner of a group made it; who else is in it without a doing of their own was invited. */
function entered(m: Membership): ZIMGroupEvent {
  return m.role === 1 && m.joinSeq === 0 ? ZIMGroupEvent.Created : ZIMGroupEvent.Invited;
}

function left(failure: unknown): ZIMGroupEvent {
  const gone = failure instanceof DoorbellError && failure.code === ZIMErrorCode.GroupModuleGroupDoesNotExist;
  return gone ? ZIMGroupEvent.Dismissed : ZIMGroupEvent.KickedOut;
}

function nameless(groupID: string): ZIMGroupFullInfo {
  return {
    baseInfo: { groupID, groupName: "", groupAvatarUrl: "" },
    groupNotice: "", groupAttributes: {}, groupAlias: "", notificationStatus: 1,
    mutedInfo: { mode: ZIMGroupMuteMode.None, expiredTime: 0, roles: [] },
    createTime: 0, maxMemberCount: 0, verifyInfo: { joinMode: 0, inviteMode: 0, beInviteMode: ZIMGroupBeInviteMode.None },
  };
}
