// Groups over HTTP: the API's answers in the compared SDK's shapes.
import { ZIMGroupBeInviteMode, ZIMGroupEnterType, ZIMGroupMuteMode } from "./enums.js";
import { randomID } from "./device.js";
import { unsupported } from "./errors.js";
import type { Api } from "./http.js";
import type {
  ZIMGroup, ZIMGroupAdvancedConfig, ZIMGroupCreatedResult, ZIMGroupFullInfo, ZIMGroupInfo, ZIMGroupListQueriedResult,
  ZIMGroupListQueryConfig, ZIMGroupMemberInfo, ZIMGroupMemberKickedResult, ZIMGroupMemberListQueriedResult, ZIMGroupMemberQueryConfig,
  ZIMGroupUsersInvitedResult,
} from "./group-types.js";
import type { ZIMErrorUserInfo } from "./types.js";

interface WireGroup {
  baseInfo: ZIMGroupInfo;
  groupNotice: string;
  createTime: number;
  maxMemberCount: number;
  memberCount: number;
  verifyInfo: { joinMode: number; inviteMode: number };
  notificationStatus: number;
}

interface WireMember {
  userID: string;
  memberRole: number;
  enterTime: number;
}

/** The most the API gives on one page. */
const pageSize = 100;

export class Groups {
  constructor(private readonly api: Api) {}

  async create(info: Partial<ZIMGroupInfo>, userIDs: string[], config: Partial<ZIMGroupAdvancedConfig>): Promise<ZIMGroupCreatedResult> {
    if (Object.keys(config.groupAttributes ?? {}).length > 0) throw unsupported("group attributes: leave out groupAttributes");
    if (config.beInviteMode) throw unsupported("invitations that have to be accepted: leave out beInviteMode");
    const answer = await this.api.post<{ groupInfo: WireGroup; userList: WireMember[]; errorUserList: ZIMErrorUserInfo[] }>("/group-create", {
      // With an ID of ours the request may be repeated.
      groupInfo: { groupID: info.groupID || randomID(), groupName: info.groupName ?? "", groupAvatarUrl: info.groupAvatarUrl ?? "" },
      userIDs,
      config: {
        groupNotice: config.groupNotice ?? "",
        maxMemberCount: config.maxMemberCount ?? 0,
        joinMode: config.joinMode ?? 0,
        inviteMode: config.inviteMode ?? 0,
      },
    });
    return { groupInfo: fullInfo(answer.groupInfo), userList: answer.userList.map(member), errorUserList: answer.errorUserList };
  }

  async join(groupID: string): Promise<{ groupInfo: ZIMGroupFullInfo }> {
    return { groupInfo: fullInfo((await this.api.post<{ groupInfo: WireGroup }>("/group-join", { groupID })).groupInfo) };
  }

  async info(groupID: string): Promise<{ groupInfo: ZIMGroupFullInfo }> {
    return { groupInfo: fullInfo((await this.wire(groupID)).groupInfo) };
  }

  async memberCount(groupID: string): Promise<{ groupID: string; count: number }> {
    return { groupID, count: (await this.wire(groupID)).groupInfo.memberCount };
  }

  leave(groupID: string): Promise<{ groupID: string }> {
    return this.api.post("/group-leave", { groupID });
  }

  dismiss(groupID: string): Promise<{ groupID: string }> {
    return this.api.post("/group-dismiss", { groupID });
  }

  async invite(userIDs: string[], groupID: string): Promise<ZIMGroupUsersInvitedResult> {
    const answer = await this.api.post<{ userList: WireMember[]; errorUserList: ZIMErrorUserInfo[] }>("/group-invite", { groupID, userIDs });
    return { groupID, userList: answer.userList.map(member), errorUserList: answer.errorUserList };
  }

  async kick(userIDs: string[], groupID: string): Promise<ZIMGroupMemberKickedResult> {
    const answer = await this.api.post<{ kickedUserIDList: string[]; errorUserList: ZIMErrorUserInfo[] }>("/group-kick", { groupID, userIDs });
    return { groupID, kickedUserIDs: answer.kickedUserIDList, errorUserList: answer.errorUserList };
  }

  transfer(toUserID: string, groupID: string): Promise<{ groupID: string; toUserID: string }> {
    return this.api.post("/group-transfer", { groupID, toUserID });
  }

  setRole(role: number, forUserID: string, groupID: string): Promise<{ groupID: string; forUserID: string; role: number }> {
    return this.api.post("/group-role", { groupID, forUserID, role });
  }

  async members(groupID: string, config: ZIMGroupMemberQueryConfig): Promise<ZIMGroupMemberListQueriedResult> {
    const answer = await this.api.post<{ userList: WireMember[]; nextFlag: number }>("/group-members", {
      groupID, nextFlag: config.nextFlag ?? 0, count: config.count,
    });
    return { groupID, userList: answer.userList.map(member), nextFlag: answer.nextFlag };
  }

  /** flags is the API's page marks by the numbers that stand for them, as the compared SDK's are numbers. */
  private readonly flags: string[] = [""];

  /** list is a page of the user's groups, or all of them where no count is given. */
  async list(count?: number, config?: Partial<ZIMGroupListQueryConfig>): Promise<ZIMGroupListQueriedResult> {
    if (config?.userIDs?.length) throw unsupported("group lists by members: leave out userIDs");
    if (count !== undefined) return this.page(count, this.flags[config?.nextFlag ?? 0] ?? "");
    const groupList: ZIMGroup[] = [];
    for (let flag = ""; ;) {
      const page = await this.page(pageSize, flag);
      groupList.push(...page.groupList);
      if (page.nextFlag === 0) return { groupList, nextFlag: 0 };
      flag = this.flags[page.nextFlag]!;
    }
  }

  private async page(count: number, nextFlag: string): Promise<ZIMGroupListQueriedResult> {
    const answer = await this.api.post<{ groupList: ZIMGroup[]; nextFlag: string }>("/group-mine", { nextFlag, count });
    return {
      groupList: answer.groupList.map(({ baseInfo, notificationStatus }) => ({ baseInfo, notificationStatus, groupAlias: "" })),
      nextFlag: answer.nextFlag === "" ? 0 : this.flags.push(answer.nextFlag) - 1,
    };
  }

  private wire(groupID: string): Promise<{ groupInfo: WireGroup }> {
    return this.api.post("/group-info", { groupID });
  }
}

function fullInfo(g: WireGroup): ZIMGroupFullInfo {
  return {
    baseInfo: g.baseInfo,
    groupNotice: g.groupNotice,
    groupAttributes: {},
    groupAlias: "",
    notificationStatus: g.notificationStatus,
    mutedInfo: { mode: ZIMGroupMuteMode.None, expiredTime: 0, roles: [] },
    createTime: g.createTime,
    maxMemberCount: g.maxMemberCount,
    verifyInfo: { ...g.verifyInfo, beInviteMode: ZIMGroupBeInviteMode.None },
  };
}

function member(m: WireMember): ZIMGroupMemberInfo {
  return {
    userID: m.userID,
    userName: "",
    userAvatarUrl: "",
    userExtendedData: "",
    memberNickname: "",
    memberRole: m.memberRole,
    memberAvatarUrl: "",
    muteExpiredTime: 0,
    groupEnterInfo: { enterTime: m.enterTime, enterType: ZIMGroupEnterType.Unknown },
  };
}
